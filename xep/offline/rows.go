package offline

import (
	"time"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// insert keeps a message as XML.
func insert(tx *store.Tx, account jid.JID, arrived time.Time, text string) error {
	_, err := tx.Exec(`INSERT INTO offline (account, arrived, size, stanza) VALUES (?1, ?2, ?3, ?4)`,
		account.String(), store.Micros(arrived), len(text), text)
	return err
}

// used returns how many messages an account has, and their bytes.
func used(tx *store.Tx, account jid.JID) (messages, bytes int, err error) {
	err = tx.QueryRow(`SELECT count(*), CAST(coalesce(sum(size), 0) AS BIGINT) FROM offline WHERE account = ?1`,
		account.String()).Scan(&messages, &bytes)
	return messages, bytes, err
}

// row is a message that is kept.
type row struct {
	id   int64
	text string
}

// next returns the oldest messages of an account that came after a time, at most limit.
func next(tx *store.Tx, account jid.JID, after time.Time, limit int) ([]row, error) {
	return store.All(tx.Query(`
		SELECT id, stanza FROM offline WHERE account = ?1 AND arrived > ?2 ORDER BY arrived, id LIMIT ?3`,
		account.String(), store.Micros(after), limit),
		func(r *store.Row) (m row, err error) { err = r.Scan(&m.id, &m.text); return m, err })
}

func remove(tx *store.Tx, rows []row) error {
	for _, r := range rows {
		if _, err := tx.Exec(`DELETE FROM offline WHERE id = ?1`, r.id); err != nil {
			return err
		}
	}
	return nil
}

// forget removes all messages of an account.
func forget(tx *store.Tx, account jid.JID) error {
	_, err := tx.Exec(`DELETE FROM offline WHERE account = ?1`, account.String())
	return err
}

// expire removes messages that came before a time, at most limit, and returns how many.
func expire(tx *store.Tx, before time.Time, limit int) (int64, error) {
	return tx.Exec(`DELETE FROM offline WHERE id IN (SELECT id FROM offline WHERE arrived <= ?1 ORDER BY arrived LIMIT ?2)`,
		store.Micros(before), limit)
}

// stanza reads the message back. It has passed the limits of a stream once, whatever they were then.
func (r row) stanza() (*stanza.Stanza, error) {
	const any = 1 << 24
	el, err := xmlstream.ParseIn(stanza.Client, []byte(r.text), xmlstream.Limits{Bytes: any, Depth: any, Attrs: any, Nodes: any})
	if err != nil {
		return nil, err
	}
	return stanza.FromElement(el)
}
