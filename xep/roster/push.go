package roster

import (
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// flush sends the pushes of an owner's changes to its interested resources, in the order of the changes, whoever made
// them. RFC 6121 §2.1.6
func (s *service) flush(owner jid.JID) {
	a := s.account(owner)
	if a == nil || !a.startPushing() {
		return
	}
	for {
		st, to := a.nextPush()
		if st == nil {
			return
		}
		for _, x := range to {
			x.Send(st.Addressed(owner, x.JID()))
		}
	}
}

// startPushing is false where somebody does it already, who will find what was added.
func (a *account) startPushing() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pushing {
		return false
	}
	a.pushing = true
	return true
}

// nextPush returns the oldest push, and which sessions get it: those that have asked for the roster and were given an
// older one. Without pushes left, it ends the pushing.
func (a *account) nextPush() (st *stanza.Stanza, to []module.Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.pushes) == 0 {
		a.pushes, a.pushing = nil, false
		return nil, nil
	}
	p := a.pushes[0]
	a.pushes = a.pushes[1:]
	st = &stanza.Stanza{Kind: stanza.IQKind, Type: stanza.Set, ID: formatVersion(p.version), Content: p.content}
	for _, r := range a.resources {
		switch {
		case !r.interested || p.version <= r.version:
		case r.holding:
			r.held = append(r.held, st.Addressed(a.owner, r.session.JID()))
		default:
			to = append(to, r.session)
		}
	}
	return st, to
}

// hold makes a resource interested and returns the roster to answer its request with. As pushes from now on tell what is
// not in that roster, they wait until the answer has gone ahead of them; see deliver.
func (s *service) hold(a *account, r *resource, id string) *snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	r.interested, r.version, r.asked = true, a.roster.version, id
	if !r.holding && !r.ended {
		r.holding = true
		s.holding.Add(1)
	}
	return a.roster
}

// deliver is the hook for each stanza to a session. It looks for the answer to a request for the roster, and sends what
// was held behind it.
func (s *service) deliver(x module.Session, st *stanza.Stanza) *stanza.Stanza {
	if st.Kind != stanza.IQKind || st.Type != stanza.Result || s.holding.Load() == 0 {
		return st
	}
	a, r := s.find(x.JID())
	if r == nil || !a.answered(r, st.ID) {
		return st
	}
	x.Send(st) // which comes here again, as a stanza that nobody waits for
	for {
		held := s.release(a, r)
		if held == nil {
			return nil
		}
		for _, p := range held {
			x.Send(p)
		}
	}
}

func (a *account) answered(r *resource, id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id != r.asked || id == "" {
		return false
	}
	r.asked = ""
	return true
}

// release returns what is held, or nil once that is nothing and pushes go their direct way again.
func (s *service) release(a *account, r *resource) []*stanza.Stanza {
	a.mu.Lock()
	defer a.mu.Unlock()
	held := r.held
	r.held = nil
	if held == nil && r.holding {
		r.holding = false
		s.holding.Add(-1)
	}
	return held
}
