package register_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/server/account"
	"github.com/comity-iot/comity/xep/register"
	"github.com/comity-iot/comity/xep/signing"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// maker is the API key of a maker of things.
var maker = signing.Key{ID: "3b9ee7c8f2a64a1d8f3d7a6d0c5be210", Secret: "s3cr3t/Key+with=chars&more"}

const password = "Pa ss;w0rd!~"

// set returns the feature with settings other than the default.
func set(values map[string]any) module.Def {
	def := register.Module()
	for name, v := range values {
		reflect.ValueOf(def.Config).Elem().FieldByName(name).Set(reflect.ValueOf(v))
	}
	return def
}

func broker(t testing.TB, def module.Def) *moduletest.Broker {
	b := moduletest.New(t, def)
	b.Accounts.AddKey(module.APIKey{ID: maker.ID, Secret: maker.Secret, Limit: 1000, Kind: module.Thing})
	return b
}

// offered asks for the form.
func offered(t testing.TB, r stanza.Requester) *form.Form {
	t.Helper()
	answer, err := r.Request(context.Background(), &stanza.IQ{Type: stanza.Get, Payload: xmlstream.New(register.NS, "query")})
	if err != nil {
		t.Fatal(err)
	}
	f, err := form.Find(answer)
	if err != nil || f == nil {
		t.Fatalf("%s: %v", answer, err)
	}
	return f
}

func submit(r stanza.Requester, f *form.Form) error {
	_, err := r.Request(context.Background(),
		&stanza.IQ{Type: stanza.Set, Payload: xmlstream.New(register.NS, "query", f.Element())})
	return err
}

// entry is how a thing fills in and signs a form.
type entry struct {
	username, password string
	key                signing.Key
	nonce              string
	at                 time.Time
	to                 string
}

