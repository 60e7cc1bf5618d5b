package provisioning_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Documents and clients disagree; each test here holds one decision.

// There are clients that send and read <parameter name=”/> in all generations: an answer names parameters as the request did.
func TestParametersAreNamedAsInTheRequest(t *testing.T) {
	for request, want := range map[string]string{
		`<p n='A'/>`:                          `<p n='A'/>`,
		`<parameter name='A'/>`:               `<parameter name='A'/>`,
		`<p n='A'/><parameter name='A'/>`:     `<p n='A'/><parameter name='A'/>`,
		`<parameter name='B'/><p n='A'/>`:     `<p n='A'/><parameter name='A'/>`,
		``:                                    `<p n='A'/><parameter name='A'/>`, // it has not shown how it reads them
		`<x xmlns='urn:x'><p n='C'/></x>text`: `<p n='A'/><parameter name='A'/>`,
	} {
		for _, g := range generations[1:] {
			ns := provisioning.DeviceSpace.NS(g)
			q, err := provisioning.ParseCanControl(parse(t, `<canControl xmlns='`+ns+`' jid='bob@b.example'>`+request+`</canControl>`))
			if err != nil {
				t.Fatal(err)
			}
			rule := provisioning.Rule{
				ID: 1, Owner: primary, Thing: iot.Thing{JID: device}, Op: provisioning.Control, Allow: true,
				Origin: provisioning.OriginOf(provisioning.FromCaller, bob, ""), Scope: provisioning.Scope{Names: []string{"A"}},
			}
			v := provisioning.Decide(provisioning.Request{
				Op: provisioning.Control, Caller: q.Remote, Thing: device,
				Targets: []provisioning.Target{{Owner: primary}}, Asked: provisioning.Scope{Names: q.Parameters},
			}, []provisioning.Rule{rule}, nil)
			got := v.CanControlResponse(q.Style).Element(g)
			expect := parse(t, `<canControlResponse xmlns='`+ns+`' jid='bob@b.example' result='true'>`+want+`</canControlResponse>`)
			if sorted(got) != sorted(expect) {
				t.Errorf("%s is answered with %s; want %s", request, got, expect)
			}
		}
	}
	// The first generation has one way only.
	el := provisioning.CanControlResponse{Remote: bob, Allowed: true, Parameters: []string{"A"}, Style: provisioning.BothStyles}.Element(iot.XSF)
	if strings.Contains(el.String(), "<p ") || !strings.Contains(el.String(), "<parameter ") {
		t.Errorf("%s", el)
	}
}

// XEP-0324 takes nothing for everything where its successors' clients take it for nothing: all that is granted is said.
func TestGrantIsExplicit(t *testing.T) {
	for _, asked := range []provisioning.CanRead{
		{Remote: bob, Nodes: []iot.Node{plc1, plc2}, Categories: iot.Momentary | iot.Peak, Fields: []string{"T"}},
		{Remote: bob, Nodes: []iot.Node{plc1}},
		{Remote: bob},
	} {
		req := provisioning.Request{Op: provisioning.Read, Caller: bob, Thing: rack, Asked: provisioning.Scope{Categories: asked.Categories, Names: asked.Fields}}
		for _, n := range asked.Nodes {
			req.Targets = append(req.Targets, provisioning.Target{Node: n, Owner: bob})
		}
		if asked.Nodes == nil {
			req.Targets = []provisioning.Target{{Owner: bob}}
		}
		r := provisioning.Decide(req, nil, nil).CanReadResponse()
		want := asked.Categories
		if want == 0 {
			want = iot.AllCategories
		}
		if !r.Allowed || r.Categories != want || !reflect.DeepEqual(r.Nodes, asked.Nodes) || !reflect.DeepEqual(r.Fields, asked.Fields) {
			t.Errorf("%+v is answered with %+v", asked, r)
		}
	}
}

