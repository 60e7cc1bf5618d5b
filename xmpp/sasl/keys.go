package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"hash"
	"log/slog"
)

// Hash is the hash function of a SCRAM mechanism.
type Hash uint8

// The hashes, the weakest first. SHA-1 is safe inside HMAC and PBKDF2 and every XMPP client has it (RFC 6120 §13.8).
const (
	AnyHash Hash = iota // only in a question to Credentials
	SHA1
	SHA256
	SHA512
)

// String returns the hash's name as in mechanisms: "SHA-256".
func (h Hash) String() string {
	switch h {
	case SHA1:
		return "SHA-1"
	case SHA256:
		return "SHA-256"
	case SHA512:
		return "SHA-512"
	}
	return "any"
}

// Size returns the length of the hash, and so of the keys, in bytes.
func (h Hash) Size() int {
	switch h {
	case SHA1:
		return sha1.Size
	case SHA256:
		return sha256.Size
	case SHA512:
		return sha512.Size
	}
	return 0
}

func (h Hash) new() hash.Hash {
	switch h {
	case SHA1:
		return sha1.New()
	case SHA512:
		return sha512.New()
	}
	return sha256.New()
}

func (h Hash) sum(data []byte) []byte {
	d := h.new()
	d.Write(data)
	return d.Sum(nil)
}

func (h Hash) hmac(key, message []byte) []byte {
	mac := hmac.New(h.new, key)
	mac.Write(message)
	return mac.Sum(nil)
}

// saltSize is one for all, so that a salt's length does not tell a real account from a fake one.
const saltSize = 16

// NewSalt returns a random salt for DeriveKeys.
func NewSalt() []byte {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails: crypto/rand
	return salt
}

// Keys are what a server stores of a password. They let it recognise the password's owner and prove itself to them;
// who steals them can play the server, and can guess passwords at Iterations a guess, but cannot log in.
type Keys struct {
	Hash       Hash
	Salt       []byte
	Iterations int
	StoredKey  []byte // H(ClientKey), Hash.Size bytes. RFC 5802 §3
	ServerKey  []byte // Hash.Size bytes
}

// String names the kind of keys and hides them.
func (k Keys) String() string { return fmt.Sprintf("%v keys ***", k.Hash) }

// LogValue hides the keys.
func (k Keys) LogValue() slog.Value { return slog.StringValue(k.String()) }

// DeriveKeys computes the keys of a new password: h is not AnyHash, the salt from NewSalt, MinIterations ≤ iterations
// ≤ MaxIterations. Errors: ErrPassword, ErrIterations.
func DeriveKeys(h Hash, password string, salt []byte, iterations int) (Keys, error) {
	prepared, ok := prepare(password, stored)
	if !ok {
		return Keys{}, ErrPassword
	}
	if h.Size() == 0 || len(salt) == 0 {
		return Keys{}, fmt.Errorf("sasl: keys need a hash and a salt, not %v and %d bytes", h, len(salt))
	}
	if iterations < MinIterations || iterations > MaxIterations {
		return Keys{}, fmt.Errorf("%w: %d", ErrIterations, iterations)
	}
	_, k, err := derive(h, prepared, salt, iterations)
	return k, err
}

// derive stretches a prepared password. RFC 5802 §3
func derive(h Hash, password string, salt []byte, iterations int) (clientKey []byte, k Keys, err error) {
	salted, err := pbkdf2.Key(h.new, password, salt, iterations, h.Size())
	if err != nil {
		return nil, Keys{}, fmt.Errorf("sasl: %w", err)
	}
	clientKey = h.hmac(salted, []byte("Client Key"))
	return clientKey, Keys{
		Hash:       h,
		Salt:       salt,
		Iterations: iterations,
		StoredKey:  h.sum(clientKey),
		ServerKey:  h.hmac(salted, []byte("Server Key")),
	}, nil
}

// Verify tells whether the keys are of this password. It costs as much as DeriveKeys.
func (k Keys) Verify(password string) bool {
	prepared, ok := prepare(password, query)
	if !ok || !k.valid() {
		return false
	}
	_, other, err := derive(k.Hash, prepared, k.Salt, k.Iterations)
	return err == nil && subtle.ConstantTimeCompare(k.StoredKey, other.StoredKey) == 1
}

// valid tells whether keys can be used: they come from a database, which may have been filled by others.
func (k Keys) valid() bool {
	size := k.Hash.Size()
	return size > 0 && len(k.StoredKey) == size && len(k.ServerKey) == size && len(k.Salt) > 0 && k.Iterations > 0
}

// FakeKeys returns keys of no password for a user that does not exist, so that asking for them tells nothing: the same
// username gets the same salt each time, in any spelling that an account would be found by. The secret is the same on
// all nodes and after a restart; who knows it can tell fake salts from real ones.
func FakeKeys(secret []byte, username string, h Hash, iterations int) Keys {
	id := "\x00" + h.String() + "\x00" + fold(username)
	return Keys{
		Hash:       h,
		Salt:       h.hmac(secret, []byte("salt"+id))[:saltSize],
		Iterations: iterations,
		StoredKey:  h.hmac(secret, []byte("stored key"+id)),
		ServerKey:  h.hmac(secret, []byte("server key"+id)),
	}
}
