//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xep/blocking"
	"github.com/comity-iot/comity/xep/eventlog"
	"github.com/comity-iot/comity/xep/register"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xep/signing"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const fullPassword = "filled to the brim"

func addFullAccounts(t *testing.T, data string) {
	t.Helper()
	var lines []byte
	for _, name := range []string{"alice", "bob", "carol", "dave", "lamp", "juliet", "romeo"} {
		lines = fmt.Appendf(lines, "%s@example.org %s\n", name, fullPassword)
	}
	file := filepath.Join(t.TempDir(), "accounts")
	if err := os.WriteFile(file, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "account", "add", "--from", file, "--data", data)
}

// guest is a client that is online, and what it got.
type guest struct {
	*client.Session
	got chan *stanza.Stanza // messages and presence
}

// enter logs in an account, and makes it available.
func (c *child) enter(ctx context.Context, t *testing.T, name string) *guest {
	t.Helper()
	p := &guest{got: make(chan *stanza.Stanza, 1024)}
	all := new(mux.Mux)
	all.HandleOther(func(s *stanza.Stanza) { p.got <- s })
	var err error
	p.Session, err = client.Dial(ctx, client.Config{
		JID: jid.MustParse(name + "@example.org"), Password: fullPassword, Addr: c.addr, AllowPlaintext: true, Mux: all,
	})
	if err != nil {
		t.Fatalf("login of %s: %v", name, err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	if err := p.SendAcked(ctx, stanza.NewPresence(jid.JID{}, stanza.Available)); err != nil {
		t.Fatalf("presence of %s: %v", name, err)
	}
	return p
}

// leave logs out. Nothing is for the session any more before it ends.
func (p *guest) leave(ctx context.Context) error {
	return errors.Join(p.SendAcked(ctx, stanza.NewPresence(jid.JID{}, stanza.Unavailable)), p.Close(ctx))
}

// next returns the next stanza that fits, and drops those before it.
func (p *guest) next(ctx context.Context, what string, fits func(*stanza.Stanza) bool) (*stanza.Stanza, error) {
	for {
		select {
		case s := <-p.got:
			if fits(s) {
				return s, nil
			}
		case <-p.Done():
			return nil, p.Err()
		case <-ctx.Done():
			return nil, fmt.Errorf("%s has got no %s", p.JID(), what)
		}
	}
}

// ask sends a stanza, waits until the broker has handled it, and returns the error that has come back, nil for none.
func (p *guest) ask(ctx context.Context, s *stanza.Stanza) error {
	s.ID = stream.NewID()
	if err := p.SendAcked(ctx, s); err != nil {
		return err
	}
	// A service handles what one sender says in its order.
	ping := &stanza.IQ{Type: stanza.Get, To: killDiscovery, Payload: xmlstream.New("urn:xmpp:ping", "ping")}
	if _, err := p.Request(ctx, ping); err != nil && stanza.AsError(err).Condition == stanza.InternalServerError {
		return err
	}
	mark := stanza.NewMessage(p.JID(), stanza.Headline, body("mark"))
	mark.ID = stream.NewID()
	if err := p.Send(ctx, mark); err != nil {
		return err
	}
	last, err := p.next(ctx, "answer", func(got *stanza.Stanza) bool {
		return got.ID == mark.ID || got.ID == s.ID && got.Type == stanza.ErrorType
	})
	if err != nil || last.ID == mark.ID {
		return err
	}
	return stanza.ParseError(last.Child(stanza.Client, "error"))
}

// asking is a guest whose Send is ask.
type asking struct{ *guest }

func (a asking) Send(ctx context.Context, s *stanza.Stanza) error { return a.ask(ctx, s) }

func body(text string) *xmlstream.Element {
	return xmlstream.New(stanza.Client, "body", xmlstream.Text(text))
}

func isTalk(s *stanza.Stanza) bool { return s.Kind == stanza.Message && s.Type != stanza.Headline }

// talk has one guest say something to another again and again, each time when the last has arrived.
func talk(ctx context.Context, from, to *guest, enough <-chan struct{}) error {
	for n := 0; ; n++ {
		text := strconv.Itoa(n)
		if err := from.Send(ctx, stanza.NewMessage(to.JID().Bare(), stanza.Chat, body(text))); err != nil {
			return err
		}
		got, err := to.next(ctx, "message", isTalk)
		if err != nil {
			return err
		}
		if got.Body() != text || got.Type != stanza.Chat {
			return fmt.Errorf("%s sent %q, and %s arrived", from.JID(), text, got)
		}
		select {
		case <-enough:
			if n == 0 {
				return errors.New("they have hardly talked")
			}
			return nil
		default:
		}
	}
}

// fullWorld is whom the test of a full disk plays with.
type fullWorld struct {
	*child
	alice, bob *guest
	lamp       *guest // has things
}

// write is one that needs room. It may be tried again after it was refused.
type write struct {
	what string
	try  func(context.Context) error
}

func thingTags(id string) registry.Tags {
	tags, _ := registry.NewTags(registry.Str("SN", id), registry.Str(registry.KeyTag, "key of "+id)) // they are few and short
	return tags
}

// registers puts a thing behind somebody into the registry.
func (p *guest) registers(ctx context.Context, id string) error {
	_, err := (&registry.Client{Requester: p, Registry: killDiscovery}).Register(ctx,
		registry.Register{Node: iot.Node{ID: id}, Tags: thingTags(id)})
	return err
}

// claim makes alice the owner of one.
func (w *fullWorld) claim(ctx context.Context, id string) error {
	_, err := (&registry.Client{Requester: w.alice, Registry: killDiscovery}).Claim(ctx, thingTags(id), true)
	return err
}

// tell has alice leave a message for somebody who is away.
func (w *fullWorld) tell(ctx context.Context, who, text string) error {
	return w.alice.ask(ctx, stanza.NewMessage(jid.MustParse(who+"@example.org"), stanza.Chat, body(text)))
}

func (w *fullWorld) contact(ctx context.Context, name string) error {
	return (&roster.Client{Requester: w.alice}).Set(ctx, roster.Item{JID: jid.MustParse(name + "@example.net"), Name: name})
}

// before writes what has to be there at the end, and what is read and wanted on the way: alice sees bob, and dave, who has a thing and
// is away, has to be told whose it is.
func (w *fullWorld) before(ctx context.Context, t *testing.T) error {
	dave := w.enter(ctx, t, "dave")
	err := errors.Join(dave.registers(ctx, "dave's"), dave.leave(ctx),
		w.claim(ctx, "dave's"), w.tell(ctx, "dave", "before"), w.tell(ctx, "carol", "before"),
		w.contact(ctx, "before"), w.lamp.registers(ctx, "before"), w.claim(ctx, "before"), w.lamp.registers(ctx, "free"),
		w.alice.ask(ctx, roster.Subscribe(w.bob.JID())), w.bob.ask(ctx, roster.Approve(w.alice.JID())))
	if err != nil {
		return err
	}
	_, err = w.alice.next(ctx, "presence", func(s *stanza.Stanza) bool { return s.From == w.bob.JID() })
	return err
}

// writes are of every kind that a client can ask for.
func (w *fullWorld) writes() []write {
	return []write{
		{"a message to who is away", func(ctx context.Context) error { return w.tell(ctx, "carol", "now") }},
		{"a contact", func(ctx context.Context) error { return w.contact(ctx, "now") }},
		{"a request to subscribe", func(ctx context.Context) error {
			return w.bob.ask(ctx, roster.Subscribe(jid.MustParse("carol@example.org")))
		}},
		{"blocking", func(ctx context.Context) error {
			return (&blocking.Client{Requester: w.bob}).Block(ctx, jid.MustParse("now@example.net"))
		}},
		{"another password", func(ctx context.Context) error {
			return register.ChangePassword(ctx, w.bob, w.bob.JID().Bare(), fullPassword)
		}},
		{"a thing", func(ctx context.Context) error { return w.lamp.registers(ctx, "now") }},
		{"a claim", func(ctx context.Context) error { return w.claim(ctx, "free") }},
		{"an event", func(ctx context.Context) error {
			return eventlog.Send(ctx, asking{w.lamp}, killDiscovery, eventlog.Event{Message: "now"})
		}},
		{"an account", w.join},
	}
}

// join makes an account for newcomer, and logs in. Where that is refused, the same stream must be good for another try.
// XEP-0077#usecases-register
func (w *fullWorld) join(ctx context.Context) error {
	s, err := client.Dial(ctx, client.Config{
		JID: jid.MustParse("newcomer@example.org"), Password: fullPassword, Addr: w.addr, AllowPlaintext: true,
		Register: func(ctx context.Context, r stanza.Requester) error {
			first := register.Create(ctx, r, signing.Key{}, "newcomer", fullPassword)
			if first == nil {
				return nil
			}
			again := register.Create(ctx, r, signing.Key{}, "newcomer", fullPassword)
			if fmt.Sprint(again) != fmt.Sprint(first) {
				return fmt.Errorf("%w, and then %v", first, again)
			}
			return first
		},
	})
	if err != nil {
		return err
	}
	return s.Close(ctx)
}

// check holds what there is against what was acknowledged. The messages are those for carol, which are given once; what was refused to
// alice is not among them.
func (w *fullWorld) check(ctx context.Context, t *testing.T, messages ...string) {
	t.Helper()
	contacts, err := (&roster.Client{Requester: w.alice}).Get(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"before@example.net", "now@example.net", "bob@example.org"} {
		if !slices.ContainsFunc(contacts.Items, func(i roster.Item) bool { return i.JID.String() == name }) {
			t.Errorf("the contact %s is lost", name)
		}
	}
	blocked, err := (&blocking.Client{Requester: w.bob}).Get(ctx)
	if err != nil || len(blocked) != 1 {
		t.Errorf("bob blocks %v, %v", blocked, err)
	}
	var things []string
	for l, err := range (&provisioning.OwnerClient{Requester: w.alice, Service: killDiscovery}).Devices(ctx, iot.Page{}) {
		if err != nil {
			t.Fatal(err)
		}
		things = append(things, l.Thing.ID)
	}
	if slices.Sort(things); !slices.Equal(things, []string{"before", "dave's", "free"}) {
		t.Errorf("alice owns %q", things)
	}
	if err := w.join(ctx); err != nil {
		t.Errorf("the newcomer: %v", err)
	}
	carol := w.enter(ctx, t, "carol")
	if err := carol.Send(ctx, stanza.NewMessage(carol.JID(), stanza.Chat, body("no more"))); err != nil {
		t.Error(err)
	}
	for _, text := range append(messages, "no more") {
		if got, err := carol.next(ctx, text, isTalk); err != nil || got.Body() != text {
			t.Errorf("carol got %s, want %q, %v", got, text, err)
		}
	}
	if err := carol.leave(ctx); err != nil {
		t.Error(err)
	}
}
