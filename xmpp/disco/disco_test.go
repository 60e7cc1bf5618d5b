package disco

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func element(t testing.TB, s string) *xmlstream.Element {
	t.Helper()
	el, err := xmlstream.Parse([]byte(s), xmlstream.Limits{})
	if err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return el
}

func parseInfo(t testing.TB, s string) *Info {
	t.Helper()
	i, err := ParseInfo(element(t, s))
	if err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return i
}

func TestInfo(t *testing.T) {
	for _, text := range []string{exodus, psi, bombus, tkabber} {
		i := parseInfo(t, text)
		if again := parseInfo(t, i.Element().String()); !reflect.DeepEqual(i, again) {
			t.Errorf("%+v became %+v", i, again)
		}
	}
	i := parseInfo(t, psi)
	if !i.Has("none", "http://jabber.org/protocol/muc") || i.Has("none") || !i.Has(NSInfo) || (*Info)(nil).Has(NSInfo) {
		t.Error("features")
	}
	if !i.Is("client", "") || !i.Is("client", "pc") || i.Is("client", "phone") {
		t.Error("identities")
	}
	if f := i.Form("urn:xmpp:dataforms:softwareinfo"); f == nil || f.String("os") != "Mac" || i.Form("none") != nil {
		t.Error("forms")
	}
}

func TestItems(t *testing.T) {
	// XEP-0030#items
	const text = `<query xmlns='http://jabber.org/protocol/disco#items' node='music'>` +
		`<item jid='people.shakespeare.lit' name='Directory of Characters'/><item jid='catalog.shakespeare.lit' node='books'/></query>`
	items, err := ParseItems(element(t, text))
	if err != nil || len(items.Items) != 2 || items.Items[1].Node != "books" {
		t.Fatalf("%+v, %v", items, err)
	}
	again, err := ParseItems(items.Element())
	if err != nil || !reflect.DeepEqual(items, again) {
		t.Errorf("%+v became %+v, %v", items, again, err)
	}
	if got, err := ParseItems(element(t, `<query xmlns='`+NSItems+`'><item jid='@'/><item jid='a.example'/></query>`)); err != nil || len(got.Items) != 1 {
		t.Errorf("a malformed address: %+v, %v", got, err)
	}
}

func TestRefuses(t *testing.T) {
	info := func(inner string) error {
		_, err := ParseInfo(element(t, "<query xmlns='"+NSInfo+"'>"+inner+"</query>"))
		return err
	}
	_, noInfo := ParseInfo(element(t, "<query xmlns='"+NSItems+"'/>"))
	_, noItems := ParseItems(nil)
	_, many := ParseItems(element(t, "<query xmlns='"+NSItems+"'>"+strings.Repeat("<item jid='a.example'/>", MaxItems+1)+"</query>"))
	for _, c := range []struct {
		name string
		err  error
		want stanza.Condition
	}{
		{"items for info", noInfo, stanza.BadRequest},
		{"nothing for items", noItems, stanza.BadRequest},
		{"a malformed form", info("<x xmlns='jabber:x:data'/>"), stanza.BadRequest},
		{"too many items", many, stanza.ResourceConstraint},
		{"too many features", info(strings.Repeat("<feature var='a'/>", MaxFeatures+1)), stanza.ResourceConstraint},
		{"too many identities", info(strings.Repeat("<identity/>", MaxIdentities+1)), stanza.ResourceConstraint},
		{"too many forms", info(strings.Repeat("<x xmlns='jabber:x:data' type='result'/>", MaxForms+1)), stanza.ResourceConstraint},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %s", c.name, c.err, c.want)
		}
	}
}

// network answers disco queries: info and items by address. An address that is absent never answers, and a nil Info is
// an error.
type network struct {
	info  map[string]*Info
	items map[string]*Items
	asked []string
}

func (n *network) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	to := iq.To.String()
	if iq.Payload.Is(NSItems, "query") {
		if items := n.items[to]; items != nil {
			return items.Element(), nil
		}
		return nil, stanza.ServiceUnavailable
	}
	n.asked = append(n.asked, to)
	info, ok := n.info[to]
	switch {
	case !ok:
		<-ctx.Done()
		return nil, ctx.Err()
	case info == nil:
		return nil, stanza.ServiceUnavailable
	}
	answer := *info
	answer.Node = iq.Payload.Attr("node")
	return answer.Element(), nil
}

func has(features ...string) *Info { return &Info{Features: features} }

func of(addresses ...string) *Items {
	items := &Items{}
	for _, a := range addresses {
		items.Items = append(items.Items, Item{JID: jid.MustParse(a)})
	}
	return items
}

