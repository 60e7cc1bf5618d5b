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
	go st.run(ctx)
}

// errIdle says that the client has been silent for a while, between two elements.
var errIdle = errors.New("c2s: idle")

// next reads and handles one element.
func (st *clientStream) next(ctx context.Context) error {
	now := time.Now()
	if now.After(st.alarm) { // an exact deadline for each read would cost more than the read is late
		st.alarm = now.Add(parkAfter / 2)
		st.conn.SetReadDeadline(now.Add(parkAfter))
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
	t := st.conn.Tokens()
	if err := st.bucket.take(ctx, st.server.Settings, t.Size()); err != nil {
		return err
	}
	s, ok, err := stanza.Read(t)
	if !ok {
		if t.Name().Space == stanza.Client {
			return stream.UnsupportedStanzaType
		}
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
	switch now := time.Now(); {
	case st.conn.Tokens().Idle():
		return errIdle
	case st.begun.IsZero():
		st.begun = now
	case now.Sub(st.begun) > st.server.Settings.Element:
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

// bucket limits what a stream sends in the long run, by making it wait.
type bucket struct {
	stanzas, bytes float64 // what may be sent at once
	filled         time.Time
}

// take accounts for one stanza of n bytes and waits where the stream is over its rate.
func (b *bucket) take(ctx context.Context, s *Settings, n int) error {
	if s.StanzasSecond == 0 && s.BytesSecond == 0 {
		return nil
	}
	now := time.Now()
	if b.filled.IsZero() {
		b.stanzas, b.bytes = float64(s.StanzasSecond*s.Burst), float64(s.BytesSecond*s.Burst)
	} else {
		passed := now.Sub(b.filled).Seconds()
		b.stanzas = min(b.stanzas+passed*float64(s.StanzasSecond), float64(s.StanzasSecond*s.Burst))
		b.bytes = min(b.bytes+passed*float64(s.BytesSecond), float64(s.BytesSecond*s.Burst))
	}
	b.filled = now
	b.stanzas--
	b.bytes -= float64(n)
	var wait float64
	if s.StanzasSecond > 0 {
		wait = max(wait, -b.stanzas/float64(s.StanzasSecond))
	}
	if s.BytesSecond > 0 {
		wait = max(wait, -b.bytes/float64(s.BytesSecond))
	}
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(time.Duration(wait * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
