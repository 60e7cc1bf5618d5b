package thingtest

import (
	"context"
	"maps"
	"sync"

	"github.com/comity-iot/comity/xep/register"
	"github.com/comity-iot/comity/xep/signing"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// link is the thing's session.
type link struct {
	jid  jid.JID // full
	conn transport.Conn

	mu sync.Mutex // one writes at a time
}

// write sends a stanza to the thing. Whether it is still there the reader finds out.
func (l *link) write(s *stanza.Stanza) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.conn.Write(s)
}

// session is one connection of the thing.
func (b *Broker) session(p *streamtest.Peer) {
	name, ok := b.login(p)
	if !ok {
		return
	}
	full, err := jid.New(name, Domain, stream.NewID())
	if err != nil {
		p.Fatalf("%v", err)
	}
	p.Bind(full.String())
	l := &link{jid: full, conn: p.Conn}
	b.enter(l)
	defer b.exit(l)
	for {
		kind, err := p.Conn.Next()
		switch {
		case err != nil:
			return
		case kind == xmlstream.End:
			p.Conn.End()
			return
		}
		s, ok, err := stanza.Read(p.Conn.Tokens())
		if !ok || err != nil {
			p.Fatalf("no stanza: %v", err)
		}
		s.From = full
		b.route(l, s)
	}
}

func (b *Broker) enter(l *link) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.online = l
}

func (b *Broker) exit(l *link) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.online == l {
		b.online = nil
	}
}

// login lets the thing log in, and make its account before that. It returns the account's name.
func (b *Broker) login(p *streamtest.Peer) (name string, ok bool) {
	features := append(p.Mechanisms(), xmlstream.New(register.NSFeature, "register"))
	from := p.Header(features...).From
	if p.Authenticate(b.copyAccounts()) {
		return b.nameOf(p, from), true
	}
	name, ok = b.makeAccount(p)
	if !ok {
		return "", false
	}
	return name, p.Authenticate(b.copyAccounts())
}

// nameOf returns who has logged in: the first of the accounts, as there is one thing.
func (b *Broker) nameOf(p *streamtest.Peer, from string) string {
	if j, err := jid.Parse(from); err == nil && j.Local() != "" {
		return j.Local()
	}
	names := b.Accounts()
	if len(names) != 1 {
		p.Fatalf("%d accounts and no telling whose session this is", len(names))
	}
	return names[0]
}

func (b *Broker) copyAccounts() streamtest.Accounts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.accounts)
}

// makeAccount is the registration of an account by a form that is signed with the key. XEP-0348#ibr
func (b *Broker) makeAccount(p *streamtest.Peer) (name string, ok bool) {
	token := signing.Token{ID: "token", Secret: "of this form"}
	for {
		if kind, err := p.Conn.Next(); err != nil || kind != xmlstream.Complete {
			return "", false
		}
		iq := p.Conn.Tokens().Element()
		query := iq.Child(register.NS, "query")
		if query == nil {
			p.Fatalf("got %v, want a registration", iq)
		}
		if iq.Attr("type") == "get" {
			f := form.New(form.TypeForm, "", append(signing.Fields(token),
				form.Field{Var: "username", Type: form.TextSingle}, form.Field{Var: "password", Type: form.TextPrivate})...)
			p.Result(iq, xmlstream.New(register.NS, "query", f.Element()))
			continue
		}
		f, err := form.Find(query)
		if err == nil && f != nil {
			err = signing.Verify(f, Secret, token, "")
		}
		if f == nil || err != nil {
			b.refuse(p, iq, stanza.BadRequest)
			continue
		}
		name = f.String("username")
		if !b.addAccount(name, f.String("password")) {
			b.refuse(p, iq, stanza.Conflict)
			continue
		}
		p.Result(iq, nil)
		return name, true
	}
}

func (b *Broker) refuse(p *streamtest.Peer, iq *xmlstream.Element, err error) {
	p.Write(xmlstream.New(stanza.Client, "iq", xmlstream.A("type", "error"), xmlstream.A("id", iq.Attr("id")),
		stanza.AsError(err).Element()))
}

func (b *Broker) addAccount(name, password string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, there := b.accounts[name]; there || b.taken > 0 {
		b.taken = max(0, b.taken-1)
		return false
	}
	b.accounts[name] = password
	return true
}

// RemoveAccounts removes all accounts, as an operator may.
func (b *Broker) RemoveAccounts() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.accounts)
}

// request asks the thing in the name of somebody, and returns the answer.
func (b *Broker) request(ctx context.Context, as *Person, iq *stanza.IQ) (*xmlstream.Element, error) {
	l := b.link()
	if l == nil {
		return nil, errOffline
	}
	s := iq.Stanza()
	s.ID, s.From = stream.NewID(), as.JID
	if s.To.IsZero() {
		s.To = l.jid
	}
	answer := as.expect(s.ID)
	defer as.forget(s.ID)
	l.write(s)
	select {
	case a := <-answer:
		if a.Type == stanza.ErrorType {
			return nil, stanza.ParseError(a.Child(stanza.Client, "error"))
		}
		got, err := a.IQ()
		if err != nil {
			return nil, err
		}
		return got.Payload, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