func (e entry) sign(t testing.TB, f *form.Form) *form.Form {
	t.Helper()
	filled := &form.Form{Type: form.TypeSubmit, Fields: f.Fields}
	filled.Set("username", e.username)
	filled.Set("password", e.password)
	token := signing.Token{ID: f.String("oauth_token"), Secret: f.String("oauth_token_secret")}
	signed, err := signing.Sign(filled, e.key, token, e.nonce, e.at, e.to)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func thing(b *moduletest.Broker, username string) entry {
	return entry{username: username, password: password, key: maker, nonce: rand.Text(), at: b.Clock.Now()}
}

// The form has all eight fields even if empty: clients in the field submit it unsigned if one is missing. XEP-0348#signingform
func TestForm(t *testing.T) {
	b := broker(t, register.Module())
	r := b.On(moduletest.NewStream("192.0.2.1"))
	f := offered(t, r)
	if f.FormType() != "urn:xmpp:xdata:signature:oauth1" || f.Type != form.TypeForm {
		t.Errorf("%s", f.Element())
	}
	for v, want := range map[string]string{
		"oauth_version": "1.0", "oauth_signature_method": "HMAC-SHA1", "oauth_nonce": "", "oauth_timestamp": "",
		"oauth_consumer_key": "", "oauth_signature": "",
	} {
		field := f.Field(v)
		if field == nil || field.Type != form.Hidden || f.String(v) != want {
			t.Errorf("%s is %+v", v, field)
		}
	}
	again := offered(t, r)
	for _, v := range []string{"oauth_token", "oauth_token_secret"} {
		if len(f.String(v)) < 20 || f.String(v) == again.String(v) {
			t.Errorf("%s is %q, then %q", v, f.String(v), again.String(v))
		}
	}
	for _, v := range []string{"username", "password"} {
		if field := f.Field(v); field == nil || !field.Required {
			t.Errorf("%s is %+v", v, field)
		}
	}
}

func TestCreate(t *testing.T) {
	b := moduletest.NewWith(t, func(h *module.Host) { h.Now = time.Now }, register.Module())
	b.Accounts.AddKey(module.APIKey{ID: maker.ID, Secret: maker.Secret, Limit: 1, Kind: module.Thing})
	ctx := context.Background()
	if err := register.Create(ctx, b.On(moduletest.NewStream("192.0.2.1")), maker, "thing01", password); err != nil {
		t.Fatal(err)
	}
	info, err := b.Accounts.Get(ctx, jid.MustParse("thing01@example.org"))
	if err != nil || info.Kind != module.Thing || info.APIKey != maker.ID {
		t.Errorf("%+v, %v", info, err)
	}
	if got := b.Accounts.Password("thing01@example.org"); got != password {
		t.Errorf("the password is %q", got)
	}
	if err := register.Create(ctx, b.On(moduletest.NewStream("192.0.2.1")), maker, "thing02", password); !errors.Is(err, stanza.Forbidden) {
		t.Errorf("beyond the quota: %v", err)
	}
	if err := register.Create(ctx, b.On(moduletest.NewStream("192.0.2.1")), signing.Key{}, "thing03", password); !errors.Is(err, register.ErrKeyWanted) {
		t.Errorf("without a key: %v", err)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*moduletest.Broker, *entry)
		want   stanza.Condition
		kind   stanza.ErrorKind
	}{
		{"XEP-0348#ibr: another secret", func(_ *moduletest.Broker, e *entry) { e.key.Secret = "guess" }, stanza.BadRequest, stanza.Modify},
		{"an unknown key", func(_ *moduletest.Broker, e *entry) { e.key.ID = "nobody" }, stanza.BadRequest, stanza.Modify},
		{"for another server", func(_ *moduletest.Broker, e *entry) { e.to = "example.com" }, stanza.BadRequest, stanza.Modify},
		{"no nonce", func(_ *moduletest.Broker, e *entry) { e.nonce = "" }, stanza.BadRequest, stanza.Modify},
		{"signed too long ago", func(_ *moduletest.Broker, e *entry) { e.at = e.at.Add(-301 * time.Second) }, stanza.BadRequest, stanza.Modify},
		{"signed in the future", func(_ *moduletest.Broker, e *entry) { e.at = e.at.Add(301 * time.Second) }, stanza.BadRequest, stanza.Modify},
		{
			"a disabled key", func(b *moduletest.Broker, _ *entry) {
				b.Accounts.AddKey(module.APIKey{ID: maker.ID, Secret: maker.Secret, Limit: 9, Disabled: true})
			}, stanza.Forbidden, stanza.Auth,
		},
		{
			"a key that is used up", func(b *moduletest.Broker, _ *entry) {
				b.Accounts.AddKey(module.APIKey{ID: maker.ID, Secret: maker.Secret, Limit: 9, Used: 9})
			}, stanza.Forbidden, stanza.Auth,
		},
		{"XEP-0077#usecases-register: the name is taken", func(_ *moduletest.Broker, e *entry) { e.username = "juliet" }, stanza.Conflict, stanza.Cancel},
		{"a name that is none", func(_ *moduletest.Broker, e *entry) { e.username = "a@b" }, stanza.NotAcceptable, stanza.Modify},
		{"no name", func(_ *moduletest.Broker, e *entry) { e.username = " " }, stanza.NotAcceptable, stanza.Modify},
		{"XEP-0077#usecases-register: no password", func(_ *moduletest.Broker, e *entry) { e.password = "" }, stanza.NotAcceptable, stanza.Modify},
		{"a short password", func(_ *moduletest.Broker, e *entry) { e.password = "short" }, stanza.NotAcceptable, stanza.Modify},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := broker(t, register.Module())
			b.Accounts.Add("juliet@example.org")
			e := thing(b, "thing01")
			c.change(b, &e)
			r := b.On(moduletest.NewStream("192.0.2.1"))
			err := submit(r, e.sign(t, offered(t, r)))
			var got *stanza.Error
			if !errors.As(err, &got) || got.Condition != c.want || got.Kind != c.kind {
				t.Errorf("%v, want %s of %s", err, c.want, c.kind)
			}
			if b.Accounts.Exists(context.Background(), jid.MustParse("thing01@example.org")) {
				t.Error("the account is there")
			}
		})
	}
}

// Without a signature there is no account, in whatever way it is asked for.
func TestUnsigned(t *testing.T) {
	b := broker(t, register.Module())
	st := moduletest.NewStream("192.0.2.1")
	r := b.On(st)
	f := offered(t, r)
	filled := &form.Form{Type: form.TypeSubmit, Fields: f.Fields}
	filled.Set("username", "thing01")
	filled.Set("password", password)
	if err := submit(r, filled); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("a form: %v", err)
	}
	_, err := r.Request(context.Background(), &stanza.IQ{Type: stanza.Set, Payload: elements("thing01", password)})
	if !errors.Is(err, stanza.BadRequest) {
		t.Errorf("elements: %v", err)
	}
	remove := xmlstream.New(register.NS, "query", xmlstream.New(register.NS, "remove"))
	_, err = r.Request(context.Background(), &stanza.IQ{Type: stanza.Set, Payload: remove})
	if !errors.Is(err, stanza.UnexpectedRequest) { // XEP-0077#usecases-cancel
		t.Errorf("removal: %v", err)
	}
}

