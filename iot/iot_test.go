package iot_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/comity-iot/comity/iot"
)

var (
	disco = iot.NewFamily("urn:xmpp:iot:discovery", "disco:1.0")
	owner = iot.NewFamily("", "prov:o:1.0")
	geo   = iot.NewFamily("", "geo:1.0").Without(iot.IEEE)
)

func TestFamilyOf(t *testing.T) {
	for space, want := range map[string]iot.Generation{
		"urn:xmpp:iot:discovery": iot.XSF,
		"urn:ieee:iot:disco:1.0": iot.IEEE,
		"urn:nf:iot:disco:1.0":   iot.NF,
		"urn:nfi:iot:disco:1.0":  iot.NFI,
	} {
		if g, ok := disco.Of(space); !ok || g != want {
			t.Errorf("Of(%q) = %v, %v; want %v", space, g, ok, want)
		}
		if got := disco.NS(want); got != space {
			t.Errorf("NS(%v) = %q; want %q", want, got, space)
		}
	}
	for _, space := range []string{"", "urn:xmpp:iot", "urn:nf:iot:disco:1.1", "urn:nf:iot:prov:d:1.0"} {
		for _, f := range []iot.Family{disco, owner, geo} {
			if g, ok := f.Of(space); ok {
				t.Errorf("Of(%q) = %v; want none", space, g)
			}
		}
	}
}

// A peer of which nothing is known is spoken to in the IEEE generation, which the most clients read.
func TestFamilyForUnknownPeer(t *testing.T) {
	for _, test := range []struct {
		family iot.Family
		g      iot.Generation
		want   string
	}{
		{disco, 0, "urn:ieee:iot:disco:1.0"},
		{disco, 200, "urn:ieee:iot:disco:1.0"},
		{owner, iot.XSF, "urn:ieee:iot:prov:o:1.0"},
		{geo, iot.IEEE, "urn:nf:iot:geo:1.0"},
		{iot.NewFamily("urn:xmpp:iot:old", "x").Without(iot.IEEE, iot.NF, iot.NFI), iot.NF, "urn:xmpp:iot:old"},
	} {
		g, ns := test.family.For(test.g)
		if back, ok := test.family.Of(ns); ns != test.want || !ok || back != g {
			t.Errorf("For(%v) = %v, %q; want %q", test.g, g, ns, test.want)
		}
	}
}

func TestFamilyAll(t *testing.T) {
	if got := slices.Sorted(maps.Keys(maps.Collect(geo.All()))); !slices.Equal(got, []iot.Generation{iot.NF, iot.NFI}) {
		t.Errorf("geo has %v", got)
	}
	for range disco.All() {
		break // must not yield again
	}
}