// What an answer leaves out means all to XEP-0324 and none to its successors, fields excepted.
func TestWhatAnswersLeaveOut(t *testing.T) {
	asked := provisioning.CanRead{Remote: bob, Nodes: []iot.Node{plc1, plc2}, Categories: iot.Momentary | iot.Peak, Fields: []string{"A", "B"}}
	all := provisioning.CanReadResponse{Remote: bob, Allowed: true, Nodes: asked.Nodes, Categories: asked.Categories, Fields: asked.Fields}
	none := provisioning.CanReadResponse{Remote: bob}
	answer := func(change func(*provisioning.CanReadResponse)) provisioning.CanReadResponse {
		r := all
		change(&r)
		return r
	}
	for _, test := range []struct {
		name   string
		answer provisioning.CanReadResponse
		xsf    provisioning.CanReadResponse
		later  provisioning.CanReadResponse
	}{
		{"nothing left out", all, all, all},
		{"nodes", answer(func(r *provisioning.CanReadResponse) { r.Nodes = nil }), all, none},
		{"categories", answer(func(r *provisioning.CanReadResponse) { r.Categories = 0 }), all, none},
		{"fields", answer(func(r *provisioning.CanReadResponse) { r.Fields = nil }), all, all},
		{"denied", answer(func(r *provisioning.CanReadResponse) { r.Allowed = false }), none, none},
		{"about another", answer(func(r *provisioning.CanReadResponse) { r.Remote = primary }), none, none},
		{"other nodes", answer(func(r *provisioning.CanReadResponse) { r.Nodes = nodes("other") }), none, none},
		{"other fields", answer(func(r *provisioning.CanReadResponse) { r.Fields = []string{"C"} }), none, none},
		{"other categories", answer(func(r *provisioning.CanReadResponse) { r.Categories = iot.Status }), none, none},
	} {
		if got := test.answer.Within(asked, iot.XSF); !reflect.DeepEqual(got, test.xsf) {
			t.Errorf("%s, %v: %+v; want %+v", test.name, iot.XSF, got, test.xsf)
		}
		if got := test.answer.Within(asked, iot.NF); !reflect.DeepEqual(got, test.later) {
			t.Errorf("%s, %v: %+v; want %+v", test.name, iot.NF, got, test.later)
		}
	}
	more := provisioning.CanReadResponse{Remote: bob, Allowed: true, Nodes: append(nodes("x"), asked.Nodes...), Categories: iot.AllCategories, Fields: []string{"C", "B"}}
	if got, want := more.Within(asked, iot.NF), answer(func(r *provisioning.CanReadResponse) { r.Fields = []string{"B"} }); !reflect.DeepEqual(got, want) {
		t.Errorf("an answer of more than was asked: %+v; want %+v", got, want)
	}
}

// So it is of answers on control, whose parameters are as fields.
func TestWhatAnswersOnControlLeaveOut(t *testing.T) {
	asked := provisioning.CanControl{Remote: bob, Nodes: []iot.Node{plc1, plc2}, Parameters: outputs}
	for _, test := range []struct {
		answer     provisioning.CanControlResponse
		xsf, later []string // granted parameters; nil for none
	}{
		{provisioning.CanControlResponse{Remote: bob, Allowed: true, Nodes: asked.Nodes}, outputs, outputs},
		{provisioning.CanControlResponse{Remote: bob, Allowed: true, Parameters: outputs[1:]}, outputs[1:], nil},
		{provisioning.CanControlResponse{Remote: bob, Allowed: true, Nodes: asked.Nodes, Parameters: []string{"x"}}, nil, nil},
		{provisioning.CanControlResponse{Remote: primary, Allowed: true, Nodes: asked.Nodes}, nil, nil},
		{provisioning.CanControlResponse{Remote: bob, Nodes: asked.Nodes}, nil, nil},
	} {
		for g, want := range map[iot.Generation][]string{iot.XSF: test.xsf, iot.NF: test.later} {
			if got := test.answer.Within(asked, g); got.Allowed != (want != nil) || !reflect.DeepEqual(got.Parameters, want) {
				t.Errorf("%v: %+v means %+v; want %v", g, test.answer, got, want)
			}
		}
	}
}