func elements(username, password string) *xmlstream.Element {
	return xmlstream.New(register.NS, "query",
		xmlstream.New(register.NS, "username", xmlstream.Text(username)),
		xmlstream.New(register.NS, "password", xmlstream.Text(password)))
}

// A signed form is good once, and only on the stream that it was given out on.
func TestReplay(t *testing.T) {
	b := broker(t, register.Module())
	first := b.On(moduletest.NewStream("192.0.2.1"))
	good := thing(b, "thing01").sign(t, offered(t, first))

	other := moduletest.NewStream("192.0.2.2")
	if err := submit(b.On(other), good); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("on a stream without a form: %v", err)
	}
	offered(t, b.On(other))
	if err := submit(b.On(other), good); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("on a stream with another form: %v", err)
	}
	taken := thing(b, "thing02")
	b.Accounts.Add("thing02@example.org")
	form := taken.sign(t, offered(t, first))
	if err := submit(first, form); !errors.Is(err, stanza.Conflict) {
		t.Fatalf("%v", err)
	}
	if err := submit(first, form); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("twice on one stream: %v", err)
	}
	if err := submit(first, good); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("the form before the last: %v", err)
	}
}

// A nonce is good once for each key, until forms with it would be too old.
func TestNonce(t *testing.T) {
	b := broker(t, register.Module())
	try := func(username, nonce string) error {
		e := thing(b, username)
		e.nonce = nonce
		r := b.On(moduletest.NewStream("192.0.2.1"))
		return submit(r, e.sign(t, offered(t, r)))
	}
	if err := try("thing01", "n1"); err != nil {
		t.Fatal(err)
	}
	if err := try("thing02", "n1"); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("again: %v", err)
	}
	if err := try("thing02", "n2"); err != nil {
		t.Errorf("another: %v", err)
	}
	b.Clock.Advance(302 * time.Second)
	if err := try("thing03", "n1"); err != nil {
		t.Errorf("when the first is forgotten: %v", err)
	}
}

// One stream makes one account. XEP-0077#usecases-register-server
func TestOneForEachStream(t *testing.T) {
	b := broker(t, register.Module())
	r := b.On(moduletest.NewStream("192.0.2.1"))
	if err := submit(r, thing(b, "thing01").sign(t, offered(t, r))); err != nil {
		t.Fatal(err)
	}
	if err := submit(r, thing(b, "thing02").sign(t, offered(t, r))); !errors.Is(err, stanza.NotAcceptable) {
		t.Errorf("%v", err)
	}
}

// Who fails too often waits; who signs as he should is not counted.
func TestAttempts(t *testing.T) {
	b := broker(t, set(map[string]any{"Attempts": 3, "Window": time.Minute}))
	try := func(addr, username string, key signing.Key) error {
		e := thing(b, username)
		e.key = key
		r := b.On(moduletest.NewStream(addr))
		return submit(r, e.sign(t, offered(t, r)))
	}
	for i := range 10 {
		if err := try("2001:db8::1", fmt.Sprint("thing", i), maker); err != nil {
			t.Fatal(err)
		}
	}
	wrong := signing.Key{ID: maker.ID, Secret: "guess"}
	for i := range 3 {
		if err := try(fmt.Sprintf("2001:db8::%d", i), "x", wrong); !errors.Is(err, stanza.BadRequest) {
			t.Fatalf("%v", err)
		}
	}
	err := try("2001:db8::ffff", "y", maker)
	var e *stanza.Error
	if !errors.As(err, &e) || e.Condition != stanza.ResourceConstraint || e.Kind != stanza.Wait {
		t.Errorf("the same network: %v", err)
	}
	if err := try("2001:db8:0:1::1", "y", maker); err != nil {
		t.Errorf("another network: %v", err)
	}
	b.Clock.Advance(time.Minute)
	if err := try("2001:db8::1", "z", maker); err != nil {
		t.Errorf("later: %v", err)
	}
}

