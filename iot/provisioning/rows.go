package provisioning

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
)

const ruleColumns = `id, owner, jid, node, source, part, op, origin, value, allow, categories, names`

func scanRule(row *store.Row) (r Rule, err error) {
	var owner, thing, names string
	n := &r.Thing.Node
	err = row.Scan(&r.ID, &owner, &thing, &n.ID, &n.Source, &n.Partition, (*uint8)(&r.Op),
		(*uint8)(&r.Origin.Kind), &r.Origin.Value, &r.Allow, (*uint8)(&r.Scope.Categories), &names)
	if err != nil {
		return r, err
	}
	r.Version = r.ID
	return r, parse(names, &r.Scope.Names, owner, &r.Owner, thing, &r.Thing.JID)
}

// parse reads what rows of both tables hold as text: names, and two addresses.
func parse(names string, into *[]string, a string, aj *jid.JID, b string, bj *jid.JID) error {
	var errA, errB error
	*aj, errA = jid.Parse(a)
	*bj, errB = jid.Parse(b)
	return errors.Join(json.Unmarshal([]byte(names), into), errA, errB)
}

// list is a list as it is stored: always an array, so that equal lists are equal texts.
func list(names []string) string {
	if len(names) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(names) // strings cannot fail
	return string(b)
}

// selectRules returns all rules about an address and the nodes behind it for an operation.
func selectRules(tx *store.Tx, thing jid.JID, op Operation) ([]Rule, error) {
	return store.All(tx.Query(`SELECT `+ruleColumns+` FROM provisioning_rule WHERE jid = ?1 AND op = ?2 ORDER BY id`,
		thing.String(), int64(op)), scanRule)
}

// selectOwnRules returns an owner's rules behind an id, the newest last.
func selectOwnRules(tx *store.Tx, owner jid.JID, after int64, limit int) ([]Rule, error) {
	return store.All(tx.Query(`
		SELECT `+ruleColumns+` FROM provisioning_rule WHERE owner = ?1 AND id > ?2 ORDER BY id LIMIT ?3`,
		owner.String(), after, limit), scanRule)
}

// selectRule returns a rule of an owner by its id, or store.ErrNotFound.
func selectRule(tx *store.Tx, owner jid.JID, id int64) (Rule, error) {
	return store.One(tx.Query(`SELECT `+ruleColumns+` FROM provisioning_rule WHERE owner = ?1 AND id = ?2`,
		owner.String(), id), scanRule)
}

// putRule stores a rule in place of an older one for the same thing, operation and origin.
func putRule(tx *store.Tx, r Rule, now time.Time) error {
	t := r.Thing
	_, err := tx.Exec(`
		DELETE FROM provisioning_rule WHERE owner = ?1 AND jid = ?2 AND node = ?3 AND source = ?4 AND part = ?5
			AND op = ?6 AND origin = ?7 AND value = ?8`,
		r.Owner.String(), t.JID.String(), t.ID, t.Source, t.Partition, int64(r.Op), int64(r.Origin.Kind), r.Origin.Value)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`
		INSERT INTO provisioning_rule (owner, jid, node, source, part, op, origin, value, allow, categories, names, created)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)`,
		r.Owner.String(), t.JID.String(), t.ID, t.Source, t.Partition, int64(r.Op), int64(r.Origin.Kind), r.Origin.Value,
		r.Allow, int64(r.Scope.Categories), list(r.Scope.Names), store.Micros(now))
	return err
}

func countRules(tx *store.Tx, owner jid.JID) (n int, err error) {
	err = tx.QueryRow(`SELECT count(*) FROM provisioning_rule WHERE owner = ?1`, owner.String()).Scan(&n)
	return n, err
}

func deleteRule(tx *store.Tx, id int64) error {
	_, err := tx.Exec(`DELETE FROM provisioning_rule WHERE id = ?1`, id)
	return err
}

