package transcript

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
)

const domain = "example.org"

// scripted is a peer whose one connection follows a script.
func scripted(t *testing.T, script func(*streamtest.Peer)) *Peer {
	return &Peer{
		Domain: domain,
		Dial: func(context.Context) (net.Conn, error) {
			return streamtest.Run(t, domain, script), nil
		},
		Account: func(_ context.Context, name string) (jid.JID, string, error) {
			return jid.MustParse(name + "@" + domain), "password", nil
		},
	}
}

// play runs steps of a raw stream.
func play(t *testing.T, steps string, script func(*streamtest.Peer)) error {
	t.Helper()
	f, err := Parse("f.txt", []byte("# RFC 6120 §4: test\naccounts: alice\nraw connects\n"+steps))
	if err != nil {
		t.Fatal(err)
	}
	return f.Run(t.Context(), scripted(t, script))
}

func TestRaw(t *testing.T) {
	err := play(t, `
raw opens
raw sends: <message to='x'><body>{domain}</body></message>
raw receives in any order:
  <message from='{who}'><body>two</body></message>
  <message><body>one</body></message>
raw receives: <message from='{who}'/>
raw sends: </stream:stream>
raw is closed
`, func(p *streamtest.Peer) {
		p.Header()
		if got := p.Expect("jabber:client", "message").ChildText("jabber:client", "body"); got != domain {
			p.Fatalf("got %q", got)
		}
		p.Send("<message><body>one</body></message><message from='x@y'><body>two</body></message><message from='x@y'/>")
		p.ExpectEnd()
		p.Send("</stream:stream>")
	})
	if err != nil {
		t.Error(err)
	}
}

// A transcript can fail, and says where, what was expected, and what came instead.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name, steps, sends string
		want               []string // in the error
	}{
		{
			"another stanza", "raw opens\nraw receives: <message from='{domain}'><body>Hi</body></message>\n",
			"<message from='eve.example'><body>Hi</body></message>",
			[]string{"f.txt:5: raw receives", "expected\n  <message", "got\n  <message", `from="eve.example" instead of "{domain}"`},
		},
		{
			"one of several", "raw opens\nraw receives in any order:\n  <a/>\n  <b/>\n", "<b/><c/>",
			[]string{"f.txt:5:", "expected\n  <a xmlns='jabber:client'/>", "got\n  <c"},
		},
		{"the end", "raw opens\nraw receives: <a/>\n", "</stream:stream>", []string{"f.txt:5:", "the server ended the stream", "<a xmlns='jabber:client'/>"}},
		{"no end", "raw opens\nraw is closed\n", "<a/>", []string{"f.txt:5:", "got\n  <a"}},
		{"a cut", "raw opens\nraw is closed\n", "", []string{"f.txt:5:", "the connection ended"}},
		{"an end instead of a cut", "raw opens\nraw is cut\n", "</stream:stream>", []string{"f.txt:5:", "the server ended the stream"}},
		{
			"another stream error", "raw opens\nraw receives stream error: conflict\n",
			"<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
			[]string{"f.txt:5:", "got reset"},
		},
		{"a value that is not known", "raw opens\nraw sends: {nothing}\n", "", []string{"f.txt:5:", "{nothing} has no value"}},
		{"a function that is not there", "let x = nothing\n", "", []string{"f.txt:4:", `no function "nothing"`}},
		{"a party that is not there", "raw2 sends: x\n", "", []string{"f.txt:4:", "raw2 is not connected"}},
		{"twice", "raw connects\n", "", []string{"f.txt:4:", "connected already"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := play(t, c.steps, func(p *streamtest.Peer) {
				if strings.HasPrefix(c.steps, "raw opens") {
					p.Header()
					p.Send(c.sends)
				}
			})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not say %q", err, w)
				}
			}
		})
	}
}

