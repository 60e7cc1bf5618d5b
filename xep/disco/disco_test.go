package disco_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	service "github.com/comity-iot/comity/xep/disco"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const nsCommands = "http://jabber.org/protocol/commands"

// registry is a feature at a service, with an open and a closed command there.
func registry() module.Def {
	command := func(node, name string, open bool) module.Command {
		return module.Command{
			Node: node, Name: name, On: "discovery",
			Allowed: func(context.Context, jid.JID) bool { return open },
		}
	}
	return module.Def{Name: "registry", Init: func(*module.Host) (*module.Hooks, error) {
		return &module.Hooks{
			Services: []module.Service{{
				Label:    "discovery",
				Identity: disco.Identity{Category: "component", Type: "generic", Name: "Thing Registry"},
			}},
			Announce: []module.Announcement{
				{On: "discovery", Features: []string{"urn:nf:iot:disco:1.0"}},
				{On: module.Domain, Features: []string{"jabber:iq:register"}},
				{On: module.Own, Features: []string{"urn:xmpp:mam:2"}},
			},
			Commands: []module.Command{command("list", "List things", true), command("reset", "Reset", false)},
		}, nil
	}}
}

func broker(t *testing.T) *moduletest.Broker {
	b := moduletest.New(t, service.Module(), registry())
	b.Accounts.Add("juliet@example.org", "romeo@example.org")
	b.Roster.Show("juliet@example.org", "nurse@capulet.com")
	return b
}

func TestInfo(t *testing.T) {
	b := broker(t)
	for _, c := range []struct {
		name, asker, to, node string
		category, typ         string
		has, hasNot           string
		err                   error
	}{
		{
			name: "the domain is a server, and none of its components", asker: "romeo@montague.net/orchard", to: "example.org",
			category: "server", typ: "im", has: "jabber:iq:register", hasNot: "urn:nf:iot:disco:1.0",
		},
		{
			name: "a service", asker: "romeo@montague.net/orchard", to: "discovery.example.org",
			category: "component", typ: "generic", has: "urn:nf:iot:disco:1.0", hasNot: "jabber:iq:register",
		},
		{
			name: "XEP-0030#info-basic: an account, to who sees it", asker: "nurse@capulet.com/kitchen", to: "juliet@example.org",
			category: "account", typ: "registered", has: disco.NSItems, hasNot: "urn:xmpp:mam:2",
		},
		{
			name: "the own account", asker: "juliet@example.org/balcony", to: "juliet@example.org",
			category: "account", typ: "registered", has: "urn:xmpp:mam:2",
		},
		{
			name: "XEP-0030#security: an account, to a stranger", asker: "romeo@montague.net/orchard", to: "juliet@example.org",
			err: stanza.ServiceUnavailable,
		},
		{
			name: "XEP-0030#security: no such account", asker: "romeo@montague.net/orchard", to: "nobody@example.org",
			err: stanza.ServiceUnavailable,
		},
		{
			name: "XEP-0030#security: a node of it", asker: "romeo@montague.net/orchard", to: "juliet@example.org", node: "x",
			err: stanza.ServiceUnavailable,
		},
		{name: "no such node of the domain", asker: "romeo@montague.net/orchard", to: "example.org", node: "x", err: stanza.ItemNotFound},
		{name: "no such part of a service", asker: "romeo@montague.net/orchard", to: "x@discovery.example.org", err: stanza.ItemNotFound},
		{
			name: "XEP-0050#retrieve: the list of commands", asker: "romeo@montague.net/orchard", to: "discovery.example.org",
			node: nsCommands, category: "automation", typ: "command-list",
		},
		{name: "a place without commands", asker: "romeo@montague.net/orchard", to: "example.org", node: nsCommands, err: stanza.ItemNotFound},
		{
			name: "XEP-0050#retrieve: a command", asker: "romeo@montague.net/orchard", to: "discovery.example.org", node: "list",
			category: "automation", typ: "command-node", has: nsCommands,
		},
		{
			name: "XEP-0050#retrieve: not available to the requester", asker: "romeo@montague.net/orchard",
			to: "discovery.example.org", node: "reset", err: stanza.Forbidden,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			info, err := disco.GetInfo(context.Background(), b.Client(c.asker), jid.MustParse(c.to), c.node)
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			first := info.Identities[0]
			if first.Category != c.category || first.Type != c.typ || info.Node != c.node {
				t.Errorf("%+v", info)
			}
			if c.has != "" && !info.Has(c.has) || c.hasNot != "" && info.Has(c.hasNot) {
				t.Errorf("features %v, want %s and not %s", info.Features, c.has, c.hasNot)
			}
			if !slices.Contains(info.Features, disco.NSInfo) {
				t.Error("it does not support disco#info")
			}
		})
	}
}

