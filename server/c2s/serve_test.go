package c2s_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func plaintext(s *c2s.Settings) { s.PlaintextLoopback = true }

// inTime runs a test with a clock of its own, on a server without TLS.
func inTime(t *testing.T, o options, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		settings := o.settings
		o.settings = func(s *c2s.Settings) {
			plaintext(s)
			if settings != nil {
				settings(s)
			}
		}
		w := newWorld(t, o)
		defer w.ended()
		test(t, w)
	})
}

// RFC 6120 §8.1.2.1, §4.9.3.9
func TestFrom(t *testing.T) {
	w := newWorld(t, options{settings: plaintext})
	c := w.enter("juliet")
	for _, from := range []string{"", "from='" + c.jid.String() + "'", "from='juliet@example.com'"} {
		c.send("<message to='" + c.jid.String() + "' " + from + "/>")
		if got := c.expect("message").Attr("from"); got != c.jid.String() {
			t.Errorf("%s is from %q", from, got)
		}
	}
	for _, from := range []string{"romeo@example.com", "example.com", "juliet@example.com/other"} {
		c := w.enter("juliet")
		c.send("<message to='" + c.jid.String() + "' from='" + from + "'/>")
		c.ends(stream.InvalidFrom)
	}
}

// A stanza that cannot be read is answered; what is no stanza ends the stream. RFC 6120 §8.3.3.8, §4.9.3
func TestWrongStanzas(t *testing.T) {
	w := newWorld(t, options{settings: plaintext})
	c := w.enter("juliet")
	for sent, want := range map[string]stanza.Condition{
		"<message to='@' id='1'/>":                 stanza.JIDMalformed,
		"<message from='@' id='1'/>":               stanza.JIDMalformed,
		"<presence type='away' id='1'/>":           stanza.BadRequest,
		"<iq type='ask' to='romeo@x' id='1'/>":     stanza.BadRequest,
		"<iq type='get' to='juliet@' id='1'/>":     stanza.JIDMalformed,
		"<iq type='get' to='example.com' id='1'/>": stanza.BadRequest,
	} {
		c.send(sent)
		el := c.next()
		if el.Attr("type") != "error" || el.Attr("id") != "1" || el.Attr("to") != c.jid.String() ||
			stanza.ParseError(el.Child(stanza.Client, "error")).Condition != want {
			t.Errorf("%s was answered with %v", sent, el)
		}
	}
	c.send("<message type='error' to='@'/><iq type='result' to='@' id='1'/>") // nothing is said about these
	c.echo("still here")
	for sent, want := range map[string]stream.Condition{
		"<messages/>":        stream.UnsupportedStanzaType,
		"<x xmlns='urn:x'/>": stream.UnsupportedStanzaType,
		"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>": stream.UnsupportedStanzaType,
		"<a></b>": stream.NotWellFormed,
		"<?pi?>":  stream.RestrictedXML,
		"text":    stream.BadFormat,
		"<message><body>" + strings.Repeat("x", 300_000): stream.PolicyViolation,
		strings.Repeat("<a>", 100):                       stream.PolicyViolation,
	} {
		c := w.enter("juliet")
		go c.conn.Write(raw(sent)) // not all of it is read
		if got := stream.ParseError(c.expect("error")); got.Condition != want {
			t.Errorf("%.20s: %v, want %v", sent, got, want)
		}
		c.conn.Close()
	}
}

// A feature's own elements reach it in their order among the stanzas.
func TestNonzas(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	w := newWorld(t, options{settings: plaintext, hooks: &module.Hooks{
		Nonzas: []module.Nonza{{
			Name: xmlstream.Name{Space: "urn:x"},
			Handle: func(_ context.Context, st module.Stream, el *xmlstream.Element) error {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, el.Local())
				if el.Local() == "end" {
					return stream.Reset
				}
				st.Send(xmlstream.New("urn:x", "heard-"+el.Local()))
				return nil
			},
		}},
	}})
	c := w.dial()
	c.logIn("juliet")
	c.send("<early xmlns='urn:x'/>") // before there is a resource
	c.expect("heard-early")
	c.bind()
	c.send(c.message("1") + "<a xmlns='urn:x'/>" + c.message("2") + "<b xmlns='urn:x'/>")
	for _, want := range []string{"message", "heard-a", "message", "heard-b"} {
		c.expect(want)
	}
	c.send("<end xmlns='urn:x'/>")
	c.ends(stream.Reset)
	mu.Lock()
	defer mu.Unlock()
	if got := fmt.Sprint(seen); got != "[early a b end]" {
		t.Errorf("seen %v", got)
	}
}

// A client may be silent as long as it likes between two stanzas, but not in one. RFC 6120 §4.9.3.4
func TestStanzaWithoutEnd(t *testing.T) {
	inTime(t, options{}, func(t *testing.T, w *world) {
		c := w.enter("juliet")
		time.Sleep(24 * time.Hour)
		c.echo("1")
		begun := time.Now()
		done := make(chan struct{})
		go func() { // a byte every second
			defer close(done)
			for c.conn.Write(raw("<")) == nil && c.conn.Write(raw("message a='")) == nil {
				for c.conn.Write(raw("x")) == nil {
					time.Sleep(time.Second)
				}
			}
		}()
		c.ends(stream.ConnectionTimeout)
		if took, limit := time.Since(begun), w.Settings.Element; took < limit || took > 3*limit {
			t.Errorf("after %v, the limit is %v", took, limit)
		}
		<-done
	})
}

