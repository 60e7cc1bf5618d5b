package roster

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
)

//go:embed migrations/*.sql
var files embed.FS

func migrations() fs.FS {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // the name above is malformed
	}
	return sub
}

// record is a row: a contact, and what is kept beside it until the owner has decided.
type record struct {
	item
	request string // the stanza with which the contact asked to subscribe, as XML; empty for none
	told    bool   // to tell the owner's clients of it even where nothing changes
}

// ledger is what the rows of one owner add up to. The zero value is that of an owner without rows.
type ledger struct {
	revision, version  int64
	contacts, requests int
}

func readLedger(tx *store.Tx, owner jid.JID) (ledger, error) {
	var l ledger
	err := tx.QueryRow(`SELECT revision, version, contacts, requests FROM roster_owner WHERE owner = ?1`,
		owner.String()).Scan(&l.revision, &l.version, &l.contacts, &l.requests)
	if errors.Is(err, store.ErrNotFound) {
		return ledger{}, nil
	}
	return l, err
}

func writeLedger(tx *store.Tx, owner jid.JID, l ledger) error {
	_, err := tx.Exec(`INSERT INTO roster_owner (owner, revision, version, contacts, requests) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (owner) DO UPDATE SET revision = ?2, version = ?3, contacts = ?4, requests = ?5`,
		owner.String(), l.revision, l.version, l.contacts, l.requests)
	return err
}

// readRecord gives an empty record of the contact where there is none.
func readRecord(tx *store.Tx, owner, contact jid.JID) (record, error) {
	r, err := store.One(tx.Query(`SELECT contact, listed, state, name, in_groups, request FROM roster_contact
		WHERE owner = ?1 AND contact = ?2`, owner.String(), contact.String()), scanRecord)
	if errors.Is(err, store.ErrNotFound) {
		return record{item: item{jid: contact}}, nil
	}
	return r, err
}

func writeRecord(tx *store.Tx, owner jid.JID, r record) error {
	_, err := tx.Exec(`INSERT INTO roster_contact (owner, contact, listed, state, name, in_groups, request)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
		ON CONFLICT (owner, contact) DO UPDATE SET listed = ?3, state = ?4, name = ?5, in_groups = ?6, request = ?7`,
		owner.String(), r.jid.String(), r.listed, r.state, r.name(), encodeGroups(r.groups()), r.request)
	return err
}

func deleteRecord(tx *store.Tx, owner, contact jid.JID) error {
	_, err := tx.Exec(`DELETE FROM roster_contact WHERE owner = ?1 AND contact = ?2`, owner.String(), contact.String())
	return err
}

// readRoster reads all of an owner's contacts. Their number is bounded by Settings.
func readRoster(tx *store.Tx, owner jid.JID) (*snapshot, error) {
	l, err := readLedger(tx, owner)
	if err != nil {
		return nil, err
	}
	all, err := store.All(tx.Query(`SELECT contact, listed, state, name, in_groups, '' FROM roster_contact
		WHERE owner = ?1 ORDER BY contact`, owner.String()), scanRecord)
	if err != nil {
		return nil, err
	}
	s := &snapshot{revision: l.revision, version: l.version, items: make([]item, len(all))}
	for i := range all {
		s.items[i] = all[i].item
	}
	return s, nil
}

// readRequests gives the stanzas of those who wait for the owner's approval.
func readRequests(tx *store.Tx, owner jid.JID) ([]string, error) {
	return store.All(tx.Query(`SELECT request FROM roster_contact WHERE owner = ?1 AND request <> '' ORDER BY contact`,
		owner.String()), store.Column[string])
}

// readPage gives some of the contacts, behind that of the given address.
func readPage(tx *store.Tx, owner jid.JID, behind string, limit int) ([]record, error) {
	return store.All(tx.Query(`SELECT contact, listed, state, name, in_groups, '' FROM roster_contact
		WHERE owner = ?1 AND contact > ?2 ORDER BY contact LIMIT ?3`, owner.String(), behind, limit), scanRecord)
}

func deleteOwner(tx *store.Tx, owner jid.JID) error {
	if _, err := tx.Exec(`DELETE FROM roster_contact WHERE owner = ?1`, owner.String()); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM roster_owner WHERE owner = ?1`, owner.String())
	return err
}

func scanRecord(row *store.Row) (record, error) {
	var r record
	var contact, name, groups string
	err := row.Scan(&contact, &r.listed, &r.state, &name, &groups, &r.request)
	if err != nil {
		return record{}, err
	}
	if r.jid, err = jid.Parse(contact); err != nil {
		return record{}, err
	}
	in, err := decodeGroups(groups)
	r.describe(name, in)
	return r, err
}

func encodeGroups(groups []string) string {
	if len(groups) == 0 {
		return ""
	}
	b, err := json.Marshal(groups)
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	return string(b)
}

func decodeGroups(s string) (groups []string, err error) {
	if s != "" {
		err = json.Unmarshal([]byte(s), &groups)
	}
	return groups, err
}
