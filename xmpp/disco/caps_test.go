package disco

import (
	"errors"
	"slices"
	"testing"

	"github.com/comity-iot/comity/xmpp/form"
)

func TestCapsExamples(t *testing.T) {
	for _, c := range []struct{ name, text, node, ver string }{
		{"simple", exodus, "http://code.google.com/p/exodus", "QgayPKawpkPSDYmwT/WM94uAlu0="},
		{"complex", psi, "http://psi-im.org", "q07IKJEyjvHSyhy//CH0CxmKi8w="},
	} {
		info := parseInfo(t, c.text)
		caps, err := NewCaps(c.node, info)
		if err != nil || caps.Ver != c.ver {
			t.Errorf("%s: %s, %v, want %s", c.name, caps.Ver, err, c.ver)
		}
		if caps.InfoNode() != info.Node {
			t.Errorf("%s: the node is %s", c.name, caps.InfoNode())
		}
		read, ok := ParseCaps(element(t, caps.Element().String()))
		if !ok || read != caps || read.Verify(info) != nil {
			t.Errorf("%s: read %+v, %v, %v", c.name, read, ok, read.Verify(info))
		}
		info.Features = append(info.Features, "more")
		if err := read.Verify(info); !errors.Is(err, ErrHash) {
			t.Errorf("%s: a feature more: %v", c.name, err)
		}
	}
	const s = "client/pc/el/Ψ 0.11<client/pc/en/Psi 0.11<http://jabber.org/protocol/caps<http://jabber.org/protocol/disco#info<" +
		"http://jabber.org/protocol/disco#items<http://jabber.org/protocol/muc<urn:xmpp:dataforms:softwareinfo<" +
		"ip_version<ipv4<ipv6<os<Mac<os_version<10.5.1<software<Psi<software_version<0.11<"
	if got := parseInfo(t, psi).verInput(); got != s {
		t.Errorf("S is\n%s, want\n%s", got, s)
	}
}

