package sasl

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// minSecret in bytes is what cannot be guessed.
const minSecret = 16

// ServerConfig is what all logins of a domain share.
type ServerConfig struct {
	Credentials Credentials
	// Secret makes the keys of users that do not exist: at least 16 random bytes, the same on all nodes, kept over
	// restarts.
	Secret []byte
	// Iterations is the count of new accounts, which users that do not exist seem to have too. Zero is
	// DefaultIterations.
	Iterations int
}

// NewServer answers a client that asked for a mechanism, over a connection bound by cb on which offer was made.
// Errors: InvalidMechanism if it was not offered, others if the configuration is wrong.
func NewServer(name string, config ServerConfig, cb ChannelBinding, offer Offer) (Server, error) {
	if config.Credentials == nil || len(config.Secret) < minSecret {
		return nil, fmt.Errorf("sasl: a server needs credentials and a secret of %d bytes", minSecret)
	}
	if config.Iterations == 0 {
		config.Iterations = DefaultIterations
	}
	h, plus, ok := scram(name)
	switch {
	case !slices.Contains(offer.Mechanisms, name):
		return nil, InvalidMechanism
	case name == Plain:
		return &plainServer{config: config}, nil
	case !ok || plus && !cb.usable():
		return nil, InvalidMechanism
	}
	return &scramServer{
		name:        name,
		hash:        h,
		plus:        plus,
		plusOffered: offer.plus(),
		config:      config,
		cb:          cb,
		nonce:       rand.Text(),
	}, nil
}

// lookup returns an account's keys, or fake ones. It makes the fake ones in either case, so that both take as long.
func (c *ServerConfig) lookup(ctx context.Context, username string, h Hash) (k Keys, known bool, err error) {
	fakeHash := h
	if h == AnyHash {
		fakeHash = SHA256
	}
	fake := FakeKeys(c.Secret, username, fakeHash, c.Iterations)
	k, err = c.Credentials.Keys(ctx, username, h)
	switch {
	case errors.Is(err, ErrNoUser):
		return fake, false, nil
	case err != nil:
		return Keys{}, false, failed(err)
	case !k.valid() || h != AnyHash && k.Hash != h:
		return Keys{}, false, TemporaryAuthFailure.Wrap(fmt.Errorf("stored keys of %q cannot be used for %v", username, h))
	}
	return k, true, nil
}

type serverState uint8

const (
	serverNew serverState = iota
	serverPrompted
	serverAsked
	serverOver
)

// scramServer is the server's half of RFC 5802.
type scramServer struct {
	name        string
	hash        Hash
	plus        bool // the mechanism is a -PLUS one
	plusOffered bool // the client could have chosen a -PLUS one
	config      ServerConfig
	cb          ChannelBinding
	nonce       string // the server's part, then the whole

	state    serverState
	client   clientFirst
	keys     Keys
	known    bool
	question string // server-first-message
}

func (s *scramServer) Name() string     { return s.name }
func (s *scramServer) Username() string { return s.client.username }
func (s *scramServer) AuthzID() string  { return s.client.authzID }

func (s *scramServer) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	state := s.state
	s.state = serverOver
	switch {
	case len(response) > maxMessage:
		err = MalformedRequest.Wrap(errTooLong)
	case state == serverNew && response == nil:
		// The client speaks first, and needs an empty challenge to do so. RFC 6120 §6.4.2
		s.state, challenge = serverPrompted, []byte{}
	case state == serverNew, state == serverPrompted:
		if challenge, err = s.ask(ctx, string(response)); err == nil {
			s.state = serverAsked
		}
	case state == serverAsked:
		challenge, err = s.verify(string(response))
		done = err == nil
	default:
		err = MalformedRequest.Wrap(errTurn)
	}
	return challenge, done, err
}

// ask answers client-first-message with server-first-message.
func (s *scramServer) ask(ctx context.Context, response string) ([]byte, error) {
	m, err := parseClientFirst(response)
	if err != nil {
		return nil, MalformedRequest.Wrap(err)
	}
	if err := s.checkFlag(m); err != nil {
		return nil, err
	}
	s.keys, s.known, err = s.config.lookup(ctx, m.username, s.hash)
	if err != nil {
		return nil, err
	}
	s.client = m
	s.nonce = m.nonce + s.nonce
	s.question = "r=" + s.nonce + ",s=" + encode(s.keys.Salt) + ",i=" + strconv.Itoa(s.keys.Iterations)
	return []byte(s.question), nil
}

// checkFlag holds what the client says about channel binding against what was offered. RFC 5802 §6
func (s *scramServer) checkFlag(m clientFirst) error {
	switch {
	case s.plus != (m.flag == 'p'):
		return MalformedRequest.Wrap(fmt.Errorf("%w: flag %c under %s", ErrBinding, m.flag, s.name))
	case s.plus && len(s.cb.data(m.binding)) == 0:
		return MalformedRequest.Wrap(fmt.Errorf("%w: %q (%w)", ErrBindingType, m.binding, ErrBinding))
	case m.flag == 'y' && s.plusOffered:
		return NotAuthorized.Wrap(ErrDowngrade)
	}
	return nil
}

// verify answers client-final-message with server-final-message.
func (s *scramServer) verify(response string) ([]byte, error) {
	m, err := parseClientFinal(response)
	if err != nil {
		return nil, MalformedRequest.Wrap(err)
	}
	if m.nonce != s.nonce {
		return nil, NotAuthorized.Wrap(fmt.Errorf("%w: nonce differs", ErrProof))
	}
	binding := append([]byte(s.client.gs2), s.cb.data(s.client.binding)...)
	if subtle.ConstantTimeCompare(m.binding, binding) == 0 {
		return nil, NotAuthorized.Wrap(ErrBinding)
	}
	if len(m.proof) != s.hash.Size() {
		return nil, NotAuthorized.Wrap(ErrProof)
	}
	auth := []byte(s.client.bare + "," + s.question + "," + m.withoutProof)
	clientKey := s.hash.hmac(s.keys.StoredKey, auth)
	subtle.XORBytes(clientKey, clientKey, m.proof)
	signature := s.hash.hmac(s.keys.ServerKey, auth)
	proved := subtle.ConstantTimeCompare(s.hash.sum(clientKey), s.keys.StoredKey) == 1
	switch {
	case !s.known:
		return nil, NotAuthorized.Wrap(ErrNoUser)
	case !proved:
		return nil, NotAuthorized.Wrap(ErrProof)
	}
	return []byte("v=" + encode(signature)), nil
}
