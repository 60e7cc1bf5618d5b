package transcript

import (
	"context"
	"errors"
	"fmt"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

type rawConnect struct{ who string }

func (a rawConnect) run(r *runner) error {
	if r.parties[a.who] != nil {
		return errors.New("is connected already")
	}
	ctx, cancel := context.WithTimeout(r.ctx, patience)
	defer cancel()
	conn, err := r.dial(ctx)
	if err == nil {
		r.join(&party{name: a.who, conn: conn, asked: map[string]string{}})
	}
	return err
}

type rawOpen struct{ who string }

func (a rawOpen) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	h := transport.Header{To: r.peer.Domain, Version: "1.0", Content: stanza.Client, Lang: "en"}
	if err := p.conn.Open(h); err != nil {
		return err
	}
	if el, err := p.next(); !errors.Is(err, errHeader) {
		return fmt.Errorf("expected a header, got %v %w", el, err)
	}
	el, err := p.next()
	if err == nil && !el.Is(stream.NS, "features") {
		err = fmt.Errorf("expected features, got\n  %s", el)
	}
	return err
}

type rawHeader struct {
	who  string
	want pattern
}

func (a rawHeader) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	if el, err := p.next(); !errors.Is(err, errHeader) {
		return fmt.Errorf("expected a header, got %v %w", el, err)
	}
	h := p.conn.Header()
	got := xmlstream.New(stream.NS, "stream")
	for _, attr := range [][2]string{{"from", h.From}, {"to", h.To}, {"id", h.ID}, {"version", h.Version}} {
		if attr[1] != "" {
			got = got.With(xmlstream.A(attr[0], attr[1]))
		}
	}
	m := newMatcher(r.values)
	if err := m.element(a.want.Element, got, func(xmlstream.Attr) bool { return true }); err != nil {
		return err
	}
	for name, v := range m.bound {
		r.values[name] = v
	}
	return nil
}

type rawRestart struct{ who string }

func (a rawRestart) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	return p.conn.Restart()
}

// rawTLS turns on TLS behind the features. RFC 6120 §5.4.2
type rawTLS struct{ who string }

func (a rawTLS) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	if err := p.send("<starttls xmlns='" + stream.NSTLS + "'/>"); err != nil {
		return err
	}
	el, err := p.next()
	if err != nil {
		return err
	}
	if !el.Is(stream.NSTLS, "proceed") {
		return fmt.Errorf("got\n  %s", el)
	}
	domain, err := jid.Parse(r.peer.Domain)
	if err != nil {
		return err
	}
	config, err := stream.TLSFor(r.peer.TLS, domain)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.ctx, patience)
	defer cancel()
	if err := p.conn.Secure(ctx, config, false); err != nil {
		return err
	}
	return p.conn.Restart()
}

// rawLogin is one attempt at SASL, without channel binding. RFC 6120 §6.4
type rawLogin struct {
	who, account, mechanism string
	condition               string // with which it fails; empty where it succeeds
}

func (a rawLogin) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	l := r.accounts[a.account]
	if l == nil {
		return fmt.Errorf("no account or unused name %q", a.account)
	}
	failed, err := attempt(p, a.mechanism, l)
	switch {
	case err != nil:
		return err
	case failed != a.condition:
		return fmt.Errorf("it failed with %q", failed)
	case failed == "":
		return p.conn.Restart()
	}
	return nil
}

// attempt goes through an exchange and returns the condition of its failure, or nothing.
func attempt(p *party, mechanism string, l *login) (failed string, err error) {
	cred := sasl.ClientCredentials{Username: l.bare.Local(), Password: l.password}
	c, err := sasl.NewClient(mechanism, cred, sasl.ChannelBinding{}, sasl.Offer{Mechanisms: []string{mechanism}})
	if err != nil {
		return "", err
	}
	data, err := c.Start()
	if err != nil {
		return "", err
	}
	answer := stream.SASL("auth", data, xmlstream.A("mechanism", mechanism))
	for {
		if err := p.send(answer.String()); err != nil {
			return "", err
		}
		el, err := p.next()
		switch {
		case err != nil:
			return "", err
		case el.Is(stream.NSSASL, "failure"):
			return el.First().Local(), nil
		case el.Is(stream.NSSASL, "success"):
			return "", nil
		case !el.Is(stream.NSSASL, "challenge"):
			return "", fmt.Errorf("got\n  %s", el)
		}
		if data, err = stream.SASLData(el); err != nil {
			return "", err
		}
		if data, err = c.Next(data); err != nil {
			return "", err
		}
		answer = stream.SASL("response", data)
	}
}
