package carbons_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/xep/carbons"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const (
	home   = "romeo@example.org/home"
	garden = "romeo@example.org/garden"
	juliet = "juliet@example.net/balcony"
)

// world is romeo with two sessions and what goes to and from them.
type world struct {
	*moduletest.Broker
	t            *testing.T
	home, garden *moduletest.Session
}

func newWorld(t *testing.T) *world {
	b := moduletest.New(t, carbons.Module())
	b.Accounts.Add("romeo@example.org")
	return &world{Broker: b, t: t, home: b.Online(home, 0), garden: b.Online(garden, 0)}
}

// set turns copies on or off for a session.
func (w *world) set(from, local string) error {
	_, err := w.Client(from).Request(context.Background(), &stanza.IQ{Type: stanza.Set, Payload: xmlstream.New(carbons.NS, local)})
	return err
}

func (w *world) enable(all ...string) {
	w.t.Helper()
	for _, full := range all {
		if err := w.set(full, "enable"); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) parse(xml string) *stanza.Stanza {
	w.t.Helper()
	s, err := moduletest.Parse(xml)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// sends tells of a message that a session has sent.
func (w *world) sends(from *moduletest.Session, xml string) {
	w.Hooks[0].Sent(from, w.parse(xml))
}

// delivers tells of a message for romeo that those sessions got.
func (w *world) delivers(xml string, to ...*moduletest.Session) {
	var got []module.Session
	for _, s := range to {
		got = append(got, s)
	}
	w.Hooks[0].Delivered(jid.MustParse("romeo@example.org"), w.parse(xml), got)
}

func received(s *moduletest.Session) (all []string) {
	for _, m := range s.Received() {
		all = append(all, m.String())
	}
	return all
}

// XEP-0280#enabling, XEP-0280#disabling, XEP-0280#bizrules-multi
func TestEnableAndDisable(t *testing.T) {
	w := newWorld(t)
	message := "<message from='" + juliet + "' to='" + home + "' type='chat'/>"
	for _, step := range []struct {
		set    string
		copies int
	}{{"", 0}, {"disable", 0}, {"enable", 1}, {"enable", 1}, {"disable", 0}, {"disable", 0}, {"enable", 1}} {
		if step.set != "" {
			if err := w.set(garden, step.set); err != nil {
				t.Fatal(err)
			}
		}
		w.delivers(message, w.home)
		if got := received(w.garden); len(got) != step.copies {
			t.Errorf("after %s: %q", step.set, got)
		}
	}
	if got := received(w.home); len(got) > 0 {
		t.Errorf("who did not ask got %q", got)
	}
	_, err := w.Client(garden).Request(context.Background(), &stanza.IQ{Type: stanza.Get, Payload: xmlstream.New(carbons.NS, "enable")})
	if !errors.Is(err, stanza.BadRequest) {
		t.Errorf("a get: %v", err)
	}
	// XEP-0280#enabling-errors: not for others' accounts, nor for who is not here.
	_, err = w.Client(juliet).Request(context.Background(), &stanza.IQ{
		Type: stanza.Set, To: jid.MustParse("romeo@example.org"), Payload: xmlstream.New(carbons.NS, "enable"),
	})
	if err == nil {
		t.Error("another turned it on")
	}
	if err := w.set("romeo@example.org/gone", "enable"); !errors.Is(err, stanza.NotAllowed) {
		t.Errorf("a session that is not: %v", err)
	}
}

// XEP-0280#disco
func TestDisco(t *testing.T) {
	w := newWorld(t)
	for _, at := range []module.Place{module.Domain, module.Account} {
		info := w.Host.Directory.Info(context.Background(), at, moduletest.Domain, jid.MustParse(home))
		if !slices.Contains(info.Features, "urn:xmpp:carbons:2") || slices.Contains(info.Features, "urn:xmpp:carbons:rules:0") {
			t.Errorf("%s has %v", at, info.Features)
		}
	}
}

// XEP-0280#inbound, with the document's example.
func TestReceivedCopy(t *testing.T) {
	w := newWorld(t)
	w.enable(home, garden)
	w.delivers("<message xmlns='jabber:client' from='juliet@example.net/balcony' to='romeo@example.org/garden' type='chat' xml:lang='en'>"+
		"<body>What man art thou that, thus bescreen'd in night, so stumblest on my counsel?</body>"+
		"<thread>0e3141cd80894871a68e6fe6b1ec56fa</thread><x xmlns='urn:x'/></message>", w.garden)
	want := "<message from='romeo@example.org' to='romeo@example.org/home' type='chat'><received xmlns='urn:xmpp:carbons:2'>" +
		"<forwarded xmlns='urn:xmpp:forward:0'>" +
		"<message xmlns='jabber:client' from='juliet@example.net/balcony' to='romeo@example.org/garden' type='chat' xml:lang='en'>" +
		"<body>What man art thou that, thus bescreen'd in night, so stumblest on my counsel?</body>" +
		"<thread>0e3141cd80894871a68e6fe6b1ec56fa</thread><x xmlns='urn:x'/></message></forwarded></received></message>"
	if got := received(w.home); len(got) != 1 || got[0] != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := received(w.garden); len(got) > 0 {
		t.Errorf("who got it has a copy: %q", got)
	}
}

// XEP-0280#outbound, with the document's example. Whether the sender wants copies has no say.
func TestSentCopy(t *testing.T) {
	w := newWorld(t)
	w.enable(garden)
	w.sends(w.home, "<message from='romeo@example.org/home' to='juliet@example.net/balcony' type='chat'>"+
		"<body>Neither, fair saint, if either thee dislike.</body></message>")
	want := "<message from='romeo@example.org' to='romeo@example.org/garden' type='chat'><sent xmlns='urn:xmpp:carbons:2'>" +
		"<forwarded xmlns='urn:xmpp:forward:0'>" +
		"<message xmlns='jabber:client' from='romeo@example.org/home' to='juliet@example.net/balcony' type='chat'>" +
		"<body>Neither, fair saint, if either thee dislike.</body></message></forwarded></sent></message>"
	if got := received(w.garden); len(got) != 1 || got[0] != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	w.enable(home)
	w.sends(w.home, "<message from='romeo@example.org/home' to='juliet@example.net/balcony' type='chat'/>")
	if got := received(w.home); len(got) > 0 {
		t.Errorf("the sender got %q", got)
	}
}

// XEP-0280#recommended-rules
func TestEligible(t *testing.T) {
	const muc = "<x xmlns='http://jabber.org/protocol/muc#user'/>"
	for _, c := range []struct {
		typ, content   string
		sent, received bool
	}{
		{"chat", "", true, true},
		{"chat", "<body/>", true, true},
		{"chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", true, true},
		{"normal", "<body/>", true, true},
		{"normal", "", false, false},
		{"normal", "<body xmlns='urn:x'/>", false, false},
		{"normal", "<received xmlns='urn:xmpp:receipts' id='1'/>", true, true},
		{"normal", "<request xmlns='urn:xmpp:receipts'/>", true, true},
		{"normal", "<active xmlns='http://jabber.org/protocol/chatstates'/>", true, true},
		{"normal", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", true, true},
		{"normal", "<x xmlns='jabber:x:conference' jid='room@conference.example.org'/>", true, true},
		{"normal", "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='hecate@example.org'/></x>", true, true},
		{"chat", "<body/>" + muc, true, false}, // what one says to another in a room
		{"chat", muc, true, false},
		{"groupchat", "<body/>", false, false},
		{"headline", "<body/>", false, false},
		{"error", "<body/>", false, false},
		{"chat", "<body/><private xmlns='urn:xmpp:carbons:2'/>", false, false},
		{"chat", "<body/><no-copy xmlns='urn:xmpp:hints'/>", false, false},
		{"chat", "<body/><no-store xmlns='urn:xmpp:hints'/>", true, true},
		{"chat", "<received xmlns='urn:xmpp:carbons:2'/>", false, false},
		{"chat", "<sent xmlns='urn:xmpp:carbons:2'/>", false, false},
		// What things say.
		{"normal", "<fields xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='true'/>", false, false},
		{"normal", "<resp xmlns='urn:ieee:iot:sd:1.0' id='1'/>", false, false},
		{"normal", "<set xmlns='urn:nf:iot:ctr:1.0'/>", false, false},
		{"normal", "<isFriend xmlns='urn:nfi:iot:prov:o:1.0'/>", false, false},
		{"normal", "<log xmlns='urn:xmpp:eventlog'/>", false, false},
	} {
		w := newWorld(t)
		w.enable(garden)
		w.sends(w.home, "<message from='"+home+"' to='"+juliet+"' type='"+c.typ+"'>"+c.content+"</message>")
		sent := w.garden.Received()
		w.delivers("<message from='"+juliet+"' to='"+home+"' type='"+c.typ+"'>"+c.content+"</message>", w.home)
		got := w.garden.Received()
		if len(sent) == 1 != c.sent || len(got) == 1 != c.received {
			t.Errorf("%s %s: sent %v, received %v", c.typ, c.content, sent, got)
		}
		for _, m := range append(sent, got...) {
			if m.Type != stanza.Type(c.typ) {
				t.Errorf("%s: the copy is a %s", c.typ, m.Type)
			}
		}
	}
}

// What one session sends to the account or to another of its sessions comes to each of the others once.
func TestToOneself(t *testing.T) {
	w := newWorld(t)
	phone := w.Online("romeo@example.org/phone", 0)
	w.enable(home, garden, "romeo@example.org/phone")
	message := "<message from='" + home + "' to='" + garden + "' type='chat'><body>Note</body></message>"
	w.delivers(message, w.garden)
	w.sends(w.home, message)
	if got := received(phone); len(got) != 1 || !strings.Contains(got[0], "<received ") {
		t.Errorf("the phone got %q", got)
	}
	for _, s := range []*moduletest.Session{w.home, w.garden} {
		if got := received(s); len(got) > 0 {
			t.Errorf("%s got %q", s.JID(), got)
		}
	}
	message = "<message from='" + home + "' to='romeo@example.org' type='chat'><body>Note</body></message>"
	w.delivers(message, w.home, w.garden, phone)
	w.sends(w.home, message)
	for _, s := range []*moduletest.Session{w.home, w.garden, phone} {
		if got := received(s); len(got) > 0 {
			t.Errorf("%s got %q", s.JID(), got)
		}
	}
}

// A session that has ended wants nothing any more: not even one that comes to bear its name.
func TestEnded(t *testing.T) {
	w := newWorld(t)
	w.enable(garden)
	w.garden.Close(nil)
	again := w.Online(garden, 0)
	w.delivers("<message from='"+juliet+"' to='"+home+"' type='chat'/>", w.home)
	if got := received(again); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

// Sessions come and go while messages do.
func TestRace(t *testing.T) {
	w := newWorld(t)
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 100 {
				w.set(garden, "enable")
				w.delivers("<message from='"+juliet+"' to='"+home+"' type='chat'/>", w.home)
				w.set(garden, "disable")
				w.garden.Received()
			}
		})
	}
	work.Wait()
}
