package offline

import (
	"context"
	"errors"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
)

// batch is how many messages are read at once.
const batch = 64

// round is the handing over of an account's messages that is under way.
type round struct{ again bool }

// hand gives what is kept for an account to a session. For one account there is one round at a time, so that two sessions do not
// get the same message; who comes meanwhile has the round look again.
func (s *service) hand(ctx context.Context, to module.Session) {
	account := to.JID().Bare().Clone()
	r := s.begin(account)
	if r == nil {
		return
	}
	ctx = context.WithoutCancel(ctx) // what was given must be removed, whatever becomes of the stream
	for {
		var err error
		if to != nil {
			err = s.handAll(ctx, account, to)
		}
		if err != nil && !errors.Is(err, store.ErrFull) { // of that the store tells the log
			s.host.Log.Error("offline messages", "account", account, "err", err)
		}
		if !s.again(account, r, err) {
			return
		}
		to = s.reach(account)
	}
}

// begin starts a round, or returns nil where one is under way, which it tells.
func (s *service) begin(account jid.JID) *round {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rounds[account]; r != nil {
		r.again = true
		return nil
	}
	r := &round{}
	s.rounds[account] = r
	return r
}

// again reports whether the round has to look again, and else ends it. After an error it ends, so as not to give a message that
// cannot be removed over and over.
func (s *service) again(account jid.JID, r *round, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || !r.again {
		delete(s.rounds, account)
		return false
	}
	r.again = false
	return true
}

func (s *service) handAll(ctx context.Context, account jid.JID, to module.Session) error {
	for ready(to) {
		var rows []row
		err := s.host.DB.View(ctx, func(tx *store.Tx) (err error) {
			rows, err = next(tx, account, s.horizon(), batch)
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			st, err := r.stanza()
			if err != nil { // cannot be, and must not keep the others back
				s.host.Log.Error("unreadable message dropped", "account", account, "err", err)
				continue
			}
			to.Send(st)
		}
		err = s.host.DB.Update(ctx, func(tx *store.Tx) error { return remove(tx, rows) })
		if err != nil || len(rows) < batch {
			return err
		}
	}
	return nil
}

// reach returns the account's session of the highest priority that takes messages to the bare JID, or nil.
func (s *service) reach(account jid.JID) module.Session {
	var best module.Session
	for _, x := range s.host.Sessions.Of(account) {
		if ready(x) && (best == nil || x.Priority() > best.Priority()) {
			best = x
		}
	}
	return best
}

// ready reports whether a session takes messages to the bare JID. RFC 6121 §8.5.2.1
func ready(x module.Session) bool { return x.Presence() != nil && x.Priority() >= 0 }
