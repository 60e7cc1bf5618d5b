package registry

import (
	"database/sql"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
)

// record is a thing in the registry.
type record struct {
	id      int64
	thing   iot.Thing
	owner   jid.JID // zero until claimed
	public  bool
	removed bool
}

// listed reports whether searches find the thing.
func (r record) listed() bool { return r.public && !r.removed && !r.owner.IsZero() }

const recordColumns = `id, jid, node, source, part, owner, public, removed`

func scanRecord(row *store.Row) (r record, err error) {
	var addr string
	var owner sql.Null[string]
	n := &r.thing.Node
	if err = row.Scan(&r.id, &addr, &n.ID, &n.Source, &n.Partition, &owner, &r.public, &r.removed); err != nil {
		return r, err
	}
	if r.thing.JID, err = jid.Parse(addr); err != nil || !owner.Valid {
		return r, err
	}
	r.owner, err = jid.Parse(owner.V)
	return r, err
}

// selectThing returns the record of a thing, or store.ErrNotFound.
func selectThing(tx *store.Tx, t iot.Thing) (record, error) {
	return store.One(tx.Query(`
		SELECT `+recordColumns+` FROM registry_thing WHERE jid = ?1 AND node = ?2 AND source = ?3 AND part = ?4`,
		t.JID.String(), t.ID, t.Source, t.Partition), scanRecord)
}

// selectClaim returns at most two of the things that registered with the claim and that the owner may claim: those without an
// owner, and the owner's own.
func selectClaim(tx *store.Tx, claim []byte, owner jid.JID) ([]record, error) {
	return store.All(tx.Query(`
		SELECT `+recordColumns+` FROM registry_thing
		WHERE claim = ?1 AND (owner IS NULL OR owner = ?2) ORDER BY id LIMIT 2`,
		claim, owner.String()), scanRecord)
}

func selectOwned(tx *store.Tx, owner jid.JID, p iot.Page) ([]record, error) {
	return store.All(tx.Query(`
		SELECT `+recordColumns+` FROM registry_thing WHERE owner = ?1 ORDER BY id LIMIT ?2 OFFSET ?3`,
		owner.String(), p.MaxCount, p.Offset), scanRecord)
}

// selectPublic returns listed things behind an id; where equal is not nil, only those with that text.
func selectPublic(tx *store.Tx, after int64, limit int, equal *Operator) ([]record, error) {
	if equal == nil {
		return store.All(tx.Query(`
			SELECT `+recordColumns+` FROM registry_thing
			WHERE public = 1 AND removed = 0 AND owner IS NOT NULL AND id > ?1 ORDER BY id LIMIT ?2`,
			after, limit), scanRecord)
	}
	return store.All(tx.Query(`
		SELECT `+recordColumns+` FROM registry_thing
		WHERE public = 1 AND removed = 0 AND owner IS NOT NULL AND id > ?1 AND id IN (
			SELECT thing FROM registry_tag WHERE folded = ?3 AND value = ?4 AND numeric = 0)
		ORDER BY id LIMIT ?2`,
		after, limit, equal.key(), Fold(equal.Value.Text)), scanRecord)
}

func countThings(tx *store.Tx, addr jid.JID) (n int, err error) {
	err = tx.QueryRow(`SELECT count(*) FROM registry_thing WHERE jid = ?1`, addr.String()).Scan(&n)
	return n, err
}

// insertThing puts a thing in that is not there.
func insertThing(tx *store.Tx, t iot.Thing, owner jid.JID, public bool, claim []byte, now time.Time) (id int64, err error) {
	err = tx.QueryRow(`
		INSERT INTO registry_thing (jid, node, source, part, owner, public, removed, claim, created, updated)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?8) RETURNING id`,
		t.JID.String(), t.ID, t.Source, t.Partition,
		sql.Null[string]{V: owner.String(), Valid: !owner.IsZero()}, public, claim, store.Micros(now)).Scan(&id)
	return id, err
}

func deleteThing(tx *store.Tx, id int64) error {
	_, err := tx.Exec(`DELETE FROM registry_thing WHERE id = ?1`, id)
	return err
}

func setOwner(tx *store.Tx, id int64, owner jid.JID, public bool, now time.Time) error {
	_, err := tx.Exec(`UPDATE registry_thing SET owner = ?2, public = ?3, removed = 0, updated = ?4 WHERE id = ?1`,
		id, owner.String(), public, store.Micros(now))
	return err
}

// clearOwner makes a thing nobody's, to be claimed by no tags that exist.
func clearOwner(tx *store.Tx, id int64, claim []byte, now time.Time) error {
	if _, err := tx.Exec(`DELETE FROM registry_tag WHERE thing = ?1`, id); err != nil {
		return err
	}
	_, err := tx.Exec(`
		UPDATE registry_thing SET owner = NULL, public = 0, removed = 0, claim = ?2, updated = ?3 WHERE id = ?1`,
		id, claim, store.Micros(now))
	return err
}

func setRemoved(tx *store.Tx, id int64, now time.Time) error {
	_, err := tx.Exec(`UPDATE registry_thing SET removed = 1, updated = ?2 WHERE id = ?1`, id, store.Micros(now))
	return err
}

func selectTags(tx *store.Tx, id int64) (Tags, error) {
	all, err := store.All(tx.Query(`SELECT name, numeric, text FROM registry_tag WHERE thing = ?1 ORDER BY pos`, id),
		func(r *store.Row) (t Tag, err error) {
			err = r.Scan(&t.Name, &t.Numeric, &t.Text)
			return t, err
		})
	if err != nil {
		return Tags{}, err
	}
	return NewTags(all...)
}

func replaceTags(tx *store.Tx, id int64, tags Tags) error {
	if _, err := tx.Exec(`DELETE FROM registry_tag WHERE thing = ?1`, id); err != nil {
		return err
	}
	pos := 0
	for t := range tags.Without(KeyTag).All() {
		_, err := tx.Exec(`
			INSERT INTO registry_tag (thing, pos, name, folded, numeric, text, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
			id, pos, t.Name, Fold(t.Name), t.Numeric, t.Text, Fold(t.Text))
		if err != nil {
			return err
		}
		pos++
	}
	return nil
}

func setGeneration(tx *store.Tx, party jid.JID, g iot.Generation) error {
	_, err := tx.Exec(`
		INSERT INTO registry_peer (jid, generation) VALUES (?1, ?2)
		ON CONFLICT (jid) DO UPDATE SET generation = excluded.generation`, party.String(), int64(g))
	return err
}

func selectGeneration(tx *store.Tx, party jid.JID) (iot.Generation, error) {
	rows, err := store.All(tx.Query(`SELECT generation FROM registry_peer WHERE jid = ?1`, party.String()), store.Column[int64])
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return iot.Generation(rows[0]), nil
}

// forget deletes an account's things, and what it was known by.
func forget(tx *store.Tx, account jid.JID) error {
	for _, q := range []string{
		`DELETE FROM registry_thing WHERE jid = ?1`,
		`DELETE FROM registry_peer WHERE jid = ?1`,
	} {
		if _, err := tx.Exec(q, account.String()); err != nil {
			return err
		}
	}
	return nil
}
