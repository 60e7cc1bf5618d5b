package account

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
)

const accountColumns = `jid, kind, admin, disabled, created, apikey`

func scanAccount(r *store.Row) (module.AccountInfo, error) {
	var (
		info    module.AccountInfo
		addr    string
		created int64
		apikey  sql.Null[string]
	)
	if err := r.Scan(&addr, (*string)(&info.Kind), &info.Admin, &info.Disabled, &created, &apikey); err != nil {
		return info, err
	}
	info.Created, info.APIKey = store.Time(created), apikey.V
	var err error
	info.JID, err = jid.Parse(addr)
	return info, err
}

func selectAccount(tx *store.Tx, bare jid.JID) (module.AccountInfo, error) {
	return store.One(tx.Query(`SELECT `+accountColumns+` FROM account WHERE jid = ?1`, bare.String()), scanAccount)
}

func listAccounts(tx *store.Tx, after string, limit int) ([]module.AccountInfo, error) {
	return store.All(tx.Query(`SELECT `+accountColumns+` FROM account WHERE jid > ?1 ORDER BY jid LIMIT ?2`,
		after, limit), scanAccount)
}

// insertAccount reports whether the account is new.
func insertAccount(tx *store.Tx, n module.NewAccount, now time.Time) (bool, error) {
	remote := ""
	if n.Remote.IsValid() {
		remote = n.Remote.String()
	}
	rows, err := tx.Exec(`
		INSERT INTO account (jid, kind, admin, disabled, created, apikey, remote) VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6)
		ON CONFLICT (jid) DO NOTHING`,
		n.JID.String(), string(n.Kind), n.Admin, store.Micros(now), sql.Null[string]{V: n.APIKey, Valid: n.APIKey != ""}, remote)
	return rows == 1, err
}

func insertKeys(tx *store.Tx, bare jid.JID, keys []sasl.Keys) error {
	for _, k := range keys {
		_, err := tx.Exec(`
			INSERT INTO account_keys (jid, hash, salt, iterations, stored, server) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
			ON CONFLICT (jid, hash) DO UPDATE SET
				salt = excluded.salt, iterations = excluded.iterations, stored = excluded.stored, server = excluded.server`,
			bare.String(), k.Hash.String(), k.Salt, k.Iterations, k.StoredKey, k.ServerKey)
		if err != nil {
			return err
		}
	}
	return nil
}

func selectKeys(tx *store.Tx, bare jid.JID, h sasl.Hash) (sasl.Keys, error) {
	k := sasl.Keys{Hash: h}
	err := tx.QueryRow(`SELECT salt, iterations, stored, server FROM account_keys WHERE jid = ?1 AND hash = ?2`,
		bare.String(), h.String()).Scan(&k.Salt, &k.Iterations, &k.StoredKey, &k.ServerKey)
	return k, err
}

const keyColumns = `id, owner, quota, used, kind, disabled, created`

func scanKey(r *store.Row) (k module.APIKey, err error) { err = scanKeyInto(r, &k); return k, err }

// scanKeyInto scans keyColumns, and what else was selected behind them.
func scanKeyInto(r *store.Row, k *module.APIKey, more ...any) error {
	var created int64
	dest := []any{&k.ID, &k.Owner, &k.Limit, &k.Used, (*string)(&k.Kind), &k.Disabled, &created}
	err := r.Scan(append(dest, more...)...)
	k.Created = store.Time(created)
	return err
}

func selectKey(tx *store.Tx, id string) (k module.APIKey, sealed []byte, err error) {
	row := tx.QueryRow(`SELECT `+keyColumns+`, secret FROM account_apikey WHERE id = ?1`, id)
	err = scanKeyInto(row, &k, &sealed)
	return k, sealed, err
}

func listKeys(tx *store.Tx) ([]module.APIKey, error) {
	return store.All(tx.Query(`SELECT `+keyColumns+` FROM account_apikey ORDER BY created, id LIMIT 10000`), scanKey)
}

func insertKey(tx *store.Tx, k module.APIKey, sealed []byte) error {
	_, err := tx.Exec(`
		INSERT INTO account_apikey (id, secret, owner, quota, used, kind, disabled, created)
		VALUES (?1, ?2, ?3, ?4, 0, ?5, 0, ?6)`,
		k.ID, sealed, k.Owner, k.Limit, string(k.Kind), store.Micros(k.Created))
	return err
}

// deriveAll stretches many passwords on all cores.
func (a *Accounts) deriveAll(ctx context.Context, all []module.NewAccount) ([]derived, error) {
	out, errs := make([]derived, len(all)), make([]error, len(all))
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				out[i], errs[i] = a.derive(all[i])
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", all[i].JID, err)
		}
	}
	return out, ctx.Err()
}
