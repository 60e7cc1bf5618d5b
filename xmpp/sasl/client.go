package sasl

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// ClientCredentials are what a client logs in with.
type ClientCredentials struct {
	// Username is the localpart of the account. RFC 6120 §6.3.7
	Username string
	Password string
	// AuthzID is the bare JID to act as, if it is not the account's own. RFC 6120 §6.3.8
	AuthzID string
}

// String names the user and hides the password.
func (c ClientCredentials) String() string { return c.Username + ":***" }

// LogValue hides the password.
func (c ClientCredentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// NewClient starts an attempt to log in with the mechanism that offer.Choose returned, over a connection bound by cb
// (zero if it cannot bind). Errors: ErrNoMechanism, ErrUsername, ErrPassword, ErrBinding.
func NewClient(name string, cred ClientCredentials, cb ChannelBinding, offer Offer) (Client, error) {
	username, ok := prepare(cred.Username, query)
	if !ok {
		return nil, ErrUsername
	}
	password, ok := prepare(cred.Password, query)
	if !ok {
		return nil, ErrPassword
	}
	if !utf8.ValidString(cred.AuthzID) || strings.IndexByte(cred.AuthzID, 0) >= 0 {
		return nil, fmt.Errorf("%w to act as", ErrUsername)
	}
	cred.Username, cred.Password = username, password
	if name == Plain {
		return newPlainClient(cred), nil
	}
	h, plus, ok := scram(name)
	if !ok {
		return nil, fmt.Errorf("%w: %q is unknown", ErrNoMechanism, name)
	}
	c := &scramClient{
		name:          name,
		hash:          h,
		cred:          cred,
		nonce:         rand.Text(),
		maxIterations: MaxIterations,
	}
	flag, ok := c.bind(plus, cb, offer)
	if !ok {
		return nil, fmt.Errorf("%w: nothing to bind %s to", ErrBinding, name)
	}
	c.gs2 = flag + ","
	if cred.AuthzID != "" {
		c.gs2 += "a=" + escape(cred.AuthzID)
	}
	c.gs2 += ","
	return c, nil
}

// bind chooses the channel binding and returns its flag. RFC 5802 §6
func (c *scramClient) bind(plus bool, cb ChannelBinding, offer Offer) (flag string, ok bool) {
	if plus {
		t := offer.binding(cb)
		c.binding = cb.data(t)
		return "p=" + t, t != ""
	}
	if cb.usable() && !offer.plus() {
		// A server that did offer -PLUS learns from this that someone removed it.
		return "y", true
	}
	return "n", true
}

type clientState uint8

const (
	clientNew clientState = iota
	clientAsked
	clientProved
	clientDone
	clientFailed
)

// scramClient is the client's half of RFC 5802.
type scramClient struct {
	name          string
	hash          Hash
	cred          ClientCredentials
	gs2           string // gs2-header
	binding       []byte
	nonce         string
	bare          string // client-first-message-bare
	signature     []byte // that only the true server can make
	maxIterations int
	state         clientState
}

func (c *scramClient) Name() string { return c.name }
func (c *scramClient) Done() bool   { return c.state == clientDone }

func (c *scramClient) Start() ([]byte, error) {
	if c.state != clientNew {
		return nil, errTurn
	}
	c.state = clientAsked
	c.bare = "n=" + escape(c.cred.Username) + ",r=" + c.nonce
	return []byte(c.gs2 + c.bare), nil
}

func (c *scramClient) Next(challenge []byte) (response []byte, err error) {
	state := c.state
	c.state = clientFailed
	switch {
	case len(challenge) > maxMessage:
		return nil, errTooLong
	case state == clientAsked:
		if response, err = c.prove(string(challenge)); err == nil {
			c.state = clientProved
		}
	case state == clientProved:
		if err = c.verify(string(challenge)); err == nil {
			c.state, response = clientDone, []byte{}
		}
	default:
		err = errTurn
	}
	return response, err
}

// prove answers server-first-message with client-final-message.
func (c *scramClient) prove(challenge string) ([]byte, error) {
	m, err := parseServerFirst(challenge)
	if err != nil {
		return nil, err
	}
	if len(m.nonce) <= len(c.nonce) || !strings.HasPrefix(m.nonce, c.nonce) {
		return nil, fmt.Errorf("%w: server did not extend our nonce", ErrProof)
	}
	if m.iterations < MinIterations || m.iterations > c.maxIterations {
		return nil, fmt.Errorf("%w: %d", ErrIterations, m.iterations)
	}
	clientKey, k, err := derive(c.hash, c.cred.Password, m.salt, m.iterations)
	if err != nil {
		return nil, err
	}
	final := "c=" + encode(append([]byte(c.gs2), c.binding...)) + ",r=" + m.nonce
	auth := []byte(c.bare + "," + challenge + "," + final)
	proof := c.hash.hmac(k.StoredKey, auth)
	subtle.XORBytes(proof, proof, clientKey)
	c.signature = c.hash.hmac(k.ServerKey, auth)
	return []byte(final + ",p=" + encode(proof)), nil
}

// verify takes server-final-message.
func (c *scramClient) verify(challenge string) error {
	signature, refusal, err := parseServerFinal(challenge)
	switch {
	case err != nil:
		return err
	case refusal != "":
		return NotAuthorized.Wrap(errors.New("server answered " + refusal))
	case subtle.ConstantTimeCompare(signature, c.signature) == 0:
		return fmt.Errorf("%w: the server does not know our keys", ErrProof)
	}
	return nil
}
