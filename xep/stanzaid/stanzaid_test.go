package stanzaid_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/xep/offline"
	"github.com/comity-iot/comity/xep/stanzaid"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

func id(by string) string { return "<stanza-id xmlns='urn:xmpp:sid:0' by='" + by + "' id='1'/>" }

// XEP-0359#rules: whose ids stay on a message to juliet, and whose do not.
func TestBy(t *testing.T) {
	b := moduletest.New(t, stanzaid.Module())
	juliet := b.Online("juliet@example.org/balcony", 0)
	for _, c := range []struct {
		name, child string
		stays       bool
	}{
		{"the account", id("juliet@example.org"), false},
		{"the domain", id("example.org"), false},
		{"the account in capitals", id("JULIET@Example.ORG"), false},
		{"the account in wide letters", id("ｊｕｌｉｅｔ@example.org"), false},
		{"the account at a domain with its last dot", id("juliet@example.org."), false},
		{"the domain in capitals", id("EXAMPLE.ORG"), false},
		{"the account, escaped", id("&#x6a;uliet@example.org"), false},
		{"the account, with a prefix", "<p:stanza-id xmlns:p='urn:xmpp:sid:0' by='juliet@example.org' id='1'/>", false},
		{"the account, with content", "<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@example.org' id='1'><x/>y</stanza-id>", false},
		{"the account, without an id", "<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@example.org'/>", false},
		{"one of its sessions, which gives none", id("juliet@example.org/balcony"), true},
		{"another account", id("nurse@example.org"), true},
		{"a room", id("room@conference.example.org"), true},
		{"a service", id("conference.example.org"), true},
		{"another server", id("example.net"), true},
		{"the same name elsewhere", id("juliet@example.net"), true},
		{"nobody", "<stanza-id xmlns='urn:xmpp:sid:0' id='1'/>", true},
		{"what is no address", id("@example.org"), true},
		{"a part of a message that is told of", "<x xmlns='urn:x'>" + id("juliet@example.org") + "</x>", true},
		{"the sender", "<origin-id xmlns='urn:xmpp:sid:0' id='1'/>", true},
		{"another message's", "<referenced-stanza xmlns='urn:xmpp:sid:0' by='juliet@example.org' id='1'/>", true},
		{"another namespace", "<stanza-id xmlns='urn:xmpp:sid:1' by='juliet@example.org' id='1'/>", true},
	} {
		before, behind := "<body>Hi</body>", id("room@conference.example.net")
		head := "<message from='romeo@example.net/orchard' to='juliet@example.org' type='chat' id='m'>"
		if err := b.Deliver(head + before + c.child + behind + "</message>"); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		want := before + behind
		if c.stays {
			want = before + c.child + behind
		}
		if got := juliet.Received(); len(got) != 1 || got[0].Content.Raw() != want {
			t.Errorf("%s: %v, want %s", c.name, got, want)
		}
	}
}

// A message may bring many, and at any place.
func TestMany(t *testing.T) {
	b := moduletest.New(t, stanzaid.Module())
	juliet := b.Online("juliet@example.org/balcony", 0)
	own, other := id("juliet@example.org"), id("romeo@example.net")
	err := b.Deliver("<message from='romeo@example.net/orchard' to='juliet@example.org/balcony'>" +
		own + other + own + "<body>Hi</body>" + id("example.org") + other + own + "</message>")
	if err != nil {
		t.Fatal(err)
	}
	if got := juliet.Received()[0].Content.Raw(); got != other+"<body>Hi</body>"+other {
		t.Errorf("got %s", got)
	}
	if err := b.Deliver("<message from='romeo@example.net/orchard' to='juliet@example.org/balcony'>" + own + "</message>"); err != nil {
		t.Fatal(err)
	}
	if got := juliet.Received()[0]; got.Content.Len() != 0 {
		t.Errorf("got %s", got)
	}
}

// What is kept for an account that is away has no forged ids either.
func TestKept(t *testing.T) {
	b := moduletest.New(t, stanzaid.Module(), offline.Module())
	b.Accounts.Add("juliet@example.org")
	ids := id("example.org") + id("juliet@example.org")
	if err := b.Deliver("<message from='romeo@example.net/orchard' to='juliet@example.org'><body>Hi</body>" + ids + "</message>"); err != nil {
		t.Fatal(err)
	}
	// Who sends nothing else has nothing kept.
	err := b.Deliver("<message from='romeo@example.net/orchard' to='juliet@example.org'>" + ids + "</message>")
	if !errors.Is(err, stanza.ServiceUnavailable) {
		t.Errorf("error %v", err)
	}
	got := b.Online("juliet@example.org/balcony", 0).Received()
	if len(got) != 1 || got[0].Body() != "Hi" || strings.Contains(got[0].String(), "stanza-id") {
		t.Errorf("got %v", got)
	}
}

// XEP-0359#disco: by whom an id is, that address is asked.
func TestAnnounced(t *testing.T) {
	b := moduletest.New(t, stanzaid.Module())
	juliet := moduletest.JID("juliet@example.org")
	for at, addr := range map[module.Place]jid.JID{module.Domain: moduletest.Domain, module.Account: juliet} {
		if info := b.Host.Directory.Info(context.Background(), at, addr, juliet); !slices.Contains(info.Features, stanzaid.NS) {
			t.Errorf("%s does not say so: %v", at, info.Features)
		}
	}
}

// Each message passes here twice, and most have no id, or one that stays.
func TestCostsNothing(t *testing.T) {
	relay, juliet := moduletest.New(t, stanzaid.Module()).Hooks[0].Relay, moduletest.JID("juliet@example.org")
	m := parse(t, "<body>Hi</body><active xmlns='http://jabber.org/protocol/chatstates'/><origin-id xmlns='urn:xmpp:sid:0' id='1'/>")
	if n := testing.AllocsPerRun(100, func() {
		if relay(juliet, m) != m {
			t.Fatal("another message")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if m = parse(t, id("room@conference.example.org")); relay(juliet, m) != m {
		t.Error("what stays as it is was copied")
	}
}

func BenchmarkRelay(b *testing.B) {
	relay, juliet := moduletest.New(b, stanzaid.Module()).Hooks[0].Relay, moduletest.JID("juliet@example.org")
	for name, children := range map[string]string{
		"without": "<body>Hi</body><active xmlns='http://jabber.org/protocol/chatstates'/><origin-id xmlns='urn:xmpp:sid:0' id='1'/>",
		"forged":  "<body>Hi</body>" + id("juliet@example.org"),
	} {
		b.Run(name, func(b *testing.B) {
			m := parse(b, children)
			b.ReportAllocs()
			for b.Loop() {
				relay(juliet, m)
			}
		})
	}
}

func parse(t testing.TB, children string) *stanza.Stanza {
	t.Helper()
	m, err := moduletest.Parse("<message from='romeo@example.net/orchard' to='juliet@example.org' type='chat'>" + children + "</message>")
	if err != nil {
		t.Fatal(err)
	}
	return m
}