func TestGet(t *testing.T) {
	n := &network{info: map[string]*Info{"a.example": has("f")}, items: map[string]*Items{"a.example": of("b.example")}}
	a, b := jid.MustParse("a.example"), jid.MustParse("b.example")
	if info, err := GetInfo(t.Context(), n, a, "x"); err != nil || !info.Has("f") || info.Node != "x" {
		t.Errorf("%+v, %v", info, err)
	}
	if items, err := GetItems(t.Context(), n, a, ""); err != nil || items.Items[0].JID != b {
		t.Errorf("%+v, %v", items, err)
	}
	if _, err := GetItems(t.Context(), n, b, ""); !errors.Is(err, stanza.ServiceUnavailable) {
		t.Errorf("an error became %v", err)
	}
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name string
		net  *network
		want string // "" for item-not-found
	}{
		{"the server itself", &network{info: map[string]*Info{"example.org": has("want")}}, "example.org"},
		{"the first item that has it", &network{
			info:  map[string]*Info{"example.org": has(), "a.example": has("other"), "b.example": has("want"), "c.example": has("want")},
			items: map[string]*Items{"example.org": of("a.example", "b.example", "c.example")},
		}, "b.example"},
		{"any of the features", &network{
			info:  map[string]*Info{"example.org": has(), "a.example": has("want2")},
			items: map[string]*Items{"example.org": of("a.example")},
		}, "a.example"},
		{"behind errors and silence", &network{
			info:  map[string]*Info{"example.org": nil, "a.example": nil, "c.example": has("want")},
			items: map[string]*Items{"example.org": of("a.example", "b.example", "c.example")},
		}, "c.example"},
		{"none", &network{info: map[string]*Info{"example.org": has()}, items: map[string]*Items{"example.org": of()}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, info, err := Find(t.Context(), c.net, jid.MustParse("user@example.org/x"), "want", "want2")
				if got.String() != c.want || errors.Is(err, stanza.ItemNotFound) != (c.want == "") {
					t.Errorf("found %v, %v", got, err)
				}
				if c.want != "" && !info.Has("want", "want2") {
					t.Errorf("it says %+v", info)
				}
			})
		})
	}
}

func TestFindErrors(t *testing.T) {
	server := jid.MustParse("example.org")
	if _, _, err := Find(t.Context(), &network{info: map[string]*Info{"example.org": has()}}, server, "want"); !errors.Is(err, stanza.ServiceUnavailable) {
		t.Errorf("no items: %v", err)
	}
	n := &network{info: map[string]*Info{"example.org": has()}, items: map[string]*Items{"example.org": {}}}
	for i := range 2 * maxAsked {
		a := jid.MustParse(fmt.Sprintf("i%d.example", i))
		n.info[a.String()] = has()
		n.items["example.org"].Items = append(n.items["example.org"].Items, Item{JID: a}, Item{JID: a}, Item{JID: server, Node: "n"})
	}
	if _, _, err := Find(t.Context(), n, server, "want"); !errors.Is(err, stanza.ItemNotFound) || len(n.asked) != 1+maxAsked {
		t.Errorf("asked %d, %v", len(n.asked), err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		silent := &network{info: map[string]*Info{"example.org": has()}, items: map[string]*Items{"example.org": of("a.example", "b.example", "c.example", "d.example")}}
		if _, _, err := Find(ctx, silent, server, "want"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nobody answers: %v", err)
		}
	})
}

func FuzzInfo(f *testing.F) {
	for _, s := range []string{exodus, psi, bombus, tkabber} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		el, err := xmlstream.Parse([]byte(s), xmlstream.Limits{})
		if err != nil {
			return
		}
		i, err := ParseInfo(el)
		if err != nil {
			return
		}
		again, err := ParseInfo(i.Element())
		if err != nil {
			t.Fatalf("%v in %s", err, i.Element())
		}
		again.foreign = i.foreign // what is not understood is not written
		if !reflect.DeepEqual(i, again) {
			t.Errorf("%+v became %+v", i, again)
		}
		ver, err := i.Ver(SHA1)
		if verAgain, errAgain := again.Ver(SHA1); ver != verAgain || err != errAgain {
			t.Errorf("%s, %v became %s, %v", ver, err, verAgain, errAgain)
		}
		if h, err := i.Hash(SHA256); err == nil && h.Verify(again) != nil {
			t.Error("another hash for the same")
		}
	})
}

func BenchmarkVer(b *testing.B) {
	i := parseInfo(b, tkabber)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.Ver(SHA1); err != nil {
			b.Fatal(err)
		}
	}
}
