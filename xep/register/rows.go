package register

import (
	"crypto/sha256"
	"time"

	"github.com/comity-iot/comity/store"
)

// use remembers the nonce of a key until it expires, and reports whether it is new. What has expired is forgotten.
func use(tx *store.Tx, key, nonce string, now, expires time.Time) (bool, error) {
	if _, err := tx.Exec(`DELETE FROM register_nonce WHERE expires < ?1`, store.Micros(now)); err != nil {
		return false, err
	}
	digest := sha256.Sum256([]byte(key + "\x00" + nonce)) // XML has no NUL
	n, err := tx.Exec(`INSERT INTO register_nonce (digest, expires) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING`,
		digest[:], store.Micros(expires))
	return n == 1, err
}
