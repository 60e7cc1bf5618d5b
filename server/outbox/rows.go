package outbox

import (
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// row is a push that is not acknowledged yet.
type row struct {
	id int64
	module.Push
}

// insert replaces a push of the same topic, and queues behind what is there: the receiver wants the last word, in order.
func insert(tx *store.Tx, p module.Push, now time.Time) error {
	from, to := p.From.String(), p.To.Bare().String()
	if _, err := tx.Exec(`DELETE FROM outbox WHERE sender = ?1 AND receiver = ?2 AND topic = ?3`, from, to, p.Topic); err != nil {
		return err
	}
	_, err := tx.Exec(`
		INSERT INTO outbox (sender, receiver, topic, iq, payload, body, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
		from, to, p.Topic, p.IQ, p.Payload.String(), p.Text, store.Micros(now))
	return err
}

// first returns the receiver's oldest push, and whether there is one.
func first(tx *store.Tx, to jid.JID) (row, bool, error) {
	rows, err := store.All(tx.Query(`
		SELECT id, sender, receiver, topic, iq, payload, body FROM outbox WHERE receiver = ?1 ORDER BY id LIMIT 1`,
		to.String()), scan)
	if err != nil || len(rows) == 0 {
		return row{}, false, err
	}
	return rows[0], true, nil
}

func scan(r *store.Row) (p row, err error) {
	var from, to, payload string
	if err = r.Scan(&p.id, &from, &to, &p.Topic, &p.IQ, &payload, &p.Text); err != nil {
		return p, err
	}
	if p.From, err = jid.Parse(from); err != nil {
		return p, err
	}
	if p.To, err = jid.Parse(to); err != nil {
		return p, err
	}
	p.Payload, err = xmlstream.Parse([]byte(payload), xmlstream.Limits{})
	return p, err
}

func remove(tx *store.Tx, id int64) error {
	_, err := tx.Exec(`DELETE FROM outbox WHERE id = ?1`, id)
	return err
}

func count(tx *store.Tx, from, to jid.JID) (n int, err error) {
	err = tx.QueryRow(`SELECT count(*) FROM outbox WHERE sender = ?1 AND receiver = ?2`,
		from.String(), to.String()).Scan(&n)
	return n, err
}

func receivers(tx *store.Tx) ([]jid.JID, error) {
	return store.All(tx.Query(`SELECT DISTINCT receiver FROM outbox`), func(r *store.Row) (jid.JID, error) {
		s, err := store.Column[string](r)
		if err != nil {
			return jid.JID{}, err
		}
		return jid.Parse(s)
	})
}

// Forget drops what waits for an account that is removed.
func Forget(tx *store.Tx, account jid.JID) error {
	_, err := tx.Exec(`DELETE FROM outbox WHERE receiver = ?1`, account.String())
	return err
}
