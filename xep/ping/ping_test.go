package ping_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/xep/ping"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// mount is a service for the feature to be on.
func mount() module.Def {
	return module.Def{Name: "mount", Init: func(*module.Host) (*module.Hooks, error) {
		return &module.Hooks{Services: []module.Service{{Label: "discovery"}}}, nil
	}}
}

func TestPing(t *testing.T) {
	b := moduletest.New(t, ping.Module(), mount())
	b.Accounts.Add("juliet@example.org", "romeo@example.org")
	juliet := b.Client("juliet@example.org/balcony")
	for _, c := range []struct {
		name, to string
		want     error
	}{
		{"XEP-0199#c2s: the server", "example.org", nil},
		{"XEP-0199#c2s: no address at all", "", nil},
		{"XEP-0199#c2s: the own bare JID", "juliet@example.org", nil},
		{"a service", "discovery.example.org", nil},
		{"another's account", "romeo@example.org", stanza.ServiceUnavailable},
		{"an account that is not there", "nobody@example.org", stanza.ServiceUnavailable},
	} {
		var to jid.JID
		if c.to != "" {
			to = jid.MustParse(c.to)
		}
		if _, err := ping.Ping(context.Background(), juliet, to); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// A ping is an iq of type get. XEP-0199#protocol
func TestSet(t *testing.T) {
	b := moduletest.New(t, ping.Module())
	_, err := b.Client("juliet@example.org/balcony").Request(context.Background(),
		&stanza.IQ{Type: stanza.Set, To: b.Host.Domain, Payload: xmlstream.New(ping.NS, "ping")})
	if !errors.Is(err, stanza.BadRequest) {
		t.Errorf("%v", err)
	}
}

// XEP-0199#support
func TestAnnounced(t *testing.T) {
	b := moduletest.New(t, ping.Module(), mount())
	ctx, juliet := context.Background(), jid.MustParse("juliet@example.org/balcony")
	for at, addr := range map[module.Place]jid.JID{
		module.Domain: b.Host.Domain, module.Own: juliet.Bare(), "discovery": b.Host.Service("discovery"),
	} {
		info := b.Host.Directory.Info(ctx, at, addr, juliet)
		if !slices.Contains(info.Features, ping.NS) {
			t.Errorf("%s does not say so: %v", at, info.Features)
		}
	}
}