// deleteRules deletes all rules and questions about a thing.
func deleteRules(tx *store.Tx, t iot.Thing) error {
	for _, q := range []string{
		`DELETE FROM provisioning_rule WHERE jid = ?1 AND node = ?2 AND source = ?3 AND part = ?4`,
		`DELETE FROM provisioning_question WHERE jid = ?1 AND node = ?2 AND source = ?3 AND part = ?4`,
	} {
		if _, err := tx.Exec(q, t.JID.String(), t.ID, t.Source, t.Partition); err != nil {
			return err
		}
	}
	return nil
}

// asked is a Question as it is stored.
type asked struct {
	Question
	owner jid.JID
	at    time.Time
}

const questionColumns = `key, owner, jid, node, source, part, op, remote, categories, names, tokens, asked`

func scanQuestion(row *store.Row) (q asked, err error) {
	var owner, thing, remote, names, tokens string
	var at int64
	n := &q.Thing.Node
	err = row.Scan(&q.Key, &owner, &thing, &n.ID, &n.Source, &n.Partition, (*uint8)(&q.Op), &remote,
		(*uint8)(&q.Asked.Categories), &names, &tokens, &at)
	if err != nil {
		return q, err
	}
	q.at = store.Time(at)
	if q.Remote, err = jid.Parse(remote); err != nil {
		return q, err
	}
	if err = json.Unmarshal([]byte(tokens), &q.Tokens); err != nil {
		return q, err
	}
	return q, parse(names, &q.Asked.Names, owner, &q.owner, thing, &q.Thing.JID)
}

// selectQuestion returns a question to an owner by its key, or store.ErrNotFound.
func selectQuestion(tx *store.Tx, owner jid.JID, key string) (asked, error) {
	return store.One(tx.Query(`SELECT `+questionColumns+` FROM provisioning_question WHERE key = ?1 AND owner = ?2`,
		key, owner.String()), scanQuestion)
}

// selectOpen returns an owner's questions without an answer, the oldest first.
func selectOpen(tx *store.Tx, owner jid.JID, limit int) ([]asked, error) {
	return store.All(tx.Query(`
		SELECT `+questionColumns+` FROM provisioning_question WHERE owner = ?1 AND open = 1 ORDER BY asked, key LIMIT ?2`,
		owner.String(), limit), scanQuestion)
}

func countOpen(tx *store.Tx, owner jid.JID) (n int, err error) {
	err = tx.QueryRow(`SELECT count(*) FROM provisioning_question WHERE owner = ?1 AND open = 1`, owner.String()).Scan(&n)
	return n, err
}

// putQuestion opens a question and returns its key, which is the old one where it was asked and answered before. The key is
// empty where the question is open already: the owner is asked once.
func putQuestion(tx *store.Tx, q Question, owner jid.JID, now time.Time) (key string, err error) {
	tokens, err := json.Marshal(q.Tokens)
	if err != nil {
		return "", err
	}
	t := q.Thing
	keys, err := store.All(tx.Query(`
		INSERT INTO provisioning_question
			(key, owner, jid, node, source, part, op, remote, categories, names, tokens, open, asked)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1, ?12)
		ON CONFLICT (owner, jid, node, source, part, op, remote, categories, names)
			DO UPDATE SET open = 1, asked = excluded.asked WHERE provisioning_question.open = 0
		RETURNING key`,
		q.Key, owner.String(), t.JID.String(), t.ID, t.Source, t.Partition, int64(q.Op), q.Remote.String(),
		int64(q.Asked.Categories), list(q.Asked.Names), string(tokens), store.Micros(now)), store.Column[string])
	if len(keys) == 1 {
		key = keys[0]
	}
	return key, err
}

func closeQuestion(tx *store.Tx, key string) error {
	_, err := tx.Exec(`UPDATE provisioning_question SET open = 0 WHERE key = ?1`, key)
	return err
}

// forget deletes what there is of an account, as a thing and as an owner.
func forget(tx *store.Tx, account jid.JID) error {
	for _, q := range []string{
		`DELETE FROM provisioning_rule WHERE jid = ?1 OR owner = ?1`,
		`DELETE FROM provisioning_question WHERE jid = ?1 OR owner = ?1 OR remote = ?1`,
	} {
		if _, err := tx.Exec(q, account.String()); err != nil {
			return err
		}
	}
	return nil
}
