package c2s

import (
	"context"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// clientStream is one client's stream, from accept to end. One goroutine at a time runs it.
type clientStream struct {
	server *Server
	raw    *conn
	conn   transport.Conn
	remote netip.AddrPort
	cert   *Certificate
	id     string
	host   *Host    // nil before the first header
	login  *attempt // under way, nil otherwise
	failed int      // logins
	// oldBinding says that the client asked for a type of channel binding that there is not.
	oldBinding bool
	opened     bool // a header was sent
	secure     bool
	// account and sess are set once each, before others can see the stream.
	account jid.JID
	sess    *session.Session
	lang    string // of the stream, as its client wrote it; set before the first stanza is read
	values  map[any]any
	bucket  bucket
	share   *share      // of the account; nil before login, and where accounts have no limit
	begun   time.Time   // since when an element is under way without an end, about; zero for none
	alarm   time.Time   // when the deadline for reading is to be set anew
	parked  time.Time   // when it was parked last
	late    *time.Timer // runs while a parked stream has part of a TLS record; nil for none
}

var _ module.Stream = (*clientStream)(nil)

// attempt is one SASL exchange.
type attempt struct {
	mechanism string
	server    sasl.Server
}

func newStream(s *Server, c net.Conn) *clientStream {
	remote, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	limits := xmlstream.Limits{Bytes: s.Settings.PreAuthBytes, Depth: s.Settings.StanzaDepth, Nodes: s.Settings.StanzaNodes}
	raw := &conn{Conn: c, parker: s.parker}
	return &clientStream{
		server: s, raw: raw, conn: transport.NewTCP(raw, limits), cert: s.Certificate(),
		remote: netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()),
	}
}

// ID implements module.Stream.
func (st *clientStream) ID() string { return st.id }

// Remote implements module.Stream.
func (st *clientStream) Remote() netip.AddrPort { return st.remote }

// Secure implements module.Stream.
func (st *clientStream) Secure() bool { return st.secure }

// Account implements module.Stream.
func (st *clientStream) Account() jid.JID { return st.account }

// Session implements module.Stream.
func (st *clientStream) Session() module.Session {
	if st.sess == nil {
		return nil
	}
	return st.sess
}

// Send implements module.Stream.
func (st *clientStream) Send(item xmlstream.Appender) {
	if st.sess != nil {
		st.sess.Push(item)
		return
	}
	st.write(item) // an error is final: the next write or read tells of it
}

// Value implements module.Stream.
func (st *clientStream) Value(key any) any { return st.values[key] }

// SetValue implements module.Stream.
func (st *clientStream) SetValue(key, value any) {
	if st.values == nil {
		st.values = map[any]any{}
	}
	st.values[key] = value
}

// Resume implements module.Stream.
func (st *clientStream) Resume(s module.Session, h uint32, reply func(handled uint32) xmlstream.Appender) error {
	sess, ok := s.(*session.Session)
	if !ok || st.sess != nil || sess.JID().Bare() != st.account {
		return session.ErrGone
	}
	if err := sess.Resume(st.conn, h, reply); err != nil {
		return err
	}
	st.server.mu.Lock()
	st.sess = sess
	st.server.mu.Unlock()
	return nil
}

// begin runs a new stream.
func (st *clientStream) begin(ctx context.Context, direct bool) {
	st.conn.SetReadDeadline(time.Now().Add(st.server.Settings.Negotiation))
	st.conn.SetWriteDeadline(time.Now().Add(st.server.Settings.Negotiation))
	if direct {
		if err := st.handshake(ctx); err != nil {
			st.end(err)
			return
		}
	}
	if err := st.negotiate(ctx); err != nil {
		st.end(err)
		return
	}
	st.serve(ctx)
}

// end closes the stream: with a stream error where err stands for one, in good order where err is errClosed, and by
// detaching the session where the network failed.
func (st *clientStream) end(err error) {
	defer st.server.release(st)
	told := stream.AsError(err)
	if told != nil {
		st.server.Log.Debug("stream error", "remote", st.remote, "account", st.account, "err", told)
	}
	if st.sess != nil {
		switch {
		case told != nil:
			st.sess.CloseFrom(st.conn, told)
		case err == errClosed:
			st.sess.CloseFrom(st.conn, nil)
		default:
			st.sess.Detach(st.conn)
		}
		return
	}
	defer st.conn.Close()
	st.conn.SetWriteDeadline(time.Now().Add(farewell))
	if told != nil {
		if !st.opened { // an error needs a stream to be in. RFC 6120 §4.9.1.2
			st.open(nil)
		}
		st.conn.Write(told.Element())
	}
	if told != nil || err == errClosed {
		st.conn.End()
	}
	if told != nil {
		st.drain()
	}
}

// drain reads what the client is sending still, until it has seen our end and made its own, or for a while. A socket that is closed
// with input unread is reset, and the client may never see why.
func (st *clientStream) drain() {
	half, ok := st.raw.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	st.raw.SetReadDeadline(time.Now().Add(farewell))
	io.CopyN(io.Discard, st.raw, drained)
}

// drained bounds in bytes what is read for the sake of a farewell.
const drained = 1 << 20

// farewell bounds the last write to a client that may not read.
const farewell = 2 * time.Second

// shutdown ends the stream from another goroutine.
func (st *clientStream) shutdown() {
	st.server.mu.Lock()
	sess := st.sess
	st.server.mu.Unlock()
	if sess != nil {
		sess.Close(stream.SystemShutdown)
		return
	}
	st.conn.Close()
}
