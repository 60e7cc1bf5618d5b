package sasl

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"
)

// plainClient is the client's half of RFC 4616. It learns nothing of the server, so it is done when it has spoken.
type plainClient struct {
	message string
	state   clientState
}

func newPlainClient(cred ClientCredentials) *plainClient {
	return &plainClient{message: cred.AuthzID + "\x00" + cred.Username + "\x00" + cred.Password}
}

func (c *plainClient) Name() string { return Plain }
func (c *plainClient) Done() bool   { return c.state == clientDone }

func (c *plainClient) Start() ([]byte, error) {
	if c.state != clientNew {
		return nil, errTurn
	}
	c.state = clientDone
	return []byte(c.message), nil
}

// Next is only called if the server has another question, and PLAIN has none.
func (c *plainClient) Next([]byte) ([]byte, error) {
	c.state = clientFailed
	return nil, errTurn
}

// plainServer is the server's half of RFC 4616. It stretches the password, which costs DefaultIterations: limit how
// many such logins run at a time.
type plainServer struct {
	config   ServerConfig
	username string
	authzID  string
	state    serverState
}

func (s *plainServer) Name() string     { return Plain }
func (s *plainServer) Username() string { return s.username }
func (s *plainServer) AuthzID() string  { return s.authzID }

func (s *plainServer) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	state := s.state
	s.state = serverOver
	switch {
	case len(response) > maxMessage:
		err = MalformedRequest.Wrap(errTooLong)
	case state == serverNew && response == nil:
		s.state, challenge = serverPrompted, []byte{} // RFC 6120 §6.4.2
	case state == serverNew, state == serverPrompted:
		err = s.verify(ctx, string(response))
		done = err == nil
	default:
		err = MalformedRequest.Wrap(errTurn)
	}
	return challenge, done, err
}

// verify takes message = [authzid] UTF8NUL authcid UTF8NUL passwd. RFC 4616 §2
func (s *plainServer) verify(ctx context.Context, message string) error {
	parts := strings.Split(message, "\x00")
	if len(parts) != 3 || parts[1] == "" || parts[2] == "" || !utf8.ValidString(message) {
		return MalformedRequest.Wrap(errors.New("PLAIN message violates its grammar"))
	}
	s.authzID, s.username = parts[0], parts[1]
	err := s.config.verify(ctx, s.username, parts[2])
	if errors.Is(err, ErrNoUser) || errors.Is(err, ErrProof) {
		return NotAuthorized.Wrap(err)
	}
	if err != nil {
		return failed(err)
	}
	return nil
}

// verify checks a password in clear, at the same cost whether or not the user exists.
func (c *ServerConfig) verify(ctx context.Context, username, password string) error {
	if v, ok := c.Credentials.(Verifier); ok {
		return v.Verify(ctx, username, password)
	}
	k, known, err := c.lookup(ctx, username, AnyHash)
	if err != nil {
		return err
	}
	switch ok := k.Verify(password); {
	case !known:
		return ErrNoUser
	case !ok:
		return ErrProof
	}
	return nil
}
