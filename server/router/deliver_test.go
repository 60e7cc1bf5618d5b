package router_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// RFC 6121 §8.5: who gets what. A stanza comes from elsewhere to juliet, who has the sessions given; what is not delivered goes back to
// "remote romeo".
func TestDelivery(t *testing.T) {
	unavailable := []string{"remote romeo: %s error 1 service-unavailable"}
	for _, c := range []struct {
		section  string
		sessions string // resource and priority; "-" for one that is only bound
		to       string
		stanza   string
		want     []string
	}{
		{"8.5.1", "", "nobody@example.com", "message chat", unavailable},
		{"8.5.1", "", "nobody@example.com", "message headline", nil}, // or an error: §8.5.2.2.1 has precedence
		{"8.5.1", "", "nobody@example.com", "message error", nil},
		{"8.5.1", "", "nobody@example.com/x", "message normal", unavailable},
		{"8.5.1", "", "nobody@example.com", "iq get", unavailable},
		{"8.5.1", "", "nobody@example.com/x", "iq set", unavailable},
		{"8.5.1", "", "nobody@example.com/x", "iq result", nil},
		{"8.5.1", "", "nobody@example.com/x", "presence", nil},

		{"8.5.2.1.1", "a=1 b=5 n=-1 c=-", "juliet@example.com", "message chat", []string{"a: message chat 1", "b: message chat 1"}},
		{"8.5.2.1.1", "a=1 b=5 n=-1", "juliet@example.com", "message normal", []string{"a: message normal 1", "b: message normal 1"}},
		{"8.5.2.1.1", "a=1 b=5 n=-1", "juliet@example.com", "message headline", []string{"a: message headline 1", "b: message headline 1"}},
		{"8.5.2.1.1", "a=1", "juliet@example.com", "message groupchat", unavailable},
		{"8.5.2.1.1", "a=1", "juliet@example.com", "message error", nil},
		{"8.5.2.1.2", "a=1 b=2", "juliet@example.com", "presence", []string{"presence of juliet@example.com: presence 1"}},
		{"8.5.2.1.2", "a=1", "juliet@example.com", "presence subscribe", []string{"presence of juliet@example.com: presence subscribe 1"}},
		{"8.5.2.1.2", "a=1", "juliet@example.com", "presence probe", []string{"presence of juliet@example.com: presence probe 1"}},
		{"8.5.2.1.3", "a=1", "juliet@example.com", "iq get", unavailable},
		{"8.5.2.1.3", "a=1", "juliet@example.com", "iq result", nil},

		{"8.5.2.2.1", "n=-1 c=-", "juliet@example.com", "message chat", []string{"offline juliet: message chat 1"}},
		{"8.5.2.2.1", "", "juliet@example.com", "message normal", []string{"offline juliet: message normal 1"}},
		{"8.5.2.2.1", "", "juliet@example.com", "message headline", nil},
		{"8.5.2.2.1", "", "juliet@example.com", "message groupchat", unavailable},
		{"8.5.2.2.1", "", "juliet@example.com", "message error", nil},
		{"8.5.2.2.2", "", "juliet@example.com", "presence unsubscribed", []string{"presence of juliet@example.com: presence unsubscribed 1"}},
		{"8.5.2.2.3", "", "juliet@example.com", "iq set", unavailable},

		{"8.5.3.1", "a=1 b=2", "juliet@example.com/a", "message chat", []string{"a: message chat 1"}},
		{"8.5.3.1", "a=1 n=-1", "juliet@example.com/n", "message normal", []string{"n: message normal 1"}},
		{"8.5.3.1", "a=1 b=2", "juliet@example.com/a", "message groupchat", []string{"a: message groupchat 1"}},
		{"8.5.3.1", "a=1 b=2", "juliet@example.com/a", "message error", []string{"a: message error 1 undefined-condition"}},
		{"8.5.3.1", "a=1 c=-", "juliet@example.com/c", "iq get", []string{"c: iq get 1"}},
		{"8.5.3.1", "a=1 c=-", "juliet@example.com/c", "iq error", []string{"c: iq error 1 undefined-condition"}},
		{"8.5.3.1", "a=1", "juliet@example.com/a", "presence", []string{"a: presence 1"}},
		{"8.5.3.1", "a=1", "juliet@example.com/a", "presence unavailable", []string{"a: presence unavailable 1"}},
		{"8.5.3.1", "a=1", "juliet@example.com/a", "presence subscribe", []string{"presence of juliet@example.com: presence subscribe 1"}},
		{"8.5.3.1", "a=1", "juliet@example.com/a", "presence probe", []string{"presence of juliet@example.com: presence probe 1"}},

		{"8.5.3.2.1", "a=1", "juliet@example.com/x", "message chat", []string{"a: message chat 1"}},
		{"8.5.3.2.1", "", "juliet@example.com/x", "message chat", []string{"offline juliet: message chat 1"}},
		{"8.5.3.2.1", "a=1", "juliet@example.com/x", "message normal", unavailable},
		{"8.5.3.2.1", "a=1", "juliet@example.com/x", "message headline", unavailable},
		{"8.5.3.2.1", "a=1", "juliet@example.com/x", "message groupchat", unavailable},
		{"8.5.3.2.1", "a=1", "juliet@example.com/x", "message error", nil},
		{"8.5.3.2.2", "a=1", "juliet@example.com/x", "presence", nil},
		{"8.5.3.2.2", "a=1", "juliet@example.com/x", "presence unavailable", nil},
		{"8.5.3.2.2", "a=1", "juliet@example.com/x", "presence error", nil},
		{"8.5.3.2.2", "a=1", "juliet@example.com/x", "presence subscribe", []string{"presence of juliet@example.com: presence subscribe 1"}},
		{"8.5.3.2.2", "a=1", "juliet@example.com/x", "presence probe", []string{"presence of juliet@example.com: presence probe 1"}},
		{"8.5.3.2.3", "a=1", "juliet@example.com/x", "iq get", unavailable},
		{"8.5.3.2.3", "a=1", "juliet@example.com/x", "iq result", nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			for s := range strings.FieldsSeq(c.sessions) {
				switch resource, priority, _ := strings.Cut(s, "="); priority {
				case "-":
					w.bind("juliet@example.com/" + resource)
				default:
					w.online("juliet@example.com/"+resource, map[string]int{"1": 1, "2": 2, "5": 5, "-1": -1}[priority])
				}
			}
			w.settle()
			kind, typ, _ := strings.Cut(c.stanza, " ")
			content := map[string]string{"message": "<body>Hi</body>", "iq": "<query xmlns='urn:x'/>"}[kind]
			w.arrive("<" + kind + " from='romeo@example.net/orchard' to='" + c.to + "' type='" + typ + "' id='1'>" + content + "</" + kind + ">")
			got := w.settle()
			slices.Sort(got) // sessions get theirs in no order
			want := slices.Clone(c.want)
			for i := range want {
				want[i] = strings.ReplaceAll(want[i], "%s", kind)
			}
			if !slices.Equal(got, want) {
				t.Errorf("RFC 6121 §%s: %s to %s with %q:\n%q\nwant\n%q", c.section, c.stanza, c.to, c.sessions, got, want)
			}
		})
	}
}