// Where TLS does not go on after a time-out reads have none, once negotiated: streams work all the same.
func TestWithoutDeadlines(t *testing.T) {
	inTime(t, options{parking: c2s.Parking{After: c2s.ParkDeaf}}, func(t *testing.T, w *world) {
		c := w.enter("juliet")
		time.Sleep(24 * time.Hour)
		c.send("<message to='" + c.jid.String() + "'><body>")
		time.Sleep(24 * time.Hour)
		c.send("slow</body></message>")
		c.expect("message")
	})
}

// RFC 6120 §4.9.3.4
func TestNegotiationWithoutEnd(t *testing.T) {
	inTime(t, options{}, func(t *testing.T, w *world) {
		silent, slow := w.dial(), w.dial()
		begun := time.Now()
		slow.open()
		time.Sleep(50 * time.Second)
		slow.failure(slow.plain("juliet", "wrong"), "not-authorized") // does not begin anew
		slow.ends(stream.ConnectionTimeout)
		silent.hear()
		silent.ends(stream.ConnectionTimeout)
		if took := time.Since(begun); took != w.Settings.Negotiation {
			t.Errorf("after %v", took)
		}
	})
}

// Who sends too fast is made to wait; nothing is lost, and others are not held up.
func TestRates(t *testing.T) {
	for name, c := range map[string]struct {
		set     func(*c2s.Settings)
		size, n int
		least   time.Duration
	}{
		"none":     {func(s *c2s.Settings) { s.StanzasSecond, s.BytesSecond = 0, 0 }, 100, 200, 0},
		"stanzas":  {func(s *c2s.Settings) { s.StanzasSecond, s.BytesSecond, s.Burst = 10, 0, 2 }, 10, 70, 5 * time.Second},
		"bytes":    {func(s *c2s.Settings) { s.StanzasSecond, s.BytesSecond, s.Burst = 0, 1000, 2 }, 500, 14, 5 * time.Second},
		"no burst": {func(s *c2s.Settings) { s.StanzasSecond, s.BytesSecond, s.Burst = 10, 0, 0 }, 10, 50, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, options{settings: c.set}, func(t *testing.T, w *world) {
				fast, other := w.enter("juliet"), w.enter("romeo")
				begun := time.Now()
				go func() {
					for i := range c.n {
						m := fmt.Sprintf("<message to='%s' id='%d'>", fast.jid, i)
						m += strings.Repeat("x", max(0, c.size-len(m+"</message>"))) + "</message>"
						if err := fast.conn.Write(raw(m)); err != nil {
							t.Error(err)
						}
					}
				}()
				for i := range c.n {
					if got := fast.expect("message").Attr("id"); got != fmt.Sprint(i) {
						t.Fatalf("message %s, want %d", got, i)
					}
				}
				took := time.Since(begun)
				if took < c.least-time.Second || took > c.least+time.Second {
					t.Errorf("took %v, want %v", took, c.least)
				}
				begun = time.Now()
				other.echo("1")
				if took := time.Since(begun); took > 0 && c.set != nil && name != "no burst" {
					t.Errorf("another waited %v", took)
				}
			})
		})
	}
}

// When the client last spoke is when it did, however long it has been silent.
func TestActive(t *testing.T) {
	inTime(t, options{}, func(t *testing.T, w *world) {
		c := w.enter("juliet")
		time.Sleep(time.Hour)
		c.echo("1")
		sess := w.Router.Get(c.jid)
		if got := time.Since(sess.Active()); got != 0 {
			t.Errorf("active %v ago", got)
		}
		if got := time.Since(sess.Since()); got < time.Hour {
			t.Errorf("bound %v ago", got)
		}
	})
}

// RFC 6120 §4.4: the client closes its stream, and gets what is underway, and ours is closed too. Without its end it is gone.
func TestEnds(t *testing.T) {
	w := newWorld(t, options{settings: plaintext})
	c := w.enter("juliet")
	c.send(c.message("1") + "</stream:stream>")
	c.expect("message")
	c.ends("")
	c = w.enter("juliet")
	c.conn.Close()
	for w.Router.Get(c.jid) != nil || w.Count() > 0 {
		runtime.Gosched()
	}
}

// A session that another ends, as the removal of its account does.
func TestEndedByOther(t *testing.T) {
	w := newWorld(t, options{settings: plaintext})
	c := w.enter("juliet")
	w.Router.Get(c.jid).Close(stream.NotAuthorized)
	c.ends(stream.NotAuthorized)
	w.ended()
	if w.Router.Get(jid.MustParse(c.jid.String())) != nil {
		t.Error("still bound")
	}
}

func language(el *xmlstream.Element) string {
	for a := range el.Attrs() {
		if a.Name == (xmlstream.Name{Space: xmlstream.SpaceXML, Local: "lang"}) {
			return a.Value
		}
	}
	return ""
}

// RFC 6120 §8.1.5: a stanza without a language has that of its sender's stream, and says so to others. One that has its own keeps it.
func TestLanguage(t *testing.T) {
	w := newWorld(t, options{settings: plaintext})
	for stream, want := range map[string]string{"": "", "it": "it", strings.Repeat("x", 65): ""} {
		c := w.dial()
		c.lang = stream
		c.enter("juliet")
		c.send("<message to='" + c.jid.String() + "'/>")
		if got := language(c.expect("message")); got != want {
			t.Errorf("on a stream of %q: %q", stream, got)
		}
		c.send("<message to='" + c.jid.String() + "' xml:lang='cs'/>")
		if got := language(c.expect("message")); got != "cs" {
			t.Errorf("its own: %q", got)
		}
	}
}

// RFC 6120 §4.8.3: what servers say to each other is not for clients to say.
func TestStanzaOfServers(t *testing.T) {
	c := newWorld(t, options{settings: plaintext}).enter("juliet")
	c.send("<message xmlns='jabber:server' to='" + c.jid.String() + "'/>")
	c.ends(stream.InvalidNamespace)
}
