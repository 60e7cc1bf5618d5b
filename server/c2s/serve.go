package c2s

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// serve begins with the stanzas of a stream that has its session. They are read on a goroutine of their own, for the one that did
// the handshake has grown a large stack.
func (st *clientStream) serve(ctx context.Context) {
	settings := st.server.Settings
	st.conn.Tokens().SetLimits(xmlstream.Limits{
		Bytes: settings.StanzaBytes, Depth: settings.StanzaDepth, Nodes: settings.StanzaNodes,
	})
	st.conn.SetReadDeadline(time.Time{}) // that of the negotiation
	if lang := st.conn.Header().Lang; len(lang) <= longestLang {
		st.lang = lang
	}
	go st.run(ctx)
}

// longestLang is more than any language tag needs; what is longer is not put on each stanza.
const longestLang = 64

// errIdle says that the client has been silent for a while, between two elements.
var errIdle = errors.New("c2s: idle")

// errStalled says that an element does not end, on a stream whose session need not end with it: more likely than the client the
// network has failed. XEP-0198#closure
var errStalled = errors.New("c2s: the stanza does not end")

// next reads and handles one element.
func (st *clientStream) next(ctx context.Context) error {
	if now, idle := time.Now(), st.server.idle; idle > 0 && !st.raw.eager && now.After(st.alarm) {
		// An exact deadline for each read would cost more than the read is late.
		st.alarm = now.Add(idle / 2)
		st.conn.SetReadDeadline(now.Add(idle))
	}
	kind, err := st.conn.Next()
	if err != nil {
		return st.waitOn(err)
	}
	st.begun = time.Time{}
	switch kind {
	case xmlstream.Header:
		return stream.NotWellFormed // a second one, without a restart
	case xmlstream.End:
		return errClosed
	}
	t, now := st.conn.Tokens(), time.Now()
	if wait := st.spend(now, t.Size()); wait > 0 {
		st.pause(ctx, wait)
	}
	space := t.Name().Space
	s, ok, err := stanza.Read(t)
	if ok && space != stanza.Client {
		return stream.InvalidNamespace // of servers. RFC 6120 §4.8.3
	}
	if !ok {
		if space == stanza.Client {
			return stream.UnsupportedStanzaType
		}
		if !st.sess.Begin(st.conn) { // what it acknowledges has been settled on the other
			return net.ErrClosed
		}
		defer st.sess.Pass()
		return st.nonza(ctx, t.Element())
	}
	if !st.sess.Begin(st.conn) {
		return net.ErrClosed // the session goes on over another connection
	}
	defer st.sess.Done()
	if err != nil {
		st.reject(s, err)
		return nil
	}
	if !s.From.IsZero() && s.From != st.sess.JID() && s.From != st.account {
		return stream.InvalidFrom // RFC 6120 §8.1.2.1
	}
	s.From = st.sess.JID()
	if s.Lang == "" { // receivers' streams may have another. RFC 6120 §8.1.5
		s.Lang = st.lang
	}
	st.sess.Touch(now)
	st.server.Router.FromClient(ctx, st.host.Domain, st.sess, s)
	return nil
}

// waitOn decides on an error of reading: a client may be silent as long as it likes, but not in the middle of an element.
func (st *clientStream) waitOn(err error) error {
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		return err
	}
	st.alarm = time.Time{}
	st.raw.eager = st.raw.eager && st.conn.Tokens().Idle() // for the rest of an element it waits
	switch now := time.Now(); {
	case st.conn.Tokens().Idle():
		return errIdle
	case st.begun.IsZero():
		st.begun = now
	case now.Sub(st.begun) < st.server.Settings.Element:
	case st.sess.Kept():
		return errStalled
	default:
		return stream.ConnectionTimeout.With("the stanza does not end")
	}
	return nil
}

// reject answers a stanza whose header is wrong; who sent it is known all the same.
func (st *clientStream) reject(s *stanza.Stanza, err error) {
	if reply := s.Addressed(st.sess.JID(), jid.JID{}).Bounce(err); reply != nil {
		reply.From = st.account
		st.sess.Send(reply)
	}
}

// pause lets a stream wait that is over its rate. What it has read is handled then, also when the broker ends meanwhile.
func (st *clientStream) pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-st.server.quit:
	case <-ctx.Done():
	}
}
