package module_test

import (
	"testing"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
)

func TestPlaceOf(t *testing.T) {
	h := &module.Host{Domain: jid.MustParse("example.org")}
	for addr, want := range map[string]module.Place{
		"example.org":                 module.Domain,
		"example.org/r":               module.Domain,
		"juliet@example.org":          module.Account,
		"juliet@example.org/balcony":  module.Account,
		"discovery.example.org":       "discovery",
		"room@conference.example.org": "conference",
	} {
		if got := h.PlaceOf(jid.MustParse(addr)); got != want {
			t.Errorf("%s is at %s, want %s", addr, got, want)
		}
	}
	if got := h.Service("discovery").String(); got != "discovery.example.org" {
		t.Errorf("the service is %s", got)
	}
}
