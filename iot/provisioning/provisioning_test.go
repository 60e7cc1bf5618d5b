package provisioning_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var (
	generations = []iot.Generation{iot.XSF, iot.IEEE, iot.NF, iot.NFI}

	device  = jid.MustParse("thing@example.org")
	rack    = jid.MustParse("rack@example.org")
	bob     = jid.MustParse("bob@b.example")
	primary = jid.MustParse("primary@example.org")

	plc1 = iot.Node{ID: "plc1", Source: "Topology"}
	plc2 = iot.Node{ID: "plc2", Source: "Topology"}
)

func parse(t testing.TB, doc string) *xmlstream.Element {
	t.Helper()
	el, err := parseQuietly(doc)
	if err != nil {
		t.Fatalf("%v in %.200s", err, doc)
	}
	return el
}

func parseQuietly(doc string) (*xmlstream.Element, error) {
	return xmlstream.Parse([]byte(doc), xmlstream.Limits{Bytes: 16 << 20, Nodes: 1 << 20})
}

// sorted returns an element as XML with attributes and children in order, for comparison: neither order means anything.
func sorted(el *xmlstream.Element) string {
	var attrs, children []string
	for a := range el.Attrs() {
		attrs = append(attrs, a.Name.Local+"='"+a.Value+"'")
	}
	for c := range el.Children() {
		children = append(children, sorted(c))
	}
	slices.Sort(attrs)
	slices.Sort(children)
	return "<" + el.Space() + " " + el.Local() + " " + strings.Join(attrs, " ") + ">" + strings.Join(children, "") + "</>"
}

// payload is any type of the protocol.
type payload interface {
	Element(iot.Generation) *xmlstream.Element
}

// reader makes a Parse function one of payloads.
func reader[T payload](parse func(*xmlstream.Element) (T, error)) func(*xmlstream.Element) (payload, error) {
	return func(el *xmlstream.Element) (payload, error) {
		v, err := parse(el)
		return v, err
	}
}

// deviceReaders and ownerReaders are the Parse functions by the names of their elements.
var (
	deviceReaders = map[string]func(*xmlstream.Element) (payload, error){
		"isFriend":           reader(provisioning.ParseIsFriend),
		"isFriendResponse":   reader(provisioning.ParseIsFriendResponse),
		"friend":             reader(provisioning.ParseFriend),
		"unfriend":           reader(provisioning.ParseUnfriend),
		"canRead":            reader(provisioning.ParseCanRead),
		"canReadResponse":    reader(provisioning.ParseCanReadResponse),
		"canControl":         reader(provisioning.ParseCanControl),
		"canControlResponse": reader(provisioning.ParseCanControlResponse),
		"clearCache":         reader(provisioning.ParseClearCache),
	}
	ownerReaders = map[string]func(*xmlstream.Element) (payload, error){
		"isFriend":       reader(provisioning.ParseQuestion),
		"canRead":        reader(provisioning.ParseQuestion),
		"canControl":     reader(provisioning.ParseQuestion),
		"isFriendRule":   reader(provisioning.ParseAnswer),
		"canReadRule":    reader(provisioning.ParseAnswer),
		"canControlRule": reader(provisioning.ParseAnswer),
		"clearCache":     reader(provisioning.ParseClearCaches),
		"deleteRules":    reader(provisioning.ParseDeleteRules),
		"getDevices":     reader(provisioning.ParseGetDevices),
	}
)

// in returns an example of the first generation in another.
func in(g iot.Generation, doc string) string {
	if g != iot.XSF {
		doc = strings.NewReplacer(
			"<node nodeId=", "<nd id=", "<field name=", "<f n=", "<parameter name=", "<p n=", " nodeId=", " id=", "sourceId=", "src=",
			"momentary=", "m=", "historical=", "h=", "serviceToken=", "st=", "deviceToken=", "dt=", "userToken=", "ut=",
		).Replace(doc)
	}
	doc = strings.ReplaceAll(doc, "'OWNER'", "'"+provisioning.OwnerSpace.NS(g)+"'")
	return strings.ReplaceAll(doc, "'NS'", "'"+provisioning.DeviceSpace.NS(g)+"'")
}

// example is a payload as a document prints it, and what it means.
type example struct {
	name, xml string
	want      payload
}

func nodes(ids ...string) []iot.Node {
	var ns []iot.Node
	for _, id := range ids {
		ns = append(ns, iot.Node{ID: id})
	}
	return ns
}

var (
	tokens  = iot.Tokens{Service: []string{"SERVICETOKEN1"}, User: []string{"USERTOKEN1"}}
	outputs = []string{"DigitalOutput1", "DigitalOutput2"}
)

