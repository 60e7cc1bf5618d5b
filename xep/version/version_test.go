package version_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/xep/version"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func TestGet(t *testing.T) {
	b := moduletest.New(t, version.Module())
	got, err := version.Get(context.Background(), b.Client("romeo@montague.net/orchard"), b.Host.Domain)
	if err != nil || got.Name != "Comity" || got.Version == "" || got.OS != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// The operating system is told only if the operator wants that. XEP-0092#security
func TestOS(t *testing.T) {
	def := version.Module()
	reflect.ValueOf(def.Config).Elem().FieldByName("OS").SetString("Plan 9")
	b := moduletest.New(t, def)
	got, err := version.Get(context.Background(), b.Client("romeo@montague.net/orchard"), b.Host.Domain)
	if err != nil || got.OS != "Plan 9" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A version is asked with a get, and an account has none.
func TestRefused(t *testing.T) {
	b := moduletest.New(t, version.Module())
	b.Accounts.Add("juliet@example.org")
	romeo := b.Client("romeo@montague.net/orchard")
	ask := func(typ stanza.Type, to string) error {
		_, err := romeo.Request(context.Background(),
			&stanza.IQ{Type: typ, To: jid.MustParse(to), Payload: xmlstream.New(version.NS, "query")})
		return err
	}
	if err := ask(stanza.Set, "example.org"); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("set: %v", err)
	}
	if err := ask(stanza.Get, "juliet@example.org"); !errors.Is(err, stanza.ServiceUnavailable) {
		t.Errorf("an account: %v", err)
	}
}

// answering is a peer that answers every request with the same.
type answering string

func (a answering) Request(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
	return xmlstream.Parse([]byte(a), xmlstream.Limits{})
}

// XEP-0092#examples
func TestExample(t *testing.T) {
	for _, c := range []struct {
		answer string
		want   version.Software
		err    error
	}{
		{
			`<query xmlns='jabber:iq:version'><name>Exodus</name><version>0.7.0.4</version><os>Windows-XP 5.01.2600</os></query>`,
			version.Software{Name: "Exodus", Version: "0.7.0.4", OS: "Windows-XP 5.01.2600"},
			nil,
		},
		{`<query xmlns='jabber:iq:last'/>`, version.Software{}, stanza.BadRequest},
	} {
		got, err := version.Get(context.Background(), answering(c.answer), jid.MustParse("juliet@capulet.com/balcony"))
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v", c.answer, got, err)
		}
	}
}

// XEP-0092#disco
func TestAnnounced(t *testing.T) {
	b := moduletest.New(t, version.Module())
	info := b.Host.Directory.Info(context.Background(), module.Domain, b.Host.Domain, jid.JID{})
	if !info.Has(version.NS) {
		t.Errorf("%v", info.Features)
	}
}
