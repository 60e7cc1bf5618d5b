package transcript

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// What files need may be a feature of the domain, of a service, of an account, or of the stream.
func TestAnnounced(t *testing.T) {
	ca := streamtest.NewCA(t)
	peer := scripted(t, func(p *streamtest.Peer) {
		p.StartTLS(ca.Server(domain))
		p.Header(p.Mechanisms()...)
		p.Authenticate(streamtest.Accounts{"account": "password"})
		p.Bind("account@example.org/x", xmlstream.New("urn:xmpp:sm:3", "sm"))
		for range 3 {
			ask := p.Expect("jabber:client", "iq")
			p.Result(ask, xmlstream.New(nsDiscoInfo, "query",
				xmlstream.New(nsDiscoInfo, "feature", xmlstream.A("var", "of "+ask.Attr("to")))))
		}
		p.ExpectEnd()
		p.Send("</stream:stream>")
	})
	peer.TLS, peer.Services = ca.Client(), map[string]string{"discovery": "discovery.example.org"}
	want := map[Need]bool{
		{"of example.org", ""}:                         true,
		{"of example.net", ""}:                         false,
		{"of discovery.example.org", "{discovery}"}:    true,
		{"of account@example.org", "{account}"}:        true,
		{"urn:xmpp:sm:3", ""}:                          true,
		{"urn:xmpp:sm:3", "{discovery}"}:               false,
		{"of conference.example.org", "{conference}"}:  false,
		{"urn:ietf:params:xml:ns:xmpp-bind", ""}:       true,
		{"urn:ietf:params:xml:ns:xmpp-bind:other", ""}: false,
	}
	f := &File{}
	for n := range want {
		f.Needs = append(f.Needs, n)
	}
	got, err := announced(t.Context(), []*File{f}, peer)
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(got, func(_ Need, has bool) bool { return !has })
	maps.DeleteFunc(want, func(_ Need, has bool) bool { return !has })
	if !maps.Equal(got, want) {
		t.Errorf("announced %v, want %v", got, want)
	}
}

// A deviation is known only as long as there is one.
func TestDeviate(t *testing.T) {
	const head, opens = "# RFC 6120 §4: test\n", "raw connects\nraw opens\nraw receives: "
	var files []*File
	for name, text := range map[string]string{
		"fails.txt": head + opens + "<b/>\n", "passes.txt": head + opens + "<a/>\n",
		"unmade.txt": head + "keys: maker=1\n" + opens + "<a/>\n",
	} {
		f, err := Parse("folder/"+name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	peer := scripted(t, func(p *streamtest.Peer) {
		p.Header()
		p.Send("<a/>")
	})
	peer.Deviations = map[string]string{"fails.txt": "cannot", "passes.txt": "once could not", "unmade.txt": "?", "gone.txt": "?"}
	report := Report{Deviated: map[string]error{}}
	known, wrong := deviate(t.Context(), files, peer, &report)
	slices.Sort(wrong)
	for i, begins := range []string{"folder/passes.txt passes", "folder/unmade.txt: the peer has no API keys", "gone.txt is not played"} {
		if len(wrong) != 3 || !strings.HasPrefix(wrong[i], begins) {
			t.Errorf("wrong: %q, want %q", wrong, begins)
		}
	}
	if len(known) != 1 || !strings.HasPrefix(known[0], "cannot\nfolder/fails.txt:4: raw receives") || report.Deviated["fails.txt"] == nil {
		t.Errorf("known: %q, report: %v", known, report)
	}
}