// deviceExamples are those of XEP-0324 between a thing and its service, and those of the flows that follow from it.
var deviceExamples = []example{
	{
		"Readout request using multiple tokens",
		`<canRead xmlns='NS' jid='primary@example.org' serviceToken='SERVICETOKEN1 SERVICETOKEN2' userToken='USERTOKEN1' momentary='true'/>`,
		provisioning.CanRead{
			Remote: primary, Categories: iot.Momentary,
			Tokens: iot.Tokens{Service: []string{"SERVICETOKEN1", "SERVICETOKEN2"}, Device: []string{}, User: []string{"USERTOKEN1"}},
		},
	},
	{"Friendship request", `<isFriend xmlns='NS' jid='bob@b.example'/>`, provisioning.IsFriend{Remote: bob}},
	{
		"Friendship request accepted", `<isFriendResponse xmlns='NS' jid='bob@b.example' result='true'/>`,
		provisioning.IsFriendResponse{Remote: bob, Allowed: true},
	},
	{
		"Friendship request rejected", `<isFriendResponse xmlns='NS' jid='bob@b.example' result='false'/>`,
		provisioning.IsFriendResponse{Remote: bob},
	},
	{"Unfriending existing friend", `<unfriend xmlns='NS' jid='bob@b.example'/>`, provisioning.Unfriend{JID: bob}},
	{"Recommending friendships", `<friend xmlns='NS' jid='bob@b.example'/>`, provisioning.Friend{JID: bob}},
	{
		"Rejecting read-outs", `<canReadResponse xmlns='NS' jid='primary@example.org' momentary='true' result='false'/>`,
		provisioning.CanReadResponse{Remote: primary, Categories: iot.Momentary},
	},
	{
		"Restricting nodes during read-out",
		`<canRead xmlns='NS' jid='primary@example.org' momentary='true' serviceToken='SERVICETOKEN1' userToken='USERTOKEN1'>` +
			`<node nodeId='Device02'/><node nodeId='Device03'/></canRead>`,
		provisioning.CanRead{
			Remote: primary, Categories: iot.Momentary, Nodes: nodes("Device02", "Device03"),
			Tokens: iot.Tokens{Service: tokens.Service, Device: []string{}, User: tokens.User},
		},
	},
	{
		"Nodes restricted during read-out",
		`<canReadResponse xmlns='NS' jid='primary@example.org' momentary='true' result='true'><node nodeId='Device02'/></canReadResponse>`,
		provisioning.CanReadResponse{Remote: primary, Allowed: true, Categories: iot.Momentary, Nodes: nodes("Device02")},
	},
	{
		"Restricting fields during read-out",
		`<canReadResponse xmlns='NS' jid='primary@example.org' momentary='true' result='true'><field name='Energy'/><field name='Power'/></canReadResponse>`,
		provisioning.CanReadResponse{Remote: primary, Allowed: true, Categories: iot.Momentary, Fields: []string{"Energy", "Power"}},
	},
	{
		"Partial read permission asked",
		`<canRead xmlns='NS' jid='bob@b.example' momentary='true' historical='true'><node nodeId='plc1' sourceId='Topology'/><node nodeId='plc2' sourceId='Topology'/></canRead>`,
		provisioning.CanRead{
			Remote: bob, Categories: iot.Momentary | iot.Historical, Nodes: []iot.Node{plc1, plc2},
			Tokens: iot.Tokens{Service: []string{}, Device: []string{}, User: []string{}},
		},
	},
	{
		"Partial read permission",
		`<canReadResponse xmlns='NS' jid='bob@b.example' result='true' momentary='true'><node nodeId='plc1' sourceId='Topology'/><field name='Temperature'/></canReadResponse>`,
		provisioning.CanReadResponse{
			Remote: bob, Allowed: true, Categories: iot.Momentary, Nodes: []iot.Node{plc1}, Fields: []string{"Temperature"},
		},
	},
	{
		"Control request",
		`<canControl xmlns='NS' jid='primary@example.org' serviceToken='SERVICETOKEN1' userToken='USERTOKEN1'>` +
			`<node nodeId='DigitalOutput1'/><parameter name='Output'/></canControl>`,
		provisioning.CanControl{
			Remote: primary, Nodes: nodes("DigitalOutput1"), Parameters: []string{"Output"}, Style: provisioning.LongStyle,
			Tokens: iot.Tokens{Service: tokens.Service, Device: []string{}, User: tokens.User},
		},
	},
	{
		"Rejecting control action", `<canControlResponse xmlns='NS' jid='primary@example.org' result='false'/>`,
		provisioning.CanControlResponse{Remote: primary},
	},
	{
		"Restricting nodes during control",
		`<canControlResponse xmlns='NS' jid='primary@example.org' result='true'><node nodeId='DigitalOutput2'/><node nodeId='DigitalOutput3'/></canControlResponse>`,
		provisioning.CanControlResponse{Remote: primary, Allowed: true, Nodes: nodes("DigitalOutput2", "DigitalOutput3")},
	},
	{
		"Restricting parameters during control",
		`<canControlResponse xmlns='NS' jid='primary@example.org' result='true'><parameter name='DigitalOutput1'/><parameter name='DigitalOutput2'/></canControlResponse>`,
		provisioning.CanControlResponse{Remote: primary, Allowed: true, Parameters: outputs, Style: provisioning.LongStyle},
	},
	{"Clear cache", `<clearCache xmlns='NS'/>`, provisioning.ClearCache{}},
	{"Clear cache of a node", `<clearCache xmlns='NS' nodeId='plc1' sourceId='Topology'/>`, provisioning.ClearCache{Node: plc1}},
}

