package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const nsRoster = "jabber:iq:roster" // RFC 6121 §2

// sees returns whose presence the session is subscribed to, by its roster.
func (s *session) sees(ctx context.Context) (map[jid.JID]bool, error) {
	el, err := s.Request(ctx, &stanza.IQ{Type: stanza.Get, Payload: xmlstream.New(nsRoster, "query")})
	if err != nil {
		return nil, fmt.Errorf("roster of %s: %w", s.jid.Bare(), err)
	}
	all := map[jid.JID]bool{}
	for item := range el.ChildrenNamed(nsRoster, "item") {
		j, err := jid.Parse(item.Attr("jid"))
		if err != nil {
			return nil, fmt.Errorf("roster of %s: %w", s.jid.Bare(), err)
		}
		sub := item.Attr("subscription")
		all[j] = sub == "to" || sub == "both"
	}
	return all, nil
}

// subscribePatience bounds the time until the other side's yes is in the roster.
const subscribePatience = time.Minute

// subscribe sees to it that the session is subscribed to the presence of others, who say yes to everybody. It returns how many
// subscriptions had to be made. RFC 6121 §3.1
func (s *session) subscribe(ctx context.Context, others ...jid.JID) (made int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, subscribePatience, advise(
		"Are the accounts of --accounts this tool's own? Others may have blocked each other.",
		"%s has no subscription to %s in %s", s.jid.Bare(), others[0], subscribePatience))
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		seen, err := s.sees(ctx)
		if err != nil {
			return made, err
		}
		missing := 0
		for _, o := range others {
			if seen[o.Bare()] {
				continue
			}
			missing++
			if wait == 10*time.Millisecond { // the first time
				made++
				if err := s.write(stanza.NewPresence(o.Bare(), stanza.Subscribe)); err != nil {
					return made, err
				}
			}
		}
		if missing == 0 {
			return made, nil
		}
		if err := sleep(ctx, min(wait, time.Second)); err != nil {
			return made, err
		}
	}
}

// befriend puts everybody beside contacts others into a ring, half of them on either side, so that each sees the presence of each.
func (r *run) befriend(ctx context.Context, c *crowd, contacts int) (made bool, err error) {
	n := len(c.sessions)
	if contacts >= n {
		return false, advise("Choose more sessions, or fewer contacts.", "%d sessions cannot have %d contacts each", n, contacts)
	}
	counts := make([]int, n)
	err = r.each(ctx, n, "have their contacts", func(ctx context.Context, i int) error {
		var others []jid.JID
		for d := 1; d <= contacts/2; d++ {
			others = append(others, c.sessions[(i+d)%n].jid.Bare(), c.sessions[(i+n-d)%n].jid.Bare())
		}
		var err error
		counts[i], err = c.sessions[i].subscribe(ctx, others...)
		return err
	})
	for _, m := range counts {
		made = made || m > 0
	}
	return made, err
}
