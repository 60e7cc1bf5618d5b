package thingtest

import (
	"context"
	"sync"

	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Person is somebody on the network, or something, under one address. It implements sensordata.Session, so that the client halves
// of protocols can be used with it.
type Person struct {
	mux.Mux // of messages
	JID     jid.JID

	broker   *Broker
	presence chan stanza.Type
	texts    chan string

	mu      sync.Mutex
	answers map[string]chan *stanza.Stanza
}

var _ sensordata.Session = (*Person)(nil)

// Person returns the person of a full address; the same one for the same bare address.
func (b *Broker) Person(full string) *Person {
	j := jid.MustParse(full)
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.people[j.Bare()]; p != nil {
		return p
	}
	p := &Person{
		JID: j, broker: b, presence: make(chan stanza.Type, 64), texts: make(chan string, 64),
		answers: map[string]chan *stanza.Stanza{},
	}
	p.HandleMessage(stanza.Client, "body", func(s *stanza.Stanza) { p.texts <- s.Body() })
	b.people[j.Bare()] = p
	return p
}

// take gets what the thing sends.
func (p *Person) take(s *stanza.Stanza) {
	switch {
	case s.Kind == stanza.Presence:
		p.presence <- s.Type
	case s.Kind == stanza.Message:
		p.Serve(context.Background(), s)
	default:
		p.mu.Lock()
		answer := p.answers[s.ID]
		p.mu.Unlock()
		select {
		case answer <- s:
		default: // nobody waits any more; or it is the second, and the client would not take it either
		}
	}
}

func (p *Person) expect(id string) <-chan *stanza.Stanza {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer := make(chan *stanza.Stanza, 1)
	p.answers[id] = answer
	return answer
}

func (p *Person) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.answers, id)
}

// Request asks the thing, and returns the answer. A zero iq.To is the thing's full address.
func (p *Person) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	return p.broker.request(ctx, p, iq)
}

// Send sends the thing a stanza from this person. If the thing is not connected it is lost.
func (p *Person) Send(s *stanza.Stanza) {
	if l := p.broker.link(); l != nil {
		l.write(s.Addressed(p.JID, l.jid))
	}
}

// Befriend asks to see the thing, and reports whether it said yes. Presence that came before is forgotten.
func (p *Person) Befriend(ctx context.Context) (bool, error) {
	for len(p.presence) > 0 {
		<-p.presence
	}
	p.Send(&stanza.Stanza{Kind: stanza.Presence, Type: stanza.Subscribe})
	for {
		said, err := p.Presence(ctx)
		switch {
		case err != nil:
			return false, err
		case said == stanza.Subscribed:
			return true, nil
		case said == stanza.Unsubscribed:
			return false, nil
		}
	}
}

// Presence returns the next presence that the thing sent to this person: of the four about subscriptions.
func (p *Person) Presence(ctx context.Context) (stanza.Type, error) {
	select {
	case said := <-p.presence:
		return said, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// Read reads the thing.
func (p *Person) Read(ctx context.Context, req sensordata.Request) (sensordata.Report, error) {
	return sensordata.Read(ctx, p, p.broker.Thing(), req)
}

// Set sets parameters of the thing.
func (p *Person) Set(ctx context.Context, c control.Command) (control.Response, error) {
	return control.Set(ctx, p, p.broker.Thing(), c)
}

// Form returns the thing's control form.
func (p *Person) Form(ctx context.Context, r control.FormRequest) (*form.Form, error) {
	return control.GetForm(ctx, p, p.broker.Thing(), r)
}

// Say says something to the thing, and returns what it answers.
func (p *Person) Say(ctx context.Context, text string) (string, error) {
	p.Send(stanza.NewMessage(jid.JID{}, stanza.Chat, xmlstream.New(stanza.Client, "body", xmlstream.Text(text))))
	select {
	case answer := <-p.texts:
		return answer, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