func TestOpen(t *testing.T) {
	b := broker(t, set(map[string]any{"Open": true, "Attempts": 4}))
	ctx := context.Background()
	if err := register.Create(ctx, b.On(moduletest.NewStream("192.0.2.1")), signing.Key{}, "juliet", password); err != nil {
		t.Fatalf("elements: %v", err)
	}
	info, err := b.Accounts.Get(ctx, jid.MustParse("juliet@example.org"))
	if err != nil || info.Kind != module.Person || info.APIKey != "" {
		t.Errorf("%+v, %v", info, err)
	}
	r := b.On(moduletest.NewStream("192.0.2.1"))
	filled := &form.Form{Type: form.TypeSubmit, Fields: offered(t, r).Fields}
	filled.Set("username", "romeo")
	filled.Set("password", password)
	if err := submit(r, filled); err != nil {
		t.Errorf("a form that is not signed: %v", err)
	}
	wrong := thing(b, "nurse")
	wrong.key.Secret = "guess"
	r = b.On(moduletest.NewStream("192.0.2.1"))
	if err := submit(r, wrong.sign(t, offered(t, r))); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("a form that is signed with another secret: %v", err)
	}
	if err := register.Create(ctx, b.On(moduletest.NewStream("192.0.2.1")), signing.Key{}, "juliet", password); !errors.Is(err, stanza.Conflict) {
		t.Errorf("a name that is taken: %v", err)
	}
	if err := register.Create(ctx, b.On(moduletest.NewStream("192.0.2.1")), signing.Key{}, "tybalt", password); !errors.Is(err, stanza.ResourceConstraint) {
		t.Errorf("too many: %v", err)
	}
}

// Fifty things at once cannot exceed a quota of five.
func TestQuota(t *testing.T) {
	var accounts *account.Accounts
	var key module.APIKey
	ctx := context.Background()
	b := moduletest.NewWith(t, func(h *module.Host) {
		err := h.DB.Migrate(ctx, account.Migrations())
		if err == nil {
			accounts, err = account.New(h.DB, []byte(strings.Repeat("k", 32)), h.Now)
		}
		if err == nil {
			key, err = accounts.NewKey(ctx, "maker", 5, module.Thing)
		}
		if err != nil {
			t.Fatal(err)
		}
		h.Accounts = accounts
	}, set(map[string]any{"Attempts": 0}))
	var work sync.WaitGroup
	errs := make([]error, 50)
	for i := range errs {
		work.Go(func() {
			e := thing(b, fmt.Sprintf("thing%02d", i))
			e.key = signing.Key{ID: key.ID, Secret: key.Secret}
			r := b.On(moduletest.NewStream("192.0.2.1"))
			errs[i] = submit(r, e.sign(t, offered(t, r)))
		})
	}
	work.Wait()
	created := 0
	for i, err := range errs {
		switch {
		case err == nil:
			created++
		case !errors.Is(err, stanza.Forbidden):
			t.Errorf("%d: %v", i, err)
		}
	}
	all, err := accounts.List(ctx, "", 100)
	if created != 5 || len(all) != 5 || err != nil {
		t.Errorf("%d were told so, %d are there, %v", created, len(all), err)
	}
}

// XEP-0077#streamfeature
func TestFeature(t *testing.T) {
	feature := broker(t, register.Module()).Hooks[0].StreamFeatures
	for name, c := range map[string]struct {
		st   *moduletest.Stream
		want bool
	}{
		"over TLS":           {moduletest.NewStream("192.0.2.1"), true},
		"in plain":           {&moduletest.Stream{From: moduletest.NewStream("192.0.2.1").From, Plain: true}, false},
		"inside the machine": {&moduletest.Stream{From: moduletest.NewStream("127.0.0.1").From, Plain: true}, true},
		"after login":        {&moduletest.Stream{Who: jid.MustParse("juliet@example.org")}, false},
	} {
		if got := feature(c.st); len(got) > 0 != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whatever is sent before the login, the broker neither fails nor makes an account without a signature.
func FuzzSubmit(f *testing.F) {
	f.Add(`<query xmlns='jabber:iq:register'><username>bill</username><password>Calliope!</password></query>`)
	f.Add(`<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>
		<value>urn:xmpp:xdata:signature:oauth1</value></field><field var='oauth_version'><value>1.0</value></field>
		<field var='oauth_signature_method'><value>HMAC-SHA1</value></field><field var='oauth_nonce'><value>n</value></field>
		<field var='oauth_timestamp'><value>1777896000</value></field><field var='oauth_signature'><value>AA%3D</value></field>
		<field var='oauth_consumer_key'><value>3b9ee7c8f2a64a1d8f3d7a6d0c5be210</value></field>
		<field var='username'><value>bill</value></field><field var='password'><value>Calliope!</value></field></x></query>`)
	b := broker(f, set(map[string]any{"Attempts": 0}))
	f.Fuzz(func(t *testing.T, text string) {
		el, err := xmlstream.Parse([]byte(text), xmlstream.Limits{})
		if err != nil || !el.Is(register.NS, "query") {
			return
		}
		r := b.On(moduletest.NewStream("192.0.2.1"))
		offered(t, r)
		_, err = r.Request(context.Background(), &stanza.IQ{Type: stanza.Set, Payload: el})
		if err == nil || errors.Is(err, stanza.InternalServerError) {
			t.Errorf("%s: %v", text, err)
		}
	})
}