// A client cannot be kept from writing id=” for none when it names a thing.
func TestEmptyNodeIsNone(t *testing.T) {
	for _, local := range []string{"clearCache", "deleteRules"} {
		el := parse(t, `<`+local+` xmlns='urn:nf:iot:prov:o:1.0' jid='thing@example.org' id='' src='' pt=''/>`)
		got, err := ownerReaders[local](el)
		want := map[string]payload{
			"clearCache":  provisioning.ClearCaches{Thing: iot.Thing{JID: device}},
			"deleteRules": provisioning.DeleteRules{Thing: iot.Thing{JID: device}},
		}[local]
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", local, got, err)
		}
	}
}

// Without an address a request is about all things of the owner: one that names a node cannot have meant that.
func TestNodeNeedsAddress(t *testing.T) {
	for _, local := range []string{"clearCache", "deleteRules"} {
		el := parse(t, `<`+local+` xmlns='urn:nf:iot:prov:o:1.0' id='plc1'/>`)
		if got, err := ownerReaders[local](el); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%s: %+v, %v; want bad-request", local, got, err)
		}
	}
}

// Spec names are sent, though one client calls its classes by others.
func TestUnfriendIsCalledSo(t *testing.T) {
	for _, g := range generations {
		if got := (provisioning.Unfriend{JID: bob}).Element(g).Local(); got != "unfriend" {
			t.Errorf("%v: <%s/>", g, got)
		}
	}
}

// The schema of the owner's question puts parameters into <partial/>; clients read direct children. We read both.
func TestQuestionToControl(t *testing.T) {
	const head = `<canControl xmlns='urn:nfi:iot:prov:o:1.0' jid='thing@example.org' remoteJid='bob@b.example' key='k'>`
	want := provisioning.Scope{Names: outputs}
	for _, body := range []string{
		`<p n='DigitalOutput1'/><p n='DigitalOutput2'/>`,
		`<partial><p n='DigitalOutput1'/><p n='DigitalOutput2'/></partial>`,
		`<parameter name='DigitalOutput1'/><partial><p n='DigitalOutput2'/></partial>`,
	} {
		q, err := provisioning.ParseQuestion(parse(t, head+body+`</canControl>`))
		if err != nil || !reflect.DeepEqual(q.Asked, want) {
			t.Errorf("%s: %+v, %v", body, q, err)
		}
		if el := q.Element(iot.NFI); el.Child(el.Space(), "p") == nil || el.Child(el.Space(), "partial") != nil {
			t.Errorf("asked as %s", el)
		}
	}
}

// XEP-0324#clearcache: two acknowledgements are there, and either is good in every generation.
func TestClearCacheAck(t *testing.T) {
	for _, g := range generations {
		ack := provisioning.ClearCacheAck(g)
		if (ack != nil) != (g == iot.XSF) {
			t.Errorf("%v: %v", g, ack)
		}
		other := xmlstream.New(provisioning.DeviceSpace.NS(g), "clearCacheResponse")
		for _, el := range []*xmlstream.Element{ack, nil, other} {
			if err := provisioning.CheckClearCacheAck(el); err != nil {
				t.Errorf("%v, %v: %v", g, el, err)
			}
		}
	}
	for _, el := range []*xmlstream.Element{xmlstream.New("urn:x", "clearCacheResponse"), provisioning.ClearCache{}.Element(iot.NF)} {
		if err := provisioning.CheckClearCacheAck(el); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%v: %v; want bad-request", el, err)
		}
	}
}

// An owner in the first generation, which has no owners, is spoken to in the next.
func TestOwnersOfFirstGeneration(t *testing.T) {
	for _, e := range ownerExamples {
		el := e.want.Element(iot.XSF)
		if _, err := ownerReaders[el.Local()](el); err != nil || el.Space() != "urn:ieee:iot:prov:o:1.0" {
			t.Errorf("%s: %s, %v", e.name, el, err)
		}
	}
}