// ownerExamples follow Provisioning.md and its schema.
var ownerExamples = []example{
	{
		"May it befriend?", `<isFriend xmlns='OWNER' jid='thing@example.org' remoteJid='bob@b.example' key='q7'/>`,
		provisioning.Question{Op: provisioning.Befriend, Thing: iot.Thing{JID: device}, Remote: bob, Key: "q7"},
	},
	{
		"It may, and its domain", `<isFriendRule xmlns='OWNER' jid='thing@example.org' remoteJid='bob@b.example' key='q7' result='true' range='Domain'/>`,
		provisioning.Answer{
			Op: provisioning.Befriend, Thing: iot.Thing{JID: device}, Remote: bob, Key: "q7", Allow: true,
			Origin: provisioning.Origin{Kind: provisioning.FromDomain, Value: "b.example"},
		},
	},
	{
		"Nobody may", `<isFriendRule xmlns='OWNER' jid='thing@example.org' remoteJid='bob@b.example' key='q7' result='false' range='All'/>`,
		provisioning.Answer{
			Op: provisioning.Befriend, Thing: iot.Thing{JID: device}, Remote: bob, Key: "q7",
			Origin: provisioning.Origin{Kind: provisioning.FromAnyone},
		},
	},
	{
		"May it read?",
		`<canRead xmlns='OWNER' jid='rack@example.org' remoteJid='bob@b.example' key='q8' momentary='true' historical='true' serviceToken='S' deviceToken='D1 D2' userToken='U'>` +
			`<node nodeId='plc1' sourceId='Topology'/><field name='Temperature'/><field name='Power'/></canRead>`,
		provisioning.Question{
			Op: provisioning.Read, Thing: iot.Thing{JID: rack, Node: plc1}, Remote: bob, Key: "q8",
			Asked:  provisioning.Scope{Categories: iot.Momentary | iot.Historical, Names: []string{"Temperature", "Power"}},
			Tokens: iot.Tokens{Service: []string{"S"}, Device: []string{"D1", "D2"}, User: []string{"U"}},
		},
	},
	{
		"It may read a part",
		`<canReadRule xmlns='OWNER' jid='rack@example.org' remoteJid='bob@b.example' key='q8' result='true'><node nodeId='plc1' sourceId='Topology'/>` +
			`<partial momentary='true'><field name='Temperature'/></partial><fromDevice token='D2'/></canReadRule>`,
		provisioning.Answer{
			Op: provisioning.Read, Thing: iot.Thing{JID: rack, Node: plc1}, Remote: bob, Key: "q8", Allow: true,
			Origin: provisioning.Origin{Kind: provisioning.FromDevice, Value: "D2"},
			Scope:  provisioning.Scope{Categories: iot.Momentary, Names: []string{"Temperature"}},
		},
	},
	{
		"It may read all", `<canReadRule xmlns='OWNER' jid='thing@example.org' remoteJid='bob@b.example' key='q8' result='true'><fromJid/></canReadRule>`,
		provisioning.Answer{
			Op: provisioning.Read, Thing: iot.Thing{JID: device}, Remote: bob, Key: "q8", Allow: true,
			Origin: provisioning.Origin{Kind: provisioning.FromCaller, Value: "bob@b.example"},
		},
	},
	{
		"It may not read", `<canReadRule xmlns='OWNER' jid='thing@example.org' remoteJid='bob@b.example' key='q8' result='false'><all/></canReadRule>`,
		provisioning.Answer{
			Op: provisioning.Read, Thing: iot.Thing{JID: device}, Remote: bob, Key: "q8", Origin: provisioning.Origin{Kind: provisioning.FromAnyone},
		},
	},
	{
		"May it control?",
		`<canControl xmlns='OWNER' jid='rack@example.org' remoteJid='bob@b.example' key='q9' userToken='U'><node nodeId='plc1' sourceId='Topology'/>` +
			`<parameter name='DigitalOutput1'/><parameter name='DigitalOutput2'/></canControl>`,
		provisioning.Question{
			Op: provisioning.Control, Thing: iot.Thing{JID: rack, Node: plc1}, Remote: bob, Key: "q9",
			Asked: provisioning.Scope{Names: outputs}, Tokens: iot.Tokens{Service: []string{}, Device: []string{}, User: []string{"U"}},
		},
	},
	{
		"It may control a part",
		`<canControlRule xmlns='OWNER' jid='rack@example.org' remoteJid='bob@b.example' key='q9' result='true'>` +
			`<partial><parameter name='DigitalOutput1'/><parameter name='DigitalOutput2'/></partial><fromUser token='U'/></canControlRule>`,
		provisioning.Answer{
			Op: provisioning.Control, Thing: iot.Thing{JID: rack}, Remote: bob, Key: "q9", Allow: true,
			Origin: provisioning.Origin{Kind: provisioning.FromUser, Value: "U"}, Scope: provisioning.Scope{Names: outputs},
		},
	},
	{
		"A service may control", `<canControlRule xmlns='OWNER' jid='rack@example.org' remoteJid='bob@b.example' key='q9' result='true'><fromService token='S'/></canControlRule>`,
		provisioning.Answer{
			Op: provisioning.Control, Thing: iot.Thing{JID: rack}, Remote: bob, Key: "q9", Allow: true,
			Origin: provisioning.Origin{Kind: provisioning.FromService, Value: "S"},
		},
	},
	{"Clear all caches", `<clearCache xmlns='OWNER'/>`, provisioning.ClearCaches{}},
	{
		"Clear one cache", `<clearCache xmlns='OWNER' jid='rack@example.org' nodeId='plc1' sourceId='Topology'/>`,
		provisioning.ClearCaches{Thing: iot.Thing{JID: rack, Node: plc1}},
	},
	{
		"Delete rules", `<deleteRules xmlns='OWNER' jid='rack@example.org' nodeId='plc1' sourceId='Topology'/>`,
		provisioning.DeleteRules{Thing: iot.Thing{JID: rack, Node: plc1}},
	},
	{"Get devices", `<getDevices xmlns='OWNER' offset='20' maxCount='10'/>`, provisioning.GetDevices{Page: iot.Page{Offset: 20, MaxCount: 10}}},
}

