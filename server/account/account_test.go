package account_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/account"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/store/sqlite"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
)

var (
	ctx    = context.Background()
	secret = bytes.Repeat([]byte("k"), 32)
	domain = jid.MustParse("example.org")
	juliet = jid.MustParse("juliet@example.org")
	now    = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
)

const password = "R0m30&Juliet"

func newDB(t testing.TB) store.DB {
	t.Helper()
	db, err := sqlite.OpenEphemeral(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(ctx, account.Migrations()); err != nil {
		t.Fatal(err)
	}
	return db
}

func newAccounts(t testing.TB, db store.DB) *account.Accounts {
	t.Helper()
	a, err := account.New(db, secret, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func person(bare string) module.NewAccount {
	return module.NewAccount{JID: jid.MustParse(bare), Password: password, Kind: module.Person}
}

// logIn reports whether a user can log in with a password, over a mechanism.
func logIn(t testing.TB, a *account.Accounts, mechanism, user, password string) bool {
	t.Helper()
	offer := sasl.Offer{Mechanisms: []string{mechanism}}
	server, err := sasl.NewServer(mechanism, a.Credentials(domain), sasl.ChannelBinding{}, offer)
	if err != nil {
		t.Fatal(err)
	}
	client, err := sasl.NewClient(mechanism, sasl.ClientCredentials{Username: user, Password: password}, sasl.ChannelBinding{}, offer)
	if err != nil {
		t.Fatal(err)
	}
	data, err := client.Start()
	for done := false; err == nil && !done; {
		var challenge []byte
		if challenge, done, err = server.Next(ctx, data); err == nil && challenge != nil {
			data, err = client.Next(challenge)
		}
	}
	if err != nil && !errors.Is(err, sasl.ErrProof) && sasl.ConditionOf(err) != sasl.NotAuthorized {
		t.Fatalf("%s as %s: %v", mechanism, user, err)
	}
	return err == nil
}

var mechanisms = []string{"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"}

func TestLogin(t *testing.T) {
	a := newAccounts(t, newDB(t))
	if err := a.Create(ctx, person("juliet@example.org")); err != nil {
		t.Fatal(err)
	}
	if err := a.Create(ctx, person("juliet@example.com")); err != nil { // another domain on this broker
		t.Fatal(err)
	}
	for _, m := range mechanisms {
		for _, user := range []string{"juliet", "Juliet"} { // RFC 7622 §3.3
			if !logIn(t, a, m, user, password) {
				t.Errorf("%s: %s cannot log in", m, user)
			}
		}
		if logIn(t, a, m, "juliet", "wrong"+password) || logIn(t, a, m, "nobody", password) || logIn(t, a, m, "a b", password) {
			t.Errorf("%s: who may not log in does", m)
		}
	}
	if err := a.SetPassword(ctx, juliet, "another one"); err != nil {
		t.Fatal(err)
	}
	for _, m := range mechanisms {
		if logIn(t, a, m, "juliet", password) || !logIn(t, a, m, "juliet", "another one") {
			t.Errorf("%s: the password is not changed", m)
		}
	}
	if err := a.SetPassword(ctx, jid.MustParse("nobody@example.org"), password); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a password for nobody: %v", err)
	}
}

// Who asks for a user that does not exist gets the same salt each time, as for one that does, and with another key file another.
func TestUnknownUsers(t *testing.T) {
	db := newDB(t)
	a := newAccounts(t, db)
	if err := a.Create(ctx, person("juliet@example.org")); err != nil {
		t.Fatal(err)
	}
	challenge := func(a *account.Accounts, user string) string {
		server, err := sasl.NewServer("SCRAM-SHA-256", a.Credentials(domain), sasl.ChannelBinding{}, sasl.Offer{Mechanisms: mechanisms})
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := server.Next(ctx, []byte("n,,n="+user+",r=rOprNGfwEbeRWgbNEkqO"))
		if err != nil {
			t.Fatal(err)
		}
		_, salt, _ := bytes.Cut(c, []byte(",s="))
		return string(salt) // and iterations
	}
	known, unknown := challenge(a, "juliet"), challenge(a, "nobody")
	if unknown != challenge(a, "nobody") || unknown == challenge(a, "nobody2") || len(known) != len(unknown) || known[len(known)-7:] != unknown[len(unknown)-7:] {
		t.Errorf("juliet %s, nobody %s", known, unknown)
	}
	other, err := account.New(db, bytes.Repeat([]byte("o"), 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if challenge(other, "nobody") == unknown || challenge(other, "juliet") != known {
		t.Error("the salt does not follow the key file, or the account's does")
	}
	if _, err := account.New(db, secret[:31], time.Now); err == nil {
		t.Error("a short key file was taken")
	}
}

func TestCreate(t *testing.T) {
	a := newAccounts(t, newDB(t))
	n := person("juliet@example.org")
	n.Kind, n.Admin, n.Remote = module.Thing, true, netip.MustParseAddr("192.0.2.1")
	if err := a.Create(ctx, n); err != nil {
		t.Fatal(err)
	}
	want := module.AccountInfo{JID: juliet, Kind: module.Thing, Admin: true, Created: now}
	if got, err := a.Get(ctx, juliet); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		n    module.NewAccount
		want stanza.Condition
	}{
		"twice":          {person("juliet@example.org"), stanza.Conflict},
		"a domain":       {person("example.org"), stanza.NotAcceptable},
		"a session":      {person("romeo@example.org/orchard"), stanza.NotAcceptable},
		"nothing":        {module.NewAccount{Password: password}, stanza.NotAcceptable},
		"no password":    {module.NewAccount{JID: jid.MustParse("romeo@example.org")}, stanza.NotAcceptable},
		"a short one":    {module.NewAccount{JID: jid.MustParse("romeo@example.org"), Password: "ÄÖÜäöüß"}, stanza.NotAcceptable},
		"not a text":     {module.NewAccount{JID: jid.MustParse("romeo@example.org"), Password: "12345678\x00"}, stanza.NotAcceptable},
		"an unknown key": {module.NewAccount{JID: jid.MustParse("romeo@example.org"), Password: password, APIKey: "?"}, stanza.Forbidden},
	} {
		if err := a.Create(ctx, c.n); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if !a.Exists(ctx, juliet) || a.Exists(ctx, jid.MustParse("romeo@example.org")) {
		t.Error("who exists does not, or the other way round")
	}
	a.Online = func(j jid.JID) bool { return j.Local() == "romeo" } // is known without a look into the database
	if !a.Exists(ctx, jid.MustParse("romeo@example.org")) {
		t.Error("who is online does not exist")
	}
	if _, err := a.Get(ctx, jid.MustParse("romeo@example.org")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// However many create accounts with one key at once, its quota holds, and a failure costs nothing.
func TestQuota(t *testing.T) {
	const quota, all = 5, 12
	a := newAccounts(t, newDB(t))
	key, err := a.NewKey(ctx, "ACME", quota, module.Thing)
	if err != nil {
		t.Fatal(err)
	}
	n := person("first@example.org")
	n.APIKey = key.ID
	if err := a.Create(ctx, n); err != nil {
		t.Fatal(err)
	}
	if err := a.Create(ctx, n); !errors.Is(err, stanza.Conflict) { // is not counted
		t.Error(err)
	}
	var made, refused atomic.Int32
	var work sync.WaitGroup
	for i := range all {
		work.Go(func() {
			n := person(fmt.Sprintf("thing%d@example.org", i))
			n.APIKey = key.ID
			switch err := a.Create(ctx, n); {
			case err == nil:
				made.Add(1)
			case errors.Is(err, stanza.Forbidden):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	work.Wait()
	if made.Load() != quota-1 || refused.Load() != all-quota+1 {
		t.Errorf("%d made, %d refused", made.Load(), refused.Load())
	}
	if got, err := a.Key(ctx, key.ID); err != nil || got.Used != quota {
		t.Errorf("%+v, %v", got, err)
	}
	listed, err := a.List(ctx, "", 100)
	if err != nil || len(listed) != quota {
		t.Errorf("%d accounts, %v", len(listed), err)
	}
	for _, info := range listed {
		if info.APIKey != key.ID {
			t.Errorf("%+v", info)
		}
	}
}

func TestKeys(t *testing.T) {
	a := newAccounts(t, newDB(t))
	key, err := a.NewKey(ctx, "ACME", 2, module.Thing)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Key(ctx, key.ID); err != nil || got != key || len(key.Secret) < 20 {
		t.Errorf("%+v, %v, want %+v", got, err, key)
	}
	other, err := a.NewKey(ctx, "Other", 1, module.Person)
	if err != nil || other.ID == key.ID || other.Secret == key.Secret {
		t.Errorf("%+v, %v", other, err)
	}
	all, err := a.ListKeys(ctx)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	for _, k := range all {
		if k.Secret != "" || k.Owner == "" {
			t.Errorf("listed %+v", k)
		}
	}
	n := person("romeo@example.org")
	n.APIKey = key.ID
	for _, disabled := range []bool{true, false} {
		if err := a.DisableKey(ctx, key.ID, disabled); err != nil {
			t.Fatal(err)
		}
		if err := a.Create(ctx, n); errors.Is(err, stanza.Forbidden) != disabled {
			t.Errorf("disabled %v: %v", disabled, err)
		}
	}
	if err := a.DisableKey(ctx, "?", true); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if _, err := a.Key(ctx, "?"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

// Who has the database without the key file cannot read the secrets in it, nor move one to another key.
func TestSealedSecrets(t *testing.T) {
	db := newDB(t)
	a := newAccounts(t, db)
	key, err := a.NewKey(ctx, "ACME", 2, module.Thing)
	if err != nil {
		t.Fatal(err)
	}
	other, err := a.NewKey(ctx, "Mallory", 2, module.Thing)
	if err != nil {
		t.Fatal(err)
	}
	thief, err := account.New(db, bytes.Repeat([]byte("o"), 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if k, err := thief.Key(ctx, key.ID); err == nil || k.Secret != "" {
		t.Errorf("read %+v, %v", k, err)
	}
	var sealed []byte
	err = db.Update(ctx, func(tx *store.Tx) error {
		if err := tx.QueryRow(`SELECT secret FROM account_apikey WHERE id = ?1`, key.ID).Scan(&sealed); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE account_apikey SET secret = ?2 WHERE id = ?1`, other.ID, sealed)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte(key.Secret)) {
		t.Error("stored as it is")
	}
	if k, err := a.Key(ctx, other.ID); err == nil || k.Secret != "" {
		t.Errorf("a secret was moved: %+v, %v", k, err)
	}
	if k, err := a.Key(ctx, key.ID); err != nil || k.Secret != key.Secret {
		t.Errorf("%+v, %v", k, err)
	}
	if one := account.Derive(secret, "a"); len(one) != 32 || bytes.Equal(one, account.Derive(secret, "b")) || !bytes.Equal(one, account.Derive(secret, "a")) {
		t.Error("derived keys")
	}
}

// An account goes with all that features hold of it, or not at all; sessions end when it is gone.
func TestRemove(t *testing.T) {
	db := newDB(t)
	a := newAccounts(t, db)
	for _, n := range []string{"juliet@example.org", "romeo@example.org"} {
		if err := a.Create(ctx, person(n)); err != nil {
			t.Fatal(err)
		}
	}
	var log []string
	var fail error
	a.Gone = func(j jid.JID) {
		if _, err := a.Get(ctx, j); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("gone before it is: %v", err)
		}
		log = append(log, "gone "+j.Local())
	}
	a.Removed = []func(*store.Tx, jid.JID) error{
		func(tx *store.Tx, j jid.JID) error {
			log = append(log, "first "+j.Local())
			tx.AfterCommit(func() { log = append(log, "committed") })
			_, err := tx.Exec(`UPDATE account SET admin = 1 WHERE jid = 'romeo@example.org'`)
			return err
		},
		func(*store.Tx, jid.JID) error { return fail },
	}
	fail = errors.New("no")
	if err := a.Remove(ctx, juliet); !errors.Is(err, fail) || !slices.Equal(log, []string{"first juliet"}) {
		t.Errorf("%v, %q", err, log)
	}
	if !a.Exists(ctx, juliet) || !logIn(t, a, "PLAIN", "juliet", password) {
		t.Error("gone in part")
	}
	if info, _ := a.Get(ctx, jid.MustParse("romeo@example.org")); info.Admin {
		t.Error("what a feature did was not undone")
	}
	log, fail = nil, nil
	if err := a.Remove(ctx, juliet); err != nil || !slices.Equal(log, []string{"first juliet", "committed", "gone juliet"}) {
		t.Errorf("%v, %q", err, log)
	}
	if a.Exists(ctx, juliet) || logIn(t, a, "SCRAM-SHA-256", "juliet", password) {
		t.Error("not gone")
	}
	if err := a.Remove(ctx, juliet); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	var keys int
	err := db.View(ctx, func(tx *store.Tx) error { return tx.QueryRow(`SELECT count(*) FROM account_keys`).Scan(&keys) })
	if err != nil || keys != 3 { // romeo's
		t.Errorf("%d keys, %v", keys, err)
	}
	if err := a.Create(ctx, person("juliet@example.org")); err != nil { // the name is free
		t.Error(err)
	}
}

func TestBulk(t *testing.T) {
	const total, chunk = 40, 16
	a := newAccounts(t, newDB(t))
	a.SetChunk(chunk)
	if err := a.Create(ctx, person("thing007@example.org")); err != nil {
		t.Fatal(err)
	}
	var all []module.NewAccount
	for i := range total {
		n := person(fmt.Sprintf("thing%03d@example.org", i))
		n.Password = fmt.Sprintf("password of %d", i)
		all = append(all, n)
	}
	var told []int
	if err := a.CreateAll(ctx, all, func(n int) { told = append(told, n) }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(told, []int{16, 32, 40}) {
		t.Errorf("told %v", told)
	}
	for _, i := range []int{0, 7, 15, 16, total - 1} { // 7 got a new password
		if !logIn(t, a, "SCRAM-SHA-1", fmt.Sprintf("thing%03d", i), all[i].Password) {
			t.Errorf("thing%03d cannot log in", i)
		}
	}
	var listed []string
	for after := ""; ; {
		page, err := a.List(ctx, after, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, info := range page {
			listed = append(listed, info.JID.String())
		}
		after = listed[len(listed)-1]
	}
	if len(listed) != total || !slices.IsSorted(listed) {
		t.Errorf("%d listed, sorted %v", len(listed), slices.IsSorted(listed))
	}
	all = append(all[:10], module.NewAccount{JID: jid.MustParse("bad@example.org"), Password: "short"})
	if err := a.CreateAll(ctx, all, func(int) {}); !errors.Is(err, stanza.NotAcceptable) {
		t.Errorf("a short password: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := a.CreateAll(cancelled, all[:10], func(int) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

func onDisk(b *testing.B) *account.Accounts {
	db, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "comity.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if err := db.Migrate(ctx, account.Migrations()); err != nil {
		b.Fatal(err)
	}
	return newAccounts(b, db)
}

func BenchmarkCreate(b *testing.B) {
	a, i := onDisk(b), 0
	for b.Loop() {
		i++
		if err := a.Create(ctx, person(fmt.Sprintf("thing%d@example.org", i))); err != nil {
			b.Fatal(err)
		}
	}
}

// An account costs this much of all cores together when there are many.
func BenchmarkCreateAll(b *testing.B) {
	a := onDisk(b)
	all := make([]module.NewAccount, 64)
	n := 0
	for b.Loop() {
		for i := range all {
			n++
			all[i] = person(fmt.Sprintf("thing%d@example.org", n))
		}
		if err := a.CreateAll(ctx, all, func(int) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n)/1000, "ms/account")
}
