package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// peer answers requests from a list: what is expected of each, and the payload of its answer or an error.
type peer struct {
	t     *testing.T
	steps []step
}

type step struct {
	typ     stanza.Type
	request string
	answer  string
	err     error
}

func (p *peer) Request(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	p.t.Helper()
	if len(p.steps) == 0 {
		p.t.Fatalf("unexpected %s", iq.Payload)
	}
	s := p.steps[0]
	p.steps = p.steps[1:]
	if got, want := sorted(iq.Payload), sorted(parse(p.t, s.request)); got != want || iq.Type != s.typ || iq.To.String() != "discovery.example.org" {
		p.t.Errorf("%s to %s:\n got %s\nwant %s %s", iq.Type, iq.To, got, s.typ, want)
	}
	if s.answer == "" {
		return nil, s.err
	}
	return parse(p.t, s.answer), s.err
}

func client(t *testing.T, g iot.Generation, steps ...step) *registry.Client {
	p := &peer{t, steps}
	t.Cleanup(func() {
		if len(p.steps) > 0 {
			t.Errorf("%d requests were not made", len(p.steps))
		}
	})
	return &registry.Client{Requester: p, Registry: jid.MustParse("discovery.example.org"), Generation: g}
}

func TestClientRegister(t *testing.T) {
	const request = `<register xmlns='urn:ieee:iot:disco:1.0' id='imc1' src='MeteringTopology'>` + imcXML + `</register>`
	c := client(
		t, 0,
		step{stanza.Set, request, "", nil},
		step{stanza.Set, request, `<claimed xmlns='urn:ieee:iot:disco:1.0' jid='owner@example.org' id='imc1' src='MeteringTopology'/>`, nil},
		step{stanza.Set, request, "", stanza.ResourceConstraint},
		step{stanza.Set, request, `<what xmlns='urn:x'/>`, nil},
	)
	r := registry.Register{Node: imc1, Tags: tagsOf(t, imc...)}
	if claimed, err := c.Register(t.Context(), r); claimed != nil || err != nil {
		t.Errorf("new: %v, %v", claimed, err)
	}
	if claimed, err := c.Register(t.Context(), r); err != nil || *claimed != (registry.Claimed{Owner: owner, Node: imc1, Public: true}) {
		t.Errorf("claimed: %v, %v", claimed, err)
	}
	if _, err := c.Register(t.Context(), r); !errors.Is(err, stanza.ResourceConstraint) {
		t.Errorf("refused: %v", err)
	}
	if _, err := c.Register(t.Context(), r); err == nil {
		t.Error("an answer that is none is no error")
	}
}

func TestClientClaim(t *testing.T) {
	const request = `<mine xmlns='urn:xmpp:iot:discovery' public='false'>` + imcXML + `</mine>`
	c := client(
		t, iot.XSF,
		step{stanza.Set, request, `<claimed xmlns='urn:xmpp:iot:discovery' jid='rack@example.org/plcs' nodeId='imc1' sourceId='MeteringTopology'/>`, nil},
		step{stanza.Set, request, "", stanza.ItemNotFound},
		step{stanza.Set, request, "", nil},
	)
	tags := tagsOf(t, imc...)
	if got, err := c.Claim(t.Context(), tags, false); err != nil || got != rack {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := c.Claim(t.Context(), tags, false); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("not there: %v", err)
	}
	if _, err := c.Claim(t.Context(), tags, false); err == nil {
		t.Error("a claim without answer is no error")
	}
}

func TestClientUpdates(t *testing.T) {
	const ns = "xmlns='urn:nfi:iot:disco:1.0'"
	c := client(
		t, iot.NFI,
		step{stanza.Set, `<update ` + ns + `><str name='ROOM' value='1'/></update>`, "", nil},
		step{stanza.Set, `<update ` + ns + ` id='imc1' src='MeteringTopology'><str name='ROOM' value='1'/></update>`, `<disowned ` + ns + `/>`, nil},
		step{stanza.Set, `<update ` + ns + ` jid='rack@example.org' id='imc1' src='MeteringTopology'><str name='ROOM' value='1'/></update>`, "", stanza.ItemNotFound},
		step{stanza.Set, `<remove ` + ns + ` jid='thing@example.org'/>`, "", nil},
		step{stanza.Set, `<unregister ` + ns + ` id='imc1' src='MeteringTopology'/>`, "", nil},
		step{stanza.Set, `<disown ` + ns + ` jid='thing@example.org'/>`, "", stanza.NotAllowed},
	)
	room := tagsOf(t, registry.Str("ROOM", "1"))
	for i, test := range []struct{ got, want error }{
		{c.Update(t.Context(), iot.Node{}, room), nil},
		{c.Update(t.Context(), imc1, room), registry.ErrDisowned},
		{c.UpdateFor(t.Context(), rack, room), stanza.ItemNotFound},
		{c.Remove(t.Context(), thing), nil},
		{c.Unregister(t.Context(), imc1), nil},
		{c.Disown(t.Context(), thing), stanza.NotAllowed},
	} {
		if !errors.Is(test.got, test.want) {
			t.Errorf("call %d: %v; want %v", i, test.got, test.want)
		}
	}
}

func TestClientSearchPages(t *testing.T) {
	const ns = "xmlns='urn:nf:iot:disco:1.0'"
	page := func(offset int) string {
		return fmt.Sprintf(`<search %s offset='%d' maxCount='2'><strEq name='MAN' value='x'/></search>`, ns, offset)
	}
	search := registry.Search{Page: iot.Page{Offset: 3, MaxCount: 2}, Operators: []registry.Operator{registry.Where("MAN", registry.Equal, "x")}}
	names := func(c *registry.Client, limit int) (names []string, err error) {
		for l, e := range c.Search(t.Context(), search) {
			if e != nil {
				return names, e
			}
			names = append(names, l.Thing.JID.Local())
			if len(names) == limit {
				break
			}
		}
		return names, nil
	}
	first := step{stanza.Get, page(3), `<found ` + ns + ` more='true'><thing jid='a@x'/><thing jid='b@x'/></found>`, nil}
	c := client(t, iot.NF, first, step{stanza.Get, page(5), `<found ` + ns + `><thing jid='c@x'/></found>`, nil})
	if got, err := names(c, -1); err != nil || !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("all: %v, %v", got, err)
	}
	if got, err := names(client(t, iot.NF, first), 1); err != nil || !slices.Equal(got, []string{"a"}) {
		t.Errorf("one: %v, %v", got, err)
	}
	endless := client(t, iot.NF, first, step{stanza.Get, page(5), `<found ` + ns + ` more='true'/>`, nil})
	if got, err := names(endless, -1); err == nil || len(got) != 2 {
		t.Errorf("a registry that promises for ever: %v, %v", got, err)
	}
	if _, err := names(client(t, iot.NF, step{stanza.Get, page(3), "", stanza.ResourceConstraint}), -1); !errors.Is(err, stanza.ResourceConstraint) {
		t.Errorf("refused: %v", err)
	}
}