func TestItems(t *testing.T) {
	b := broker(t)
	for _, c := range []struct {
		name, asker, to, node string
		want                  []string
		err                   error
	}{
		{name: "the domain's services", asker: "romeo@montague.net/orchard", to: "example.org", want: []string{"discovery.example.org Thing Registry"}},
		{name: "a service has none", asker: "romeo@montague.net/orchard", to: "discovery.example.org"},
		{
			name: "XEP-0050#retrieve: the commands that the asker may run", asker: "romeo@montague.net/orchard",
			to: "discovery.example.org", node: nsCommands, want: []string{"discovery.example.org List things list"},
		},
		{name: "a command has none", asker: "romeo@montague.net/orchard", to: "discovery.example.org", node: "list"},
		{name: "no commands", asker: "romeo@montague.net/orchard", to: "example.org", node: nsCommands},
		{name: "no such node", asker: "romeo@montague.net/orchard", to: "example.org", node: "x", err: stanza.ItemNotFound},
		{name: "an account, to who sees it", asker: "nurse@capulet.com/kitchen", to: "juliet@example.org"},
		{name: "an account, to a stranger", asker: "romeo@montague.net/orchard", to: "juliet@example.org", err: stanza.ServiceUnavailable},
		{name: "no such account", asker: "romeo@montague.net/orchard", to: "nobody@example.org", err: stanza.ServiceUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			items, err := disco.GetItems(context.Background(), b.Client(c.asker), jid.MustParse(c.to), c.node)
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			var got []string
			for _, it := range items.Items {
				got = append(got, strings.TrimSpace(it.JID.String()+" "+it.Name+" "+it.Node))
			}
			if !slices.Equal(got, c.want) || items.Node != c.node {
				t.Errorf("%q", got)
			}
		})
	}
}

// Disco only asks.
func TestSet(t *testing.T) {
	b := broker(t)
	for _, ns := range []string{disco.NSInfo, disco.NSItems} {
		_, err := b.Client("romeo@montague.net/orchard").Request(context.Background(),
			&stanza.IQ{Type: stanza.Set, To: b.Host.Domain, Payload: xmlstream.New(ns, "query")})
		if !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%s: %v", ns, err)
		}
	}
}

// A client that has logged in finds the hash of what the domain says of itself, and may ask by it. XEP-0115#stream
func TestCaps(t *testing.T) {
	b := broker(t)
	features := b.Hooks[0].StreamFeatures
	st := moduletest.NewStream("192.0.2.1")
	if got := features(st); got != nil {
		t.Errorf("before login: %v", got)
	}
	st.Who = jid.MustParse("juliet@example.org")
	offered := features(st)
	if len(offered) != 1 {
		t.Fatalf("%v", offered)
	}
	caps, ok := disco.ParseCaps(offered[0])
	if !ok || caps.Hash != disco.SHA1 {
		t.Fatalf("%s", offered[0])
	}
	juliet := b.Client("juliet@example.org/balcony")
	for _, node := range []string{"", caps.InfoNode()} {
		info, err := disco.GetInfo(context.Background(), juliet, b.Host.Domain, node)
		if err != nil {
			t.Fatalf("%s: %v", node, err)
		}
		if err := caps.Verify(info); err != nil {
			t.Errorf("%s: %v", node, err)
		}
	}
	if _, err := disco.GetInfo(context.Background(), juliet, b.Host.Domain, caps.Node+"#other"); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("another hash: %v", err)
	}
}