// XEP-0115#ver-proc
func TestCapsIllFormed(t *testing.T) {
	soft := func(values ...string) *form.Form {
		return form.New(form.TypeResult, "", form.Field{Var: form.FormType, Type: form.Hidden, Values: values})
	}
	for name, info := range map[string]*Info{
		"an identity twice":              {Identities: []Identity{{"client", "pc", "", "A"}, {"client", "pc", "", "A"}}},
		"a feature twice":                {Features: []string{"a", "b", "a"}},
		"a FORM_TYPE twice":              {Forms: []*form.Form{soft("u"), soft("u")}},
		"two different FORM_TYPE values": {Forms: []*form.Form{soft("u", "v")}},
		"a separator in a feature":       {Features: []string{"a<b"}},
		"a separator in a name":          {Identities: []Identity{{"client", "pc", "", "A<b"}}},
	} {
		if _, err := NewCaps("n", info); !errors.Is(err, ErrIllFormed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, info := range map[string]*Info{
		"an identity in two languages": {Identities: []Identity{{"client", "pc", "en", "A"}, {"client", "pc", "el", "A"}}},
		"a FORM_TYPE value twice":      {Forms: []*form.Form{soft("u", "u")}},
	} {
		if _, err := NewCaps("n", info); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	open := form.New(form.TypeResult, "", form.Value(form.FormType, "u"), form.Value("a", "1"))
	for name, f := range map[string]*form.Form{"a form whose FORM_TYPE is not hidden": open, "a form without": form.New(form.TypeResult, "")} {
		info := parseInfo(t, exodus)
		info.Forms = []*form.Form{f}
		if ver, err := info.Ver(SHA1); err != nil || ver != "QgayPKawpkPSDYmwT/WM94uAlu0=" {
			t.Errorf("%s is not ignored: %s, %v", name, ver, err)
		}
	}
}

func TestCapsOther(t *testing.T) {
	info := parseInfo(t, exodus)
	if err := (Caps{Hash: "md2", Node: "n", Ver: "v"}).Verify(info); !errors.Is(err, ErrUnknownHash) {
		t.Errorf("an unknown function: %v", err)
	}
	for _, hash := range []string{SHA256, SHA3, "sha-512", "sha3-512"} {
		if ver, err := info.Ver(hash); err != nil || len(ver) < 44 {
			t.Errorf("%s: %s, %v", hash, ver, err)
		}
	}
	for _, s := range []string{"<c xmlns='http://jabber.org/protocol/caps' node='n'/>", "<c xmlns='urn:xmpp:caps' node='n' ver='v'/>"} {
		if _, ok := ParseCaps(element(t, s)); ok {
			t.Errorf("%s was read", s)
		}
	}
	// XEP-0115#legacy: no hash
	if c, ok := ParseCaps(element(t, "<c xmlns='http://jabber.org/protocol/caps' node='n' ver='0.9'/>")); !ok || c.Hash != "" {
		t.Errorf("legacy: %+v, %v", c, ok)
	}
}

// The hash does not depend on the order of the query, and making it leaves the query as it is.
func TestVerOrder(t *testing.T) {
	info := parseInfo(t, psi)
	want := slices.Clone(info.Features)
	slices.Reverse(want)
	info.Features = slices.Clone(want)
	slices.Reverse(info.Identities)
	slices.Reverse(info.Forms[0].Fields)
	slices.Reverse(info.Forms[0].Field("ip_version").Values)
	if ver, err := info.Ver(SHA1); ver != "q07IKJEyjvHSyhy//CH0CxmKi8w=" || err != nil {
		t.Errorf("%s, %v", ver, err)
	}
	if !slices.Equal(info.Features, want) || info.Forms[0].Values("ip_version")[0] != "ipv6" {
		t.Error("the query was sorted")
	}
}

func TestHashExamples(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       HashSet
	}{
		{"simple", bombus, HashSet{{SHA256, "kzBZbkqJ3ADrj7v08reD1qcWUwNGHaidNUgD7nHpiw8="}, {SHA3, "79mdYAfU9rEdTOcWDO7UEAt6E56SUzk/g6TnqUeuD9Q="}}},
		{"complex", tkabber, HashSet{{SHA256, "u79ZroNJbdSWhdSp311mddz44oHHPsEBntQ5b1jqBSY="}, {SHA3, "XpUJzLAc93258sMECZ3FJpebkzuyNXDzRNwQog8eycg="}}},
	} {
		info := parseInfo(t, c.text)
		got, err := NewHashSet(info)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
		read, ok := ParseHashSet(element(t, got.Element().String()))
		if !ok || !slices.Equal(read, got) {
			t.Errorf("%s: read %v, %v", c.name, read, ok)
		}
		for _, h := range read {
			if node, ok := ParseInfoNode(h.InfoNode()); !ok || node != h || h.Verify(info) != nil {
				t.Errorf("%s: %v, %v", c.name, node, h.Verify(info))
			}
			h.Value = "forged"
			if err := h.Verify(info); !errors.Is(err, ErrHash) {
				t.Errorf("%s: a forged hash: %v", c.name, err)
			}
		}
	}
}

// XEP-0390#algorithm-input
func TestHashIllFormed(t *testing.T) {
	const head = `<query xmlns='http://jabber.org/protocol/disco#info'>`
	for _, s := range []string{
		head + `<other/></query>`,
		head + `<x xmlns='jabber:x:data' type='result'/></query>`,
		head + `<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>u</value></field><item/></x></query>`,
	} {
		if _, err := NewHashSet(parseInfo(t, s)); !errors.Is(err, ErrIllFormed) {
			t.Errorf("%s: %v", s, err)
		}
	}
	if err := (Hash{"md2", ""}).Verify(&Info{}); !errors.Is(err, ErrUnknownHash) {
		t.Errorf("an unknown function: %v", err)
	}
	if _, ok := ParseHashSet(element(t, `<c xmlns='urn:xmpp:caps'/>`)); ok {
		t.Error("a set of none was read")
	}
	if _, ok := ParseHashSet(element(t, `<c xmlns='http://jabber.org/protocol/caps'/>`)); ok {
		t.Error("the other caps were read")
	}
	if _, ok := ParseInfoNode("http://psi-im.org#q07"); ok {
		t.Error("another node was read")
	}
	own, inherited := &Info{Identities: []Identity{{"a", "b", "en", ""}}}, &Info{Lang: "en", Identities: []Identity{{"a", "b", "", ""}}}
	if h, err := own.Hash(SHA256); err != nil || h.Verify(inherited) != nil {
		t.Errorf("an inherited language: %v, %v", err, h.Verify(inherited))
	}
}
