package blocking

import (
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
)

func selectList(tx *store.Tx, account jid.JID) (List, error) {
	all, err := store.All(tx.Query(`SELECT blocked FROM blocking WHERE account = ?1`, account.String()),
		func(r *store.Row) (jid.JID, error) {
			s, err := store.Column[string](r)
			if err != nil {
				return jid.JID{}, err
			}
			return jid.Parse(s)
		})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	l := make(List, len(all))
	for _, j := range all {
		l[j] = struct{}{}
	}
	return l, nil
}

func insert(tx *store.Tx, account, blocked jid.JID) error {
	_, err := tx.Exec(`INSERT INTO blocking (account, blocked) VALUES (?1, ?2) ON CONFLICT DO NOTHING`,
		account.String(), blocked.String())
	return err
}

func remove(tx *store.Tx, account, blocked jid.JID) error {
	_, err := tx.Exec(`DELETE FROM blocking WHERE account = ?1 AND blocked = ?2`, account.String(), blocked.String())
	return err
}

func deleteAll(tx *store.Tx, account jid.JID) error {
	_, err := tx.Exec(`DELETE FROM blocking WHERE account = ?1`, account.String())
	return err
}
