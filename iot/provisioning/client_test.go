package provisioning_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var service = jid.MustParse("discovery.example.org")

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

func newPeer(t *testing.T, steps ...step) *peer {
	p := &peer{t, steps}
	t.Cleanup(func() {
		if len(p.steps) > 0 {
			t.Errorf("%d requests were not made", len(p.steps))
		}
	})
	return p
}

func (p *peer) Request(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	p.t.Helper()
	if len(p.steps) == 0 {
		p.t.Fatalf("unexpected %s", iq.Payload)
	}
	s := p.steps[0]
	p.steps = p.steps[1:]
	if got, want := sorted(iq.Payload), sorted(parse(p.t, s.request)); got != want || iq.Type != s.typ || iq.To != service {
		p.t.Errorf("%s to %s:\n got %s\nwant %s %s", iq.Type, iq.To, got, s.typ, want)
	}
	if s.answer == "" {
		return nil, s.err
	}
	return parse(p.t, s.answer), s.err
}

func TestClientIsFriend(t *testing.T) {
	const ns = `xmlns='urn:ieee:iot:prov:d:1.0'`
	ask := func(answer string, err error) step {
		return step{stanza.Get, `<isFriend ` + ns + ` jid='bob@b.example'/>`, answer, err}
	}
	c := &provisioning.Client{Service: service, Requester: newPeer(
		t,
		ask(`<isFriendResponse `+ns+` jid='bob@b.example' result='true'/>`, nil),
		ask(`<isFriendResponse `+ns+` jid='bob@b.example' result='0'/>`, nil),
		ask(`<isFriendResponse `+ns+` jid='eve@b.example' result='true'/>`, nil),
		ask(``, nil),
		ask(``, stanza.ServiceUnavailable),
	)}
	full := jid.MustParse("bob@b.example/phone")
	for i, want := range []struct{ allowed, failed bool }{{true, false}, {false, false}, {false, false}, {false, true}, {false, true}} {
		if got, err := c.IsFriend(t.Context(), full); got != want.allowed || (err != nil) != want.failed {
			t.Errorf("question %d: %v, %v; want %+v", i, got, err, want)
		}
	}
}