// What the sender did not address is for its own account. RFC 6120 §10.3
func TestWithoutTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &module.Hooks{IQ: []module.IQ{{
			Name: xmlstream.Name{Space: "urn:x", Local: "own"}, On: []module.Place{module.Own},
			Handle: func(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
				if iq.To.String() != "juliet@example.com" {
					t.Errorf("for %s", iq.To)
				}
				return nil, nil
			},
		}}})
		a, _ := w.online("juliet@example.com/a", 0), w.online("juliet@example.com/b", 0)
		for xml, want := range map[string][]string{
			"<iq type='get' id='1'><own xmlns='urn:x'/></iq>":                         {"a: iq result 1"},
			"<iq type='get' id='1' to='juliet@example.com'><own xmlns='urn:x'/></iq>": {"a: iq result 1"},
			"<iq type='get' id='1' to='romeo@example.com'><own xmlns='urn:x'/></iq>":  {"a: iq error 1 service-unavailable"},
			"<iq type='get' id='1'><x xmlns='urn:x'/></iq>":                           {"a: iq error 1 service-unavailable"},
			"<iq type='get'><own xmlns='urn:x'/></iq>":                                {"a: iq error bad-request"},
			"<iq type='get' id='1'/>":                                                 {"a: iq error 1 bad-request"},
			"<iq type='result' id='1'/>":                                              nil,
			"<message type='chat' id='1'><body>note to self</body></message>":         {"a: message chat 1", "b: message chat 1"},
		} {
			w.say(a, xml)
			got := w.settle()
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", xml, got, want)
			}
		}
	})
}

func TestToOtherServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.online("juliet@example.com/a", 0)
		w.say(a, "<message to='romeo@example.net' id='1'/>")
		w.say(a, "<message to='romeo@nowhere.example' id='2'/>")
		w.say(a, "<message to='romeo@nowhere.example' id='3' type='error'/>")
		w.say(a, "<iq to='nowhere.example' id='4' type='result'/>")
		want := []string{"remote romeo: message normal 1", "a: message error 2 remote-server-not-found"}
		if got := w.settle(); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if d, ok := w.Lookup(jid.MustParse("discovery.example.com")); !ok || d != w.domain {
			t.Error("a service is not of its domain")
		}
		if _, ok := w.Lookup(jid.MustParse("romeo@example.net")); ok {
			t.Error("another domain is ours")
		}
	})
}

// A feature may stand before everything that a session sends or an account receives. Of presence that it does not let in, nobody hears.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := errors.New("broken")
		w := newWorld(t, &module.Hooks{
			Outgoing: func(_ context.Context, s module.Session, st *stanza.Stanza) error {
				if st.ID == "out" {
					return stanza.NotAcceptable
				}
				return nil
			},
			Incoming: func(_ context.Context, account jid.JID, st *stanza.Stanza) error {
				switch {
				case account.Local() != "juliet":
					return nil
				case st.ID == "in":
					return stanza.ServiceUnavailable
				case st.ID == "broken":
					return refuse
				}
				return nil
			},
		})
		a := w.online("juliet@example.com/a", 0)
		for xml, want := range map[string]string{
			"<message to='romeo@example.net' id='out'/>":                                                          "a: message error out not-acceptable",
			"<presence to='romeo@example.net' id='out'/>":                                                         "a: presence error out not-acceptable",
			"<iq type='get' id='out'><x xmlns='urn:x'/></iq>":                                                     "a: iq error out not-acceptable",
			"<iq type='result' to='romeo@example.net/x' id='out'/>":                                               "",
			"<message to='romeo@example.net' id='1'/>":                                                            "remote romeo: message normal 1",
			"<message id='in' from='romeo@example.net/x' to='juliet@example.com/a'/>":                             "remote romeo: message error in service-unavailable",
			"<iq type='get' id='in' from='romeo@example.net/x' to='juliet@example.com/a'><x xmlns='urn:x'/></iq>": "remote romeo: iq error in service-unavailable",
			"<iq type='result' id='in' from='romeo@example.net/x' to='juliet@example.com/a'/>":                    "",
			"<presence id='in' from='romeo@example.net/x' to='juliet@example.com/a'/>":                            "",
			"<presence type='subscribe' id='in' from='romeo@example.net' to='juliet@example.com'/>":               "",
			"<presence type='probe' id='in' from='romeo@example.net' to='juliet@example.com'/>":                   "",
			"<presence id='broken' from='romeo@example.net/x' to='juliet@example.com/a'/>":                        "remote romeo: presence error broken internal-server-error",
		} {
			if strings.Contains(xml, "from=") {
				w.arrive(xml)
			} else {
				w.say(a, xml)
			}
			if got := strings.Join(w.settle(), "; "); got != want {
				t.Errorf("%s: %q, want %q", xml, got, want)
			}
		}
	})
}

// Who lets nothing in from somebody still hears that nothing goes out to him. XEP-0191#block
func TestRefusedBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked := jid.MustParse("romeo@example.net")
		w := newWorld(t, &module.Hooks{
			Outgoing: func(_ context.Context, _ module.Session, st *stanza.Stanza) error {
				if st.To.Bare() == blocked {
					return stanza.NotAcceptable
				}
				return nil
			},
			Incoming: func(_ context.Context, _ jid.JID, st *stanza.Stanza) error {
				if st.From.Bare() == blocked {
					return stanza.ServiceUnavailable
				}
				return nil
			},
		})
		a := w.online("juliet@example.com/a", 0)
		for xml, want := range map[string]string{
			"<message to='romeo@example.net' id='1'/>":                                          "a: message error 1 not-acceptable",
			"<presence to='romeo@example.net/x' id='2'/>":                                       "a: presence error 2 not-acceptable",
			"<iq type='set' to='romeo@example.net/x' id='3'><x xmlns='urn:x'/></iq>":            "a: iq error 3 not-acceptable",
			"<iq type='result' to='romeo@example.net/x' id='4'/>":                               "",
			"<message type='error' to='romeo@example.net' id='5'/>":                             "",
			"<message from='romeo@example.net' to='juliet@example.com/a' id='6' type='error'/>": "",
		} {
			if strings.Contains(xml, "from=") {
				w.arrive(xml)
			} else {
				w.say(a, xml)
			}
			if got := strings.Join(w.settle(), "; "); got != want {
				t.Errorf("%s: %q, want %q", xml, got, want)
			}
		}
	})
}