// XEP-0324#friendshiprequestaccepted: any resource is ignored, and the answer is about the same bare address.
func TestResourceIsIgnored(t *testing.T) {
	q, err := provisioning.ParseIsFriend(parse(t, `<isFriend xmlns='urn:xmpp:iot:provisioning' jid='Bob@B.example/phone'/>`))
	if err != nil || q.Remote != bob {
		t.Fatalf("%+v, %v", q, err)
	}
	v := provisioning.Decide(provisioning.Request{Op: provisioning.Befriend, Caller: q.Remote, Thing: device}, nil, nil)
	if got := v.IsFriendResponse().Element(iot.XSF).Attr("jid"); got != "bob@b.example" {
		t.Errorf("answer about %q", got)
	}
}

// Clients leave node and part out where they deny, and write the range only where it is not Caller.
func TestWhatAnswersOfOwnersLeaveOut(t *testing.T) {
	const head = ` xmlns='urn:nf:iot:prov:o:1.0' jid='rack@example.org' remoteJid='bob@b.example' key='k' result=`
	a, err := provisioning.ParseAnswer(parse(t, `<isFriendRule`+head+`'true' range=''/>`))
	if want := provisioning.OriginOf(provisioning.FromCaller, bob, ""); err != nil || a.Origin != want {
		t.Errorf("%+v, %v; want %v", a, err, want)
	}
	a, err = provisioning.ParseAnswer(parse(t, `<canReadRule`+head+`'0'><fromDomain/></canReadRule>`))
	if err != nil || a.Allow || !a.Thing.Node.IsZero() || a.Key != "k" {
		t.Errorf("%+v, %v", a, err)
	}
	a, err = provisioning.ParseAnswer(parse(t, `<canReadRule`+head+`'true'><partial><f n='T'/></partial><all/></canReadRule>`))
	if want := (provisioning.Scope{Names: []string{"T"}}); err != nil || !reflect.DeepEqual(a.Scope, want) {
		t.Errorf("a part without categories: %+v, %v", a, err)
	}
}

func TestBadAnswers(t *testing.T) {
	const head = ` xmlns='urn:nf:iot:prov:o:1.0' jid='rack@example.org' remoteJid='bob@b.example' key='k' result='true'`
	for _, doc := range []string{
		`<isFriendRule` + head + ` range='Friends'/>`, `<isFriendRule` + head + ` range='caller'/>`,
		`<isFriendRule xmlns='urn:nf:iot:prov:o:1.0' remoteJid='bob@b.example' key='k' result='true'/>`,
		`<isFriendRule xmlns='urn:nf:iot:prov:o:1.0' jid='rack@example.org' key='k' result='true'/>`,
		`<isFriendRule xmlns='urn:nf:iot:prov:o:1.0' jid='rack@example.org' remoteJid='bob@b.example' result='true'/>`,
		`<isFriendRule xmlns='urn:nf:iot:prov:o:1.0' jid='rack@example.org' remoteJid='bob@b.example' key='k'/>`,
		`<isFriendRule xmlns='urn:nf:iot:prov:o:1.0' jid='rack@example.org' remoteJid='bob@b.example' key='k' result='perhaps'/>`,
		`<isFriendRule xmlns='urn:nf:iot:prov:o:1.0' jid='rack@example.org' remoteJid='bob@b.example' key='` + strings.Repeat("k", 2000) + `' result='true'/>`,
		`<canReadRule` + head + `/>`, `<canReadRule` + head + `><fromJid/><all/></canReadRule>`, `<canReadRule` + head + `><all/><all/></canReadRule>`,
		`<canReadRule` + head + `><fromUser/></canReadRule>`, `<canReadRule` + head + `><fromUser token=''/></canReadRule>`,
		`<canReadRule` + head + `><all/><nd id='a'/><nd id='b'/></canReadRule>`, `<canReadRule` + head + `><all/><nd/></canReadRule>`,
		`<canReadRule` + head + `><all/><partial/></canReadRule>`, `<canReadRule` + head + `><all/><partial m='false'/></canReadRule>`,
		`<canReadRule` + head + `><all/><partial><f/></partial></canReadRule>`, `<canReadRule` + head + `><all/><partial m='x'/></canReadRule>`,
		`<canControlRule` + head + `><all/><partial/></canControlRule>`, `<canControlRule` + head + `><all/><partial m='true'/></canControlRule>`,
		`<canWriteRule` + head + `/>`, `<canReadRule xmlns='urn:xmpp:iot:provisioning' jid='a' remoteJid='b' key='k' result='true'><all/></canReadRule>`,
	} {
		if a, err := provisioning.ParseAnswer(parse(t, doc)); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%.150s: %+v, %v; want bad-request", doc, a, err)
		}
	}
}