// Where the document leaves a choice the file does too.
func TestChoice(t *testing.T) {
	for sends, want := range map[string]string{"<a x='1'/>": "1", "<b x='2'/>": "2", "<c x='3'/>": "it is none of them"} {
		err := play(t, `
raw opens
raw receives one of:
  <a x='{x}'/>
  <b x='{x}'/>
raw receives: <x x='{x}'/>
`, func(p *streamtest.Peer) {
			p.Header()
			p.Send(sends + "<x x='" + want + "'/>")
		})
		if said := fmt.Sprint(err); err != nil && !strings.Contains(said, want) || err == nil && len(want) > 1 {
			t.Errorf("%s: error %v", sends, err)
		}
	}
}

// A server that says nothing is not waited for for ever.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := play(t, "raw opens\nraw receives: <message/>\n", func(p *streamtest.Peer) {
			p.Header()
			p.ExpectGone()
		})
		if err == nil || !strings.Contains(err.Error(), "nothing came within 5s") {
			t.Errorf("error %v", err)
		}
	})
}

// What comes before the answer to the last ping is no silence, what comes behind it is for the next step.
func TestSilence(t *testing.T) {
	for name, c := range map[string]struct {
		noise string
		want  string // in the error; empty for none
	}{
		"silence": {"", ""},
		"noise":   {"<message from='bob@example.org'/>", "f.txt:4: alice receives nothing\ngot\n  <message"},
	} {
		t.Run(name, func(t *testing.T) {
			ca := streamtest.NewCA(t)
			peer := scripted(t, func(p *streamtest.Peer) {
				p.Enter(ca, streamtest.Accounts{"alice": "password"}, "alice@example.org/x")
				p.Result(p.Expect("jabber:client", "iq"), nil)
				ping := p.Expect("jabber:client", "iq")
				p.Send(c.noise)
				p.Result(ping, nil)
				if c.noise == "" {
					p.Send("<message from='carol@example.org'/>")
					p.Expect("jabber:client", "end")
				}
			})
			peer.TLS = ca.Client()
			f, err := Parse("f.txt", []byte("# RFC 6120 §4: test\naccounts: alice\nalice connects\nalice receives nothing\n"+
				"alice receives: <message from='carol@example.org'/>\nalice sends: <end/>\n"))
			if err != nil {
				t.Fatal(err)
			}
			err = f.Run(t.Context(), peer)
			if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// A server may ask for acknowledgements between all else. Who is to answer does so in the file.
func TestRequests(t *testing.T) {
	const ask = "<r xmlns='urn:xmpp:sm:3'/>"
	err := play(t, `
raw opens
raw sends: <r xmlns='urn:xmpp:sm:3'/>
raw receives: <a xmlns='urn:xmpp:sm:3' h='0'/>
raw receives: <message/>
raw sends: <a xmlns='urn:xmpp:sm:3' h='1'/>
raw is closed
`, func(p *streamtest.Peer) {
		p.Header()
		p.Expect("urn:xmpp:sm:3", "r")
		p.Send(ask + "<a xmlns='urn:xmpp:sm:3' h='0'/>" + ask + ask + "<message/>" + ask)
		p.Expect("urn:xmpp:sm:3", "a")
		p.Send(ask + "</stream:stream>")
	})
	if err != nil {
		t.Error(err)
	}
}

// What may come is taken where it comes, and nothing else is.
func TestPermitted(t *testing.T) {
	for comes, want := range map[string]string{
		"":                            "",
		"<message from='bob@x'/>":     "",
		"<message from='eve@x'/>":     "alice receives nothing",
		"<message from='bob@x'/><a/>": "alice receives nothing",
	} {
		ca := streamtest.NewCA(t)
		peer := scripted(t, func(p *streamtest.Peer) {
			p.Enter(ca, streamtest.Accounts{"alice": "password"}, "alice@example.org/x")
			p.Send(comes)
			for range 4 { // two rounds for each step
				p.Result(p.Expect("jabber:client", "iq"), nil)
			}
		})
		peer.TLS = ca.Client()
		f, err := Parse("f.txt", []byte("# RFC 6120 §4: test\naccounts: alice\nalice connects\n"+
			"alice may receive: <message from='bob@x'/>\nalice receives nothing\n"))
		if err != nil {
			t.Fatal(err)
		}
		if err = f.Run(t.Context(), peer); (err != nil) != (want != "") || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q: error %v", comes, err)
		}
	}
}
