package last

import (
	"time"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
)

// put notes that an account was left.
func put(tx *store.Tx, account jid.JID, at time.Time, status string) error {
	_, err := tx.Exec(`
		INSERT INTO last_seen (account, at, status) VALUES (?1, ?2, ?3)
		ON CONFLICT (account) DO UPDATE SET at = excluded.at, status = excluded.status`,
		account.String(), store.Micros(at), status)
	return err
}

// get returns when an account was left and with which words, or store.ErrNotFound.
func get(tx *store.Tx, account jid.JID) (at time.Time, status string, err error) {
	var micros int64
	err = tx.QueryRow(`SELECT at, status FROM last_seen WHERE account = ?1`, account.String()).Scan(&micros, &status)
	return store.Time(micros), status, err
}

// forget removes what is known of an account.
func forget(tx *store.Tx, account jid.JID) error {
	_, err := tx.Exec(`DELETE FROM last_seen WHERE account = ?1`, account.String())
	return err
}
