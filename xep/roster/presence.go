package roster

import (
	"context"
	"slices"
	"strings"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// probeID marks our probes, so that the error which one may meet with is known.
const probeID = "probe"

// isService reports whether an owner is a service of the broker: those have no local part.
func isService(owner jid.JID) bool { return owner.IsDomain() }

// Out implements module.Presence.
func (s *service) Out(ctx context.Context, x module.Session, st *stanza.Stanza) error {
	switch st.Type {
	case stanza.Subscribe, stanza.Subscribed, stanza.Unsubscribe, stanza.Unsubscribed:
		return s.send(ctx, x.JID().Bare(), st)
	case stanza.Probe, stanza.ErrorType:
		if !st.To.IsZero() {
			s.host.Network.Send(ctx, st)
		}
		return nil
	}
	a, r := s.find(x.JID())
	if r == nil || !a.begin(r) {
		return nil // it has ended: whatever it says now is past
	}
	defer s.done(ctx, a, r)
	switch {
	case !st.To.IsZero():
		return s.direct(ctx, a, r, st)
	case st.Type == stanza.Unavailable:
		s.retract(ctx, a, r, st)
		return nil
	}
	return s.announce(ctx, a, r, st)
}

// In implements module.Presence.
func (s *service) In(ctx context.Context, st *stanza.Stanza) error {
	owner := st.To.Bare()
	switch st.Type {
	case stanza.Probe:
		return s.probed(ctx, owner, st)
	case stanza.Subscribe:
		if isService(owner) {
			return s.accept(ctx, owner, st.From.Bare().Clone())
		}
		return s.receive(ctx, owner, st)
	case stanza.Subscribed, stanza.Unsubscribe, stanza.Unsubscribed:
		return s.receive(ctx, owner, st)
	case stanza.ErrorType:
		if st.ID == probeID {
			return nil // of a probe that no client has sent
		}
	default:
		if isService(owner) {
			return s.note(ctx, owner, st)
		}
	}
	for x := range s.available(owner) { // §4.2.3, §4.4.3, §4.5.3, §4.6.4
		x.Send(st)
	}
	return nil
}

// announce broadcasts that a session is available. RFC 6121 §4.2.2, §4.4.2
func (s *service) announce(ctx context.Context, a *account, r *resource, st *stanza.Stanza) error {
	roster, err := s.load(ctx, a)
	if err != nil {
		return err
	}
	x := r.session
	initial := a.announce(r)
	x.SetPresence(st)
	s.spread(ctx, roster, x.JID(), st)
	own := st.Addressed(x.JID(), a.owner)
	for y := range s.available(a.owner) { // the session itself is among them
		y.Send(own)
	}
	if initial {
		s.welcome(ctx, a.owner, roster, x)
	}
	return nil
}

// spread sends a presence to those that see the owner, and from whom no feature hides it.
func (s *service) spread(ctx context.Context, roster *snapshot, full jid.JID, st *stanza.Stanza) {
	for i := range roster.items {
		if it := &roster.items[i]; it.state.has(from) && !s.host.Hides(ctx, full.Bare(), it.jid) {
			s.host.Network.Send(ctx, st.Addressed(full, it.jid))
		}
	}
}

// welcome gives a session that has become available what it has missed: the presence of the account's other sessions and
// of the contacts, and requests that wait. RFC 6121 §4.2.2, §3.1.3
func (s *service) welcome(ctx context.Context, owner jid.JID, roster *snapshot, x module.Session) {
	for y, p := range s.available(owner) {
		if y != x {
			x.Send(p.Addressed(y.JID(), x.JID()))
		}
	}
	asked := false
	for i := range roster.items {
		it := &roster.items[i]
		asked = asked || it.state.has(pendingIn)
		if it.state.has(to) {
			s.probe(ctx, owner, it.jid, x)
		}
	}
	if !asked {
		return
	}
	if err := s.remind(ctx, x, owner); err != nil { // the session is available all the same
		s.host.Log.Error("requests to subscribe not delivered", "owner", owner, "err", err)
	}
}

// probe asks for a contact's presence on behalf of an owner. RFC 6121 §4.3.1
func (s *service) probe(ctx context.Context, owner, contact jid.JID, x module.Session) {
	p := stanza.NewPresence(contact, stanza.Probe)
	p.From, p.ID = owner, probeID // the answer goes to all sessions of the owner
	if s.local(contact) {
		if !isService(contact) && !s.online(contact) {
			return // as is known without asking
		}
		p.From = x.JID() // between us, the answer goes to whom it is for
	}
	s.host.Network.Send(ctx, p)
}

// local reports whether an address is of this domain or a service of it.
func (s *service) local(j jid.JID) bool {
	domain := s.host.Domain.Domain()
	rest, below := strings.CutSuffix(j.Domain(), domain)
	return below && (rest == "" || strings.HasSuffix(rest, ".") && isService(j))
}

func (s *service) online(owner jid.JID) bool {
	for range s.available(owner) {
		return true
	}
	return false
}

// probed answers a probe. Who does not see the owner hears the same as of an account that does not exist.
// RFC 6121 §4.3.2
func (s *service) probed(ctx context.Context, owner jid.JID, st *stanza.Stanza) error {
	asker := st.From.Bare()
	if !isService(owner) && asker != owner {
		i, err := s.item(ctx, owner, asker)
		if err != nil {
			return err
		}
		if !i.state.has(from) {
			s.say(ctx, stanza.Unsubscribed, owner, asker)
			return nil
		}
	}
	if !s.show(ctx, owner, st.From) {
		s.say(ctx, stanza.Unavailable, owner, st.From)
	}
	return nil
}

// show sends the presence of the owner's available sessions to a party, and reports whether there are any. A service is
// always available.
func (s *service) show(ctx context.Context, owner, party jid.JID) (shown bool) {
	if isService(owner) {
		s.say(ctx, stanza.Available, owner, party)
		return true
	}
	if s.host.Hides(ctx, owner, party) {
		return false
	}
	for x, p := range s.available(owner) {
		s.host.Network.Send(ctx, p.Addressed(x.JID(), party))
		shown = true
	}
	return shown
}

// hide tells a contact that it cannot see the owner any more. RFC 6121 §3.2.2
func (s *service) hide(ctx context.Context, owner, contact jid.JID) {
	if isService(owner) {
		s.say(ctx, stanza.Unavailable, owner, contact)
		return
	}
	for x := range s.available(owner) {
		s.say(ctx, stanza.Unavailable, x.JID(), contact)
	}
}

// say sends a presence without content.
func (s *service) say(ctx context.Context, t stanza.Type, from, to jid.JID) {
	p := stanza.NewPresence(to, t)
	p.From = from
	s.host.Network.Send(ctx, p)
}

// direct sends a session's presence to who may not be a contact, and keeps in mind who is to be told of its end.
// RFC 6121 §4.6.2
func (s *service) direct(ctx context.Context, a *account, r *resource, st *stanza.Stanza) error {
	roster, err := s.load(ctx, a)
	if err != nil {
		return err
	}
	told := st.To.Bare() == a.owner || roster.item(st.To.Bare()).state.has(from) // by the broadcast
	if !a.remember(r, st, told, s.settings.Directed) {
		return stanza.ResourceConstraint.With("presence sent to more than %d addresses", s.settings.Directed)
	}
	s.host.Network.Send(ctx, st)
	return nil
}

func (a *account) remember(r *resource, st *stanza.Stanza, told bool, limit int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.Index(r.directed, st.To)
	switch {
	case st.Type == stanza.Unavailable:
		if i >= 0 {
			r.directed = slices.Delete(r.directed, i, i+1)
		}
	case i >= 0 || told && r.announced:
	case len(r.directed) >= limit:
		return false
	default:
		r.directed = append(r.directed, st.To.Clone())
	}
	return true
}
