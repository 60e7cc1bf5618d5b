package c2s

import (
	"sync"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
)

// pace is what may be sent in the long run, and for how many seconds of that at once. Zero is no limit.
type pace struct{ stanzas, bytes, burst int }

func (p pace) limited() bool { return p.stanzas > 0 || p.bytes > 0 }

// bucket limits what is sent in the long run, by making the sender wait.
type bucket struct {
	stanzas, bytes float64 // what may be sent at once
	filled         time.Time
}

// take accounts for one stanza of n bytes and returns how long its sender has to wait where it is over its pace.
func (b *bucket) take(p pace, now time.Time, n int) (wait time.Duration) {
	passed := float64(p.burst)
	if !b.filled.IsZero() {
		passed = now.Sub(b.filled).Seconds()
	}
	b.filled = now
	b.stanzas = min(b.stanzas+passed*float64(p.stanzas), float64(p.stanzas*p.burst)) - 1
	b.bytes = min(b.bytes+passed*float64(p.bytes), float64(p.bytes*p.burst)) - float64(n)
	if p.stanzas > 0 {
		wait = seconds(-b.stanzas / float64(p.stanzas))
	}
	if p.bytes > 0 {
		wait = max(wait, seconds(-b.bytes/float64(p.bytes)))
	}
	return wait
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// shares are the buckets of accounts, each for as long as the account has a stream.
type shares struct {
	mu sync.Mutex
	of map[jid.JID]*share
}

// share is what the streams of one account may send together.
type share struct {
	streams int // guarded by shares.mu

	mu     sync.Mutex
	bucket bucket
}

// join returns the account's share, with one more stream. After it comes leave.
func (s *shares) join(account jid.JID) *share {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.of[account]
	if sh == nil {
		if s.of == nil {
			s.of = map[jid.JID]*share{}
		}
		sh = &share{}
		s.of[account] = sh
	}
	sh.streams++
	return sh
}

// leave ends a stream's part in its account's share. Who leaves with the last and comes again has not gained more than a burst.
func (s *shares) leave(account jid.JID, sh *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh.streams--; sh.streams == 0 {
		delete(s.of, account)
	}
}

func (s *share) take(p pace, now time.Time, n int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bucket.take(p, now, n)
}

// spend accounts for one stanza of n bytes and returns how long the stream has to wait, for itself or for its account.
func (st *clientStream) spend(now time.Time, n int) (wait time.Duration) {
	s := st.server.Settings
	if p := s.streamPace(); p.limited() {
		wait = st.bucket.take(p, now, n)
	}
	if st.share != nil {
		wait = max(wait, st.share.take(s.accountPace(), now, n))
	}
	return wait
}