// The hooks that watch messages are told of each, with whom it was handed to.
func TestSentAndDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		w := newWorld(t, &module.Hooks{
			Sent: func(s module.Session, st *stanza.Stanza) {
				seen = append(seen, "sent "+s.JID().Resource()+" "+st.To.String()+" "+st.ID)
			},
			Delivered: func(account jid.JID, st *stanza.Stanza, to []module.Session) {
				line := "delivered " + account.Local() + " " + st.ID
				for _, s := range to {
					line += " " + s.JID().Resource()
				}
				seen = append(seen, line)
			},
		})
		a := w.online("juliet@example.com/a", 0)
		w.online("romeo@example.com/r", 0)
		w.say(a, "<message to='romeo@example.com/r' id='1'/>")
		w.say(a, "<message to='romeo@example.com' id='2' type='chat'/>")
		w.say(a, "<message id='3' type='chat'/>")
		w.say(a, "<message to='nobody@example.com' id='4' type='chat'/>")
		w.say(a, "<message to='romeo@example.net' id='5' type='chat'/>")
		w.say(a, "<iq type='get' to='romeo@example.com/r' id='6'><x xmlns='urn:x'/></iq>")
		want := []string{
			"delivered romeo 1 r", "sent a romeo@example.com/r 1", "delivered romeo 2 r", "sent a romeo@example.com 2",
			"delivered juliet 3 a", "sent a juliet@example.com 3", "delivered nobody 4", "delivered juliet 4 a", "sent a romeo@example.net 5",
		}
		if w.settle(); !slices.Equal(seen, want) {
			t.Errorf("%q\nwant\n%q", seen, want)
		}
	})
}

// What a message becomes on behalf of its sender and of its receiver is what everybody sees of it. Who is refused hears of what was sent.
func TestRelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		w = newWorld(t, &module.Hooks{
			Relay: func(account jid.JID, m *stanza.Stanza) *stanza.Stanza {
				c := *m
				c.ID += account.Local()[:1]
				return &c
			},
			Incoming: func(_ context.Context, account jid.JID, st *stanza.Stanza) error {
				if account.Local() == "romeo" && st.ID == "refusedj" {
					return stanza.NotAcceptable
				}
				return nil
			},
			Sent:      func(_ module.Session, st *stanza.Stanza) { w.note("sent", st) },
			Delivered: func(_ jid.JID, st *stanza.Stanza, _ []module.Session) { w.note("delivered", st) },
		})
		a := w.online("juliet@example.com/a", 0)
		b := w.online("romeo@example.com/b", 0)
		for _, step := range []struct{ xml, want string }{
			{"<message to='romeo@example.com/b' id='1'/>", "b: message normal 1jr; delivered: message normal 1jr; sent: message normal 1j"},
			{"<message to='romeo@example.com' id='2'/>", "b: message normal 2jr; delivered: message normal 2jr; sent: message normal 2j"},
			{"<message id='3' type='chat'/>", "a: message chat 3jj; delivered: message chat 3jj; sent: message chat 3j"},
			{"<message to='romeo@example.net' id='4'/>", "remote romeo: message normal 4j; sent: message normal 4j"},
			{"<message to='romeo@example.com' id='refused'/>", "a: message error refused not-acceptable; delivered: message error refused not-acceptable"},
			{"<presence to='romeo@example.com/b' id='5'/>", "b: presence 5"},
			{"<iq type='get' to='romeo@example.com/b' id='6'><x xmlns='urn:x'/></iq>", "b: iq get 6"},
		} {
			w.say(a, step.xml)
			got := w.settle()
			slices.Sort(got) // who is told and who is sent it runs beside each other
			if got := strings.Join(got, "; "); got != step.want {
				t.Errorf("%s: %q, want %q", step.xml, got, step.want)
			}
		}
		b.SetPresence(nil)
		w.arrive("<message from='romeo@example.net/x' to='romeo@example.com' id='7'><body>Hi</body></message>")
		if got, want := strings.Join(w.settle(), "; "), "delivered: message normal 7r; offline romeo: message normal 7r"; got != want {
			t.Errorf("kept: %q, want %q", got, want)
		}
	})
}
