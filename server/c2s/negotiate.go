package c2s

import (
	"context"
	"errors"
	"time"

	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// errClosed says that the client has closed its stream in good order.
var errClosed = errors.New("c2s: closed by client")

// negotiate goes through the stream's phases until it has a session. RFC 6120 §4.3
func (st *clientStream) negotiate(ctx context.Context) error {
	for st.sess == nil {
		kind, err := st.conn.Next()
		if err != nil {
			return st.readError(err)
		}
		switch kind {
		case xmlstream.Header:
			err = st.header()
		case xmlstream.End:
			err = errClosed
		default:
			err = st.element(ctx, st.conn.Tokens())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readError makes a deadline that ran out known to the client.
func (st *clientStream) readError(err error) error {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return stream.ConnectionTimeout.With("negotiation took too long")
	}
	return err
}

// features offers what comes next: TLS, then login, then a resource.
func (st *clientStream) features() []*xmlstream.Element {
	var offers []*xmlstream.Element
	switch {
	case !st.account.IsZero():
		offers = append(offers,
			xmlstream.New(stream.NSBind, "bind"),
			xmlstream.New(stream.NSSession, "session", xmlstream.New(stream.NSSession, "optional")))
	case st.mayLogIn():
		offers = append(offers, st.mechanisms()...)
	}
	if !st.secure && st.account.IsZero() && st.cert.Config != nil {
		tls := xmlstream.New(stream.NSTLS, "starttls")
		if !st.mayLogIn() {
			tls = tls.With(xmlstream.New(stream.NSTLS, "required"))
		}
		offers = append(offers, tls)
	}
	for _, h := range st.host.Hooks {
		if h.StreamFeatures != nil {
			offers = append(offers, h.StreamFeatures(st)...)
		}
	}
	return offers
}

// mayLogIn reports whether the stream is protected, or exempt: passwords and stanzas go over TLS.
func (st *clientStream) mayLogIn() bool {
	return st.secure || st.server.Settings.PlaintextLoopback && st.remote.Addr().IsLoopback()
}

// element handles what a client may send before it has a session.
func (st *clientStream) element(ctx context.Context, t *xmlstream.Tokenizer) error {
	switch name := t.Name(); {
	case name == xmlstream.Name{Space: stream.NSTLS, Local: "starttls"}:
		return st.startTLS(ctx)
	case name.Space == stream.NSSASL:
		return st.sasl(ctx, t.Element())
	case name.Space == stanza.Client:
		return st.request(ctx, t)
	default:
		return st.nonza(ctx, t.Element())
	}
}

// startTLS turns on TLS, after which the client begins anew. RFC 6120 §5.4.2
func (st *clientStream) startTLS(ctx context.Context) error {
	if st.secure || !st.account.IsZero() || st.cert.Config == nil {
		st.write(xmlstream.New(stream.NSTLS, "failure"))
		return errClosed
	}
	st.conn.Tokens().SkipSpace()
	if st.conn.Tokens().Buffered() > 0 {
		return stream.PolicyViolation.With("data behind starttls")
	}
	if err := st.write(xmlstream.New(stream.NSTLS, "proceed")); err != nil {
		return err
	}
	if err := st.handshake(ctx); err != nil {
		return err
	}
	return st.restart()
}

func (st *clientStream) handshake(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, st.server.Settings.Negotiation)
	defer cancel()
	if err := st.conn.Secure(ctx, st.cert.Config, true); err != nil {
		st.server.Log.Debug("tls handshake failed", "remote", st.remote, "err", err)
		return err
	}
	st.secure = true
	return nil
}

// request answers an iq before there is a session: binding after the login, and what features allow before it.
func (st *clientStream) request(ctx context.Context, t *xmlstream.Tokenizer) error {
	s, ok, err := stanza.Read(t)
	if !ok {
		return stream.UnsupportedStanzaType
	}
	if !s.IsRequest() {
		return stream.NotAuthorized // RFC 6120 §4.9.3.12
	}
	var payload *xmlstream.Element
	if err == nil {
		payload, err = st.answer(ctx, s)
	}
	if fatal := stream.AsError(err); fatal != nil {
		return fatal
	}
	if st.sess != nil {
		return nil // bound: the answer is in the session's queue
	}
	reply := s.Reply(payload)
	if err != nil {
		reply = s.Bounce(st.server.Router.Fault(ctx, s, err))
	}
	if reply.From.IsZero() {
		reply.From = st.host.Domain.Addr
	}
	reply.To = jid.JID{} // the client has no address yet
	return st.write(reply)
}

func (st *clientStream) answer(ctx context.Context, s *stanza.Stanza) (*xmlstream.Element, error) {
	iq, err := s.IQ()
	if err != nil {
		return nil, err
	}
	name := iq.Payload.Name()
	if !st.account.IsZero() {
		if name == (xmlstream.Name{Space: stream.NSBind, Local: "bind"}) && iq.Type == stanza.Set {
			return nil, st.bind(ctx, s)
		}
		return nil, stream.NotAuthorized.With("bind a resource first")
	}
	if !st.mayLogIn() {
		return nil, stream.PolicyViolation.With("turn on TLS first")
	}
	for _, h := range st.host.Hooks {
		for _, b := range h.BeforeAuth {
			if b.Name == name {
				return b.Handle(ctx, st, iq)
			}
		}
	}
	return nil, stream.NotAuthorized
}

// bind gives the client a session with a resource of ours: it cannot be guessed, so that who lost sight of the client's presence
// cannot reach it with requests. RFC 6120 §7.6
func (st *clientStream) bind(ctx context.Context, request *stanza.Stanza) error {
	srv := st.server
	full, err := st.account.WithResource(stream.NewID())
	if err != nil {
		return err
	}
	sess := session.New(full, st.conn, time.Now(), &srv.sessions, st.host.Session)
	if !srv.Router.Bind(st.host.Domain, sess, srv.Settings.Sessions) {
		return stanza.ResourceConstraint.With("too many sessions of this account") // §7.6.2.1
	}
	srv.mu.Lock()
	st.sess = sess
	closing := srv.closing
	srv.mu.Unlock()
	if closing {
		return stream.SystemShutdown
	}
	// The account may have been removed since the login, and its sessions ended before this was one.
	switch info, err := srv.Credentials.Account(ctx, st.account); {
	case errors.Is(err, store.ErrNotFound), err == nil && info.Disabled:
		return stream.NotAuthorized
	case err != nil:
		srv.Log.Error("account unreadable", "account", st.account, "err", err)
		return stream.InternalServerError
	}
	reply := request.Reply(xmlstream.New(stream.NSBind, "bind",
		xmlstream.New(stream.NSBind, "jid", xmlstream.Text(full.String()))))
	reply.To = full
	sess.Push(reply) // only now, when others reach the session too
	return nil
}

// nonza gives an element that is no stanza to the feature that knows it.
func (st *clientStream) nonza(ctx context.Context, el *xmlstream.Element) error {
	name := el.Name()
	if st.account.IsZero() {
		return stream.NotAuthorized
	}
	for _, h := range st.host.Hooks {
		for _, n := range h.Nonzas {
			if n.Name == name || n.Name.Local == "" && n.Name.Space == name.Space {
				return n.Handle(ctx, st, el)
			}
		}
	}
	return stream.UnsupportedStanzaType
}
