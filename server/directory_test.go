package server

import (
	"context"
	"slices"
	"testing"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
)

// The registry is the last item, whatever comes and in which order: there are things that take the last item or none.
func TestItemsInOrder(t *testing.T) {
	d := &directory{domain: jid.MustParse("example.org")}
	var hooks []*module.Hooks
	for _, label := range []string{"discovery", "bridge", "legal", "discovery", "upload", "pubsub"} {
		hooks = append(hooks, &module.Hooks{Services: []module.Service{{Label: label}}})
	}
	d.learn(hooks)
	var got []string
	for _, i := range d.Items() {
		got = append(got, i.JID.String())
	}
	want := []string{"upload.example.org", "pubsub.example.org", "legal.example.org", "bridge.example.org", "discovery.example.org"}
	if !slices.Equal(got, want) {
		t.Errorf("items %q, want %q", got, want)
	}
}

// What is announced of all services is told of each, and of nothing else.
func TestInfoOfServices(t *testing.T) {
	d := &directory{domain: jid.MustParse("example.org")}
	d.learn([]*module.Hooks{{
		Services: []module.Service{{Label: "discovery", Identity: disco.Identity{Category: "component", Type: "generic"}}},
		Announce: []module.Announcement{
			{On: module.Services, Features: []string{"ping"}},
			{On: "discovery", Features: []string{"registry", "ping"}},
			{On: module.Domain, Features: []string{"offline"}},
		},
	}})
	for at, want := range map[module.Place][]string{
		"discovery": {"ping", "registry"}, module.Domain: {"offline"}, module.Account: nil, "nowhere": nil,
	} {
		info := d.Info(context.Background(), at, jid.JID{}, jid.JID{})
		if !slices.Equal(info.Features, want) || (len(info.Identities) == 1) != (at == "discovery") {
			t.Errorf("%s: %+v", at, info)
		}
	}
}