// ofGeneration returns what an example means in a generation: the style of parameters is the generation's.
func ofGeneration(g iot.Generation, want payload) payload {
	if g == iot.XSF {
		return want
	}
	switch w := want.(type) {
	case provisioning.CanControl:
		w.Style = provisioning.ShortStyle
		return w
	case provisioning.CanControlResponse:
		if w.Style != 0 {
			w.Style = provisioning.ShortStyle
		}
		return w
	}
	return want
}

// Every example is read, and written, in every generation.
func TestExamples(t *testing.T) {
	for _, e := range deviceExamples {
		for _, g := range generations {
			t.Run(e.name+"/"+g.String(), func(t *testing.T) { checkExample(t, e, g, deviceReaders) })
		}
	}
	for _, e := range ownerExamples {
		for _, g := range generations[1:] { // the first has no protocol for owners
			t.Run(e.name+"/"+g.String(), func(t *testing.T) { checkExample(t, e, g, ownerReaders) })
		}
	}
}

func checkExample(t *testing.T, e example, g iot.Generation, readers map[string]func(*xmlstream.Element) (payload, error)) {
	el, want := parse(t, in(g, e.xml)), ofGeneration(g, e.want)
	got, err := readers[el.Local()](el)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("reading %s:\n got %#v, %v\nwant %#v", el, got, err, want)
	}
	if got, want := sorted(want.Element(g)), sorted(el); got != want {
		t.Errorf("writing:\n got %s\nwant %s", got, want)
	}
}

// XEP-0324#delegatingsecondarytrust is of the first generation only.
func TestSecondaryTrust(t *testing.T) {
	for _, g := range generations {
		r := provisioning.IsFriendResponse{Remote: bob, Allowed: true, SecondaryTrust: true}
		got, err := provisioning.ParseIsFriendResponse(r.Element(g))
		if err != nil || got.SecondaryTrust != (g == iot.XSF) {
			t.Errorf("%v: %+v, %v", g, got, err)
		}
	}
}