func TestClientCanRead(t *testing.T) {
	c := &provisioning.Client{Service: service, Generation: iot.XSF, Requester: newPeer(
		t,
		step{
			stanza.Get, `<canRead xmlns='urn:xmpp:iot:provisioning' jid='bob@b.example' momentary='true' userToken='U'><node nodeId='a'/><node nodeId='b'/></canRead>`,
			`<canReadResponse xmlns='urn:xmpp:iot:provisioning' jid='bob@b.example' result='true' all='true'><node nodeId='b'/><node nodeId='c'/><field name='T'/></canReadResponse>`, nil,
		},
		step{stanza.Get, `<canRead xmlns='urn:xmpp:iot:provisioning' jid='bob@b.example'/>`, "", stanza.ItemNotFound},
	)}
	got, err := c.CanRead(t.Context(), provisioning.CanRead{
		Remote: jid.MustParse("bob@b.example/x"), Categories: iot.Momentary, Nodes: nodes("a", "b"), Tokens: iot.Tokens{User: []string{"U"}},
	})
	want := provisioning.CanReadResponse{Remote: bob, Allowed: true, Categories: iot.Momentary, Nodes: nodes("b"), Fields: []string{"T"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if got, err := c.CanRead(t.Context(), provisioning.CanRead{Remote: bob}); !errors.Is(err, stanza.ItemNotFound) || got.Allowed {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestClientCanControl(t *testing.T) {
	const ns = `xmlns='urn:nf:iot:prov:d:1.0'`
	c := &provisioning.Client{Service: service, Generation: iot.NF, Requester: newPeer(
		t,
		step{
			stanza.Get, `<canControl ` + ns + ` jid='bob@b.example'><nd id='plc1' src='Topology'/><p n='A'/><p n='B'/></canControl>`,
			`<canControlResponse ` + ns + ` jid='bob@b.example' result='true'><nd id='plc1' src='Topology'/><p n='B'/><parameter name='B'/></canControlResponse>`, nil,
		},
		step{stanza.Get, `<canControl ` + ns + ` jid='bob@b.example'/>`, `<canControlResponse ` + ns + ` jid='bob@b.example'/>`, nil},
	)}
	got, err := c.CanControl(t.Context(), provisioning.CanControl{Remote: bob, Nodes: []iot.Node{plc1}, Parameters: []string{"A", "B"}})
	if err != nil || !got.Allowed || !reflect.DeepEqual(got.Parameters, []string{"B"}) || !reflect.DeepEqual(got.Nodes, []iot.Node{plc1}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := c.CanControl(t.Context(), provisioning.CanControl{Remote: bob}); err == nil || got.Allowed {
		t.Errorf("an answer without result: %+v, %v", got, err)
	}
}

func TestOwnerClient(t *testing.T) {
	const ns = `xmlns='urn:nfi:iot:prov:o:1.0'`
	c := &provisioning.OwnerClient{Service: service, Generation: iot.NFI, Requester: newPeer(
		t,
		step{
			stanza.Set, `<canReadRule ` + ns + ` jid='rack@example.org' remoteJid='bob@b.example' key='k' result='true'><nd id='plc1' src='Topology'/>` +
				`<partial m='true'><f n='T'/></partial><fromUser token='U1'/></canReadRule>`, "", nil,
		},
		step{stanza.Set, `<canReadRule ` + ns + ` jid='rack@example.org' remoteJid='bob@b.example' key='k' result='false'><nd id='plc1' src='Topology'/><fromDomain/></canReadRule>`, "", stanza.ItemNotFound},
		step{stanza.Set, `<clearCache ` + ns + `/>`, "", nil},
		step{stanza.Set, `<deleteRules ` + ns + ` jid='rack@example.org' id='plc1' src='Topology'/>`, "", nil},
	)}
	q := provisioning.Question{
		Op: provisioning.Read, Thing: iot.Thing{JID: rack, Node: plc1}, Remote: bob, Key: "k",
		Asked: provisioning.Scope{Categories: iot.Momentary, Names: []string{"T"}}, Tokens: iot.Tokens{User: []string{"U1", "U2"}},
	}
	yes, ok := q.Answer(true, provisioning.FromUser)
	if err := c.Answer(t.Context(), yes); err != nil || !ok {
		t.Errorf("yes: %v, %v", ok, err)
	}
	no, ok := q.Answer(false, provisioning.FromDomain)
	if err := c.Answer(t.Context(), no); !errors.Is(err, stanza.ItemNotFound) || !ok {
		t.Errorf("no: %v, %v", ok, err)
	}
	if a, ok := q.Answer(true, provisioning.FromDevice); ok {
		t.Errorf("for a token that was not shown: %+v", a)
	}
	if err := c.ClearCache(t.Context(), iot.Thing{}); err != nil {
		t.Error(err)
	}
	if err := c.DeleteRules(t.Context(), iot.Thing{JID: rack, Node: plc1}); err != nil {
		t.Error(err)
	}
}

// The answer to getDevices is of the registry's namespace, in the same generation.
func TestOwnerClientDevices(t *testing.T) {
	const ask, found = `<getDevices xmlns='urn:nf:iot:prov:o:1.0' `, `<found xmlns='urn:nf:iot:disco:1.0' `
	c := &provisioning.OwnerClient{Service: service, Generation: iot.NF, Requester: newPeer(
		t,
		step{stanza.Get, ask + `offset='0' maxCount='1'/>`, found + `more='true'><thing jid='thing@example.org'><str name='SN' value='1'/></thing></found>`, nil},
		step{stanza.Get, ask + `offset='1' maxCount='1'/>`, found + `more='false'><thing jid='rack@example.org' id='plc1' src='Topology'/></found>`, nil},
	)}
	var got []iot.Thing
	for l, err := range c.Devices(t.Context(), iot.Page{MaxCount: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l.Thing)
	}
	if want := []iot.Thing{{JID: device}, {JID: rack, Node: plc1}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}