func TestBadRequestsOfThings(t *testing.T) {
	var fields, parameters strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&fields, "<f n='%d'/>", i)
		fmt.Fprintf(&parameters, "<p n='%d'/>", i)
	}
	for _, doc := range []string{
		`<isFriend xmlns='NS'/>`, `<isFriend xmlns='NS' jid=''/>`, `<isFriendResponse xmlns='NS' jid='bob@b.example'/>`,
		`<canRead xmlns='NS'/>`, `<canRead xmlns='NS' jid='bob@b.example' m='yes'/>`, `<canRead xmlns='NS' jid='bob@b.example'><nd/></canRead>`,
		`<canRead xmlns='NS' jid='bob@b.example'><f/></canRead>`, `<canReadResponse xmlns='NS' jid='bob@b.example'/>`,
		`<canControl xmlns='NS'/>`, `<canControl xmlns='NS' jid='bob@b.example'><p/></canControl>`, `<canControl xmlns='NS' jid='bob@b.example'><parameter/></canControl>`,
		`<canControlResponse xmlns='NS' jid='bob@b.example' result=''/>`, `<clearCache xmlns='NS' id='` + strings.Repeat("x", 2000) + `'/>`,
		`<canRead xmlns='NS' jid='bob@b.example'>` + fields.String() + `</canRead>`,
		`<canControl xmlns='NS' jid='bob@b.example'>` + parameters.String() + `</canControl>`,
		`<canRead xmlns='NS' jid='bob@b.example'><f n='` + strings.Repeat("x", 2000) + `'/></canRead>`,
		`<canRead xmlns='NS' jid='bob@b.example' st='` + strings.Repeat("x ", 10_000) + `'/>`,
	} {
		el := parse(t, in(iot.NFI, doc))
		if got, err := deviceReaders[el.Local()](el); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%.100s: %+v, %v; want bad-request", doc, got, err)
		}
	}
	el := parse(t, `<isFriend xmlns='urn:nf:iot:prov:d:1.0' jid='@'/>`)
	if _, err := provisioning.ParseIsFriend(el); !errors.Is(err, stanza.JIDMalformed) {
		t.Errorf("%v; want jid-malformed", err)
	}
}

// FuzzParse reads anything; what can be read can be written in every generation, and is read there as the same.
func FuzzParse(f *testing.F) {
	for _, e := range append(deviceExamples[:len(deviceExamples):len(deviceExamples)], ownerExamples...) {
		f.Add(in(iot.XSF, e.xml))
		f.Add(in(iot.NF, e.xml))
	}
	f.Fuzz(func(t *testing.T, doc string) {
		el, err := parseQuietly(doc)
		if err != nil {
			return
		}
		readers := deviceReaders
		if _, ok := provisioning.OwnerSpace.Of(el.Space()); ok {
			readers = ownerReaders
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
		for _, g := range generations {
			written := v.Element(g)
			again, err := read(written)
			if err != nil || sorted(again.Element(g)) != sorted(written) {
				t.Fatalf("%s is written as %s and read as %+v, %v; was %+v", doc, written, again, err, v)
			}
		}
	})
}
