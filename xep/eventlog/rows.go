package eventlog

import (
	"time"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func insert(tx *store.Tx, sender jid.JID, received time.Time, e Event, text string) error {
	_, err := tx.Exec(`INSERT INTO eventlog (sender, received, severity, event) VALUES (?1, ?2, ?3, ?4)`,
		sender.String(), store.Micros(received), e.Type.severity(), text)
	return err
}

// trim removes all but the newest events of a sender.
func trim(tx *store.Tx, sender jid.JID, keep int) error {
	_, err := tx.Exec(`DELETE FROM eventlog WHERE sender = ?1 AND id <= (
		SELECT id FROM eventlog WHERE sender = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`, sender.String(), keep)
	return err
}

// entry is an event in the log.
type entry struct {
	id int64
	Event
	size int // bytes of XML
}

// newest returns the newest events of a sender that are as bad as a severity, before an id (0 for none), newest first.
func newest(tx *store.Tx, sender jid.JID, severity int, before int64, limit int) ([]entry, error) {
	return store.All(tx.Query(`
		SELECT id, event FROM eventlog WHERE sender = ?1 AND severity >= ?2 AND (?3 = 0 OR id < ?3) ORDER BY id DESC LIMIT ?4`,
		sender.String(), severity, before, limit), scan)
}

func scan(r *store.Row) (e entry, err error) {
	var text string
	if err = r.Scan(&e.id, &text); err != nil {
		return e, err
	}
	e.size = len(text)
	const any = 1 << 24 // it has passed the limits once, whatever they were then
	el, err := xmlstream.Parse([]byte(text), xmlstream.Limits{Bytes: any, Depth: any, Attrs: any, Nodes: any})
	if err != nil {
		return e, err
	}
	e.Event, err = parse(el, any)
	return e, err
}

// forget removes all events of an account.
func forget(tx *store.Tx, account jid.JID) error {
	_, err := tx.Exec(`DELETE FROM eventlog WHERE sender = ?1`, account.String())
	return err
}

// expire removes events that were received before a time, at most limit, and returns how many.
func expire(tx *store.Tx, before time.Time, limit int) (int64, error) {
	return tx.Exec(`DELETE FROM eventlog WHERE id IN (SELECT id FROM eventlog WHERE received < ?1 ORDER BY received LIMIT ?2)`,
		store.Micros(before), limit)
}
