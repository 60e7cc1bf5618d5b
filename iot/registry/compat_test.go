package registry_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Documents and clients disagree; each test here holds one decision.

// All four generations are read, and written as such.
func TestAllGenerationsAreServed(t *testing.T) {
	for _, ns := range []string{"urn:xmpp:iot:discovery", "urn:ieee:iot:disco:1.0", "urn:nf:iot:disco:1.0", "urn:nfi:iot:disco:1.0"} {
		u, err := registry.ParseUnregister(parse(t, `<unregister xmlns='`+ns+`'/>`))
		if err != nil {
			t.Errorf("%s: %v", ns, err)
		}
		g, _ := registry.Space.Of(ns)
		if got := u.Element(g).Space(); got != ns {
			t.Errorf("%s is answered in %s", ns, got)
		}
	}
	for _, doc := range []string{`<unregister xmlns='urn:nf:iot:disco:2.0'/>`, `<register xmlns='urn:nf:iot:disco:1.0'/>`} {
		if _, err := registry.ParseUnregister(parse(t, doc)); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%s: %v; want bad-request", doc, err)
		}
	}
}

// The schema takes false for what <claimed/> means without public, the text true: it is always said, and read as the text does.
func TestClaimedAlwaysSaysPublic(t *testing.T) {
	for _, g := range generations {
		for _, public := range []bool{true, false} {
			el := registry.Claimed{Owner: owner, Public: public}.Element(g)
			if v, ok := iot.ParseBool(el.Attr("public")); !ok || v != public {
				t.Errorf("%v: public=%q; want %v", g, el.Attr("public"), public)
			}
		}
		c, err := registry.ParseClaimed(parse(t, `<claimed xmlns='`+registry.Space.NS(g)+`' jid='owner@example.org'/>`))
		if err != nil || !c.Public {
			t.Errorf("%v: %+v, %v", g, c, err)
		}
	}
}

// The push of a thing's end of ownership is <disowned/>, though one client calls its class by another name.
func TestDisownedIsCalledSo(t *testing.T) {
	for _, g := range generations {
		if got := (registry.Disowned{}).Element(g).Local(); got != "disowned" {
			t.Errorf("%v: <%s/>", g, got)
		}
	}
}

// Names of 33 to 64 characters are kept, although the first document stops at 32.
func TestLongNamesAreKept(t *testing.T) {
	name := strings.Repeat("N", 64)
	r, err := registry.ParseRegister(parse(t, `<register xmlns='urn:xmpp:iot:discovery'><str name='`+name+`' value='x'/></register>`))
	if _, ok := r.Tags.Get(name); err != nil || !ok {
		t.Errorf("got %+v, %v", r, err)
	}
}

// The schema wants the owner of a thing in a result, the text took it out for privacy.
func TestFoundHasNoOwner(t *testing.T) {
	for _, g := range generations {
		if el := (registry.Found{Things: []registry.Listed{{Thing: thing}}}).Element(g); strings.Contains(el.String(), "owner") {
			t.Errorf("%s", el)
		}
	}
}

// A client writes id=” where it means none.
func TestEmptyNodeIsNone(t *testing.T) {
	r, err := registry.ParseRemove(parse(t, `<remove xmlns='urn:nf:iot:disco:1.0' jid='thing@example.org' id='' src='' pt=''/>`))
	if err != nil || r.Thing != thing {
		t.Errorf("got %+v, %v", r, err)
	}
}

// A node in a claim is of the first generation's schema only.
func TestMineNamesNodeInFirstGeneration(t *testing.T) {
	m, err := registry.ParseMine(parse(t, `<mine xmlns='urn:xmpp:iot:discovery' nodeId='imc1' sourceId='MeteringTopology'/>`))
	if err != nil || m.Node != imc1 {
		t.Errorf("got %+v, %v", m, err)
	}
	m, err = registry.ParseMine(parse(t, `<mine xmlns='urn:nf:iot:disco:1.0' id='imc1'/>`))
	if err != nil || !m.Node.IsZero() {
		t.Errorf("got %+v, %v", m, err)
	}
}

// Attributes and children that are not known are accepted.
func TestUnknownIsAccepted(t *testing.T) {
	r, err := registry.ParseRegister(parse(t, `<register xmlns='urn:nf:iot:disco:1.0' new='1'><new/><x xmlns='urn:x'/><str name='SN' value='1' new='1'/></register>`))
	if err != nil || r.Tags.Len() != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

// A registry that allows more than this one is still read.
func TestFoundLeavesBadTagsOut(t *testing.T) {
	f, err := registry.ParseFound(parse(t, `<found xmlns='urn:nf:iot:disco:1.0' more='false'><thing jid='thing@example.org'>`+
		`<str name='A:B' value='x'/><num name='N' value='NaN'/><str name='OK' value='x'/><str name='ok' value='y'/><str name='NONE'/></thing></found>`))
	if err != nil || len(f.Things) != 1 || f.Things[0].Tags.Len() != 1 {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestBadRequests(t *testing.T) {
	for _, doc := range []string{
		`<register xmlns='urn:nf:iot:disco:1.0' selfOwned='maybe'/>`, `<mine xmlns='urn:nf:iot:disco:1.0' public='maybe'/>`,
		`<remove xmlns='urn:nf:iot:disco:1.0'/>`, `<disown xmlns='urn:nf:iot:disco:1.0' jid=''/>`, `<claimed xmlns='urn:nf:iot:disco:1.0'/>`,
		`<found xmlns='urn:nf:iot:disco:1.0'><thing/></found>`, `<found xmlns='urn:nf:iot:disco:1.0' more='x'/>`,
		`<unregister xmlns='urn:nf:iot:disco:1.0' id='` + strings.Repeat("x", 2000) + `'/>`,
	} {
		el := parse(t, doc)
		if _, err := readers[el.Local()](el); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%.80s: %v; want bad-request", doc, err)
		}
	}
	for _, local := range []string{"remove", "disown", "update", "claimed"} {
		el := parse(t, `<`+local+` xmlns='urn:nf:iot:disco:1.0' jid='@x'/>`)
		if _, err := readers[local](el); !errors.Is(err, stanza.JIDMalformed) {
			t.Errorf("%s: %v; want jid-malformed", local, err)
		}
	}
}

// FuzzParse reads anything; what can be read can be written in every generation, and is read there as the same.
func FuzzParse(f *testing.F) {
	for _, e := range xsfExamples(f) {
		f.Add(in(iot.XSF, e.xml))
		f.Add(in(iot.NF, e.xml))
	}
	f.Fuzz(func(t *testing.T, doc string) {
		el, err := parseQuietly(doc)
		if err != nil {
			return
		}
		read, ok := readers[el.Local()]
		if !ok {
			return
		}
		v, err := read(el)
		if err != nil {
			if e := (*stanza.Error)(nil); !errors.As(err, &e) {
				t.Fatalf("%s: %v is no stanza error", doc, err)
			}
			return
		}
		if s, ok := v.(registry.Search); ok {
			_, _ = s.Compile()
		}
		for _, g := range generations {
			written := v.Element(g)
			again, err := read(written)
			if err != nil || sorted(again.Element(g)) != sorted(written) {
				t.Fatalf("%s is written as %s and read as %+v, %v; was %+v", doc, written, again, err, v)
			}
		}
	})
}
