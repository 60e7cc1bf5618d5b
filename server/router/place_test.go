package router_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func answer(text string) func(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
	return func(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
		return nil, stanza.FeatureNotImplemented.With("%s", text)
	}
}

// The nearest answers: what is at the place before what is at all of its sort, a name before its namespace.
func TestWhoAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		at := func(space, local string, places ...module.Place) module.IQ {
			return module.IQ{
				Name: xmlstream.Name{Space: space, Local: local}, On: places,
				Handle: func(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
					asked = append(asked, fmt.Sprint(places))
					return nil, nil
				},
			}
		}
		w := newWorld(t, &module.Hooks{IQ: []module.IQ{
			at("urn:x", "a", module.Domain), at("urn:x", "a", module.Account), at("urn:x", "a", "discovery"), at("urn:x", "a", module.Services),
			at("urn:x", "b", module.Own), at("urn:x", "b", module.Services), at("urn:x", "", "other"), at("urn:x", "c", "other"),
		}})
		a := w.online("juliet@example.com/a", 0)
		for to, answers := range map[string]map[string]string{
			"":                        {"a": "[@account]", "b": "[@own]", "c": ""},
			"juliet@example.com":      {"a": "[@account]", "b": "[@own]", "c": ""},
			"romeo@example.com":       {"a": "[@account]", "b": "", "c": ""},
			"nobody@example.com":      {"a": "", "b": "", "c": ""},
			"example.com":             {"a": "[@domain]", "b": "", "c": ""},
			"example.com/x":           {"a": "[@domain]"},
			"discovery.example.com":   {"a": "[discovery]", "b": "[@services]", "c": ""},
			"x@discovery.example.com": {"a": "[discovery]", "b": "[@services]"},
			"other.example.com":       {"a": "[other]", "b": "[other]", "c": "[other]", "d": "[other]"},
		} {
			for local, want := range answers {
				asked = nil
				if to != "" {
					w.say(a, "<iq type='get' id='1' to='"+to+"'><"+local+" xmlns='urn:x'/></iq>")
				} else {
					w.say(a, "<iq type='get' id='1'><"+local+" xmlns='urn:x'/></iq>")
				}
				got := w.settle()
				wantLog := []string{"a: iq result 1"}
				if want == "" {
					wantLog = []string{"a: iq error 1 service-unavailable"}
				}
				if strings.Join(asked, "") != want || !slices.Equal(got, wantLog) {
					t.Errorf("%s at %q: asked %v, %q", local, to, asked, got)
				}
			}
		}
	})
}

func TestTwoAnswers(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("two features answer the same")
		}
	}()
	q := module.IQ{Name: xmlstream.Name{Space: "urn:x", Local: "a"}, On: []module.Place{module.Domain}, Handle: answer("")}
	newWorld(t, &module.Hooks{IQ: []module.IQ{q}}, &module.Hooks{IQ: []module.IQ{q}})
}

func TestMessagesToPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name := xmlstream.Name{Space: "urn:x", Local: "m"}
		heard := ""
		take := func(on module.Place, err error) module.Message {
			return module.Message{Name: name, On: on, Handle: func(context.Context, *stanza.Stanza) error { heard = string(on); return err }}
		}
		w := newWorld(t, &module.Hooks{Messages: []module.Message{take(module.Domain, nil), take("discovery", nil), take("other", stanza.Forbidden)}})
		a := w.online("juliet@example.com/a", 0)
		for xml, want := range map[string]string{
			"<message id='1' to='example.com'><m xmlns='urn:x'/></message>":                        "@domain",
			"<message id='1' to='discovery.example.com'><m xmlns='urn:x'/></message>":              "discovery",
			"<message id='1' to='other.example.com'><m xmlns='urn:x'/></message>":                  "other a: message error 1 forbidden",
			"<message id='1' to='discovery.example.com'><x xmlns='urn:x'/></message>":              " a: message error 1 service-unavailable",
			"<message id='1' to='example.com'/>":                                                   " a: message error 1 service-unavailable",
			"<message id='1' to='discovery.example.com' type='error'><m xmlns='urn:x'/></message>": "",
			"<presence id='1' to='discovery.example.com/x'/>":                                      " presence of discovery.example.com: presence 1",
			"<presence id='1' to='example.com'/>":                                                  "",
		} {
			heard = ""
			w.say(a, xml)
			if got := strings.Join(append([]string{heard}, w.settle()...), " "); got != want {
				t.Errorf("%s: %q, want %q", xml, got, want)
			}
		}
	})
}

// Services work behind the reader: each sender's requests in their order, beside those of others, and no more than a few waiting.
func TestLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		w := newWorld(t, &module.Hooks{IQ: []module.IQ{{
			Name: xmlstream.Name{Space: "urn:x", Local: "slow"}, On: []module.Place{"discovery"},
			Handle: func(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
				if iq.From.Local() == "juliet" {
					<-goOn
				}
				return nil, nil
			},
		}}})
		a, r := w.online("juliet@example.com/a", 0), w.online("romeo@example.com/r", 0)
		for i := range 70 {
			w.say(a, fmt.Sprintf("<iq type='get' id='%d' to='discovery.example.com'><slow xmlns='urn:x'/></iq>", i))
			synctest.Wait() // the first is under way and does not wait any more
		}
		w.say(r, "<iq type='get' id='r' to='discovery.example.com'><slow xmlns='urn:x'/></iq>")
		got := w.settle()
		slices.Sort(got)
		if len(got) != 6 || got[0] != "a: iq error 65 resource-constraint" || got[4] != "a: iq error 69 resource-constraint" || got[5] != "r: iq result r" {
			t.Errorf("%q", got)
		}
		close(goOn)
		got = w.settle()
		if len(got) != 65 {
			t.Fatalf("%d answers", len(got))
		}
		for i, line := range got {
			if want := fmt.Sprintf("a: iq result %d", i); line != want {
				t.Fatalf("answer %d is %q, want %q", i, line, want)
			}
		}
		w.say(a, "<iq type='get' id='again' to='discovery.example.com'><slow xmlns='urn:x'/></iq>")
		if got := w.settle(); !slices.Equal(got, []string{"a: iq result again"}) {
			t.Errorf("%q", got)
		}
	})
}

// Work for services ends with the broker, not with the stream that asked for it, and is waited for.
func TestLanesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		w := newWorld(t, &module.Hooks{IQ: []module.IQ{{
			Name: xmlstream.Name{Space: "urn:x", Local: "endless"}, On: []module.Place{"discovery"},
			Handle: func(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
				<-ctx.Done()
				ended = true
				return nil, ctx.Err()
			},
		}}})
		a := w.online("juliet@example.com/a", 0)
		ctx, cancel := context.WithCancel(t.Context())
		w.FromClient(ctx, w.domain, a, w.parse("<iq from='juliet@example.com/a' type='get' id='1' to='discovery.example.com'><endless xmlns='urn:x'/></iq>"))
		cancel()
		time.Sleep(time.Hour)
		if synctest.Wait(); ended {
			t.Error("ended with the stream")
		}
		w.stop()
		if w.Wait(); !ended {
			t.Error("not waited for")
		}
	})
}

// request has the broker ask, and returns a channel with the answer.
func (w *world) request(from, to string) <-chan error {
	answers := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		el, err := w.Request(ctx, &stanza.IQ{Type: stanza.Get, From: jid.MustParse(from), To: jid.MustParse(to), Payload: xmlstream.New("urn:x", "q")})
		if err == nil && el.Local() != "answer" {
			err = fmt.Errorf("answered %v", el)
		}
		answers <- err
	}()
	return answers
}

// The broker's own requests are answered by who was asked, and by nobody else.
func TestRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.online("juliet@example.com/a", 0), w.online("romeo@example.com/b", 0)
		_ = b
		answers := w.request("discovery.example.com", "juliet@example.com/a")
		log := w.settle()
		if len(log) != 1 {
			t.Fatal(log)
		}
		id := strings.TrimPrefix(log[0], "a: iq get ")
		result := func(from string) string {
			return "<iq type='result' from='" + from + "' to='discovery.example.com' id='" + id + "'><answer xmlns='urn:x'/></iq>"
		}
		w.say(b, result("romeo@example.com/b"))
		w.arrive(result("juliet@example.net/a"))
		w.arrive(result("juliet@example.com"))
		w.say(a, "<iq type='result' to='discovery.example.com' id='other'/>")
		w.say(a, "<iq type='result' to='romeo@example.com' id='"+id+"x'/>")
		synctest.Wait()
		select {
		case err := <-answers:
			t.Fatalf("answered by another: %v", err)
		default:
		}
		w.say(a, result("juliet@example.com/a"))
		if err := <-answers; err != nil {
			t.Error(err)
		}
		w.say(a, result("juliet@example.com/a")) // once more: nobody waits
		if log := w.settle(); len(log) > 0 {
			t.Errorf("%q", log)
		}
		for to, want := range map[string]stanza.Condition{
			"juliet@example.com/x":  stanza.ServiceUnavailable,
			"nobody@example.com":    stanza.ServiceUnavailable,
			"romeo@nowhere.example": stanza.RemoteServerNotFound,
		} {
			if err := <-w.request("discovery.example.com", to); stanza.AsError(err).Condition != want {
				t.Errorf("%s: %v", to, err)
			}
		}
		// An account's server asks for it: the answer comes to the account.
		answers = w.request("juliet@example.com", "romeo@example.com/b")
		id = strings.TrimPrefix(w.settle()[0], "b: iq get ")
		w.say(b, "<iq type='error' to='juliet@example.com' id='"+id+"'><error type='auth'><forbidden xmlns='"+stanza.NSErrors+"'/></error></iq>")
		if err := <-answers; stanza.AsError(err).Condition != stanza.Forbidden {
			t.Error(err)
		}
		begun := time.Now()
		if err := <-w.request("discovery.example.com", "juliet@example.com/a"); err != context.DeadlineExceeded || time.Since(begun) != time.Minute {
			t.Errorf("nobody answered: %v", err)
		}
	})
}

// However hard two of the broker's addresses try to tell each other of errors, it ends.
func TestNoLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, from := range []string{"discovery.example.com", "other.example.com", "example.com", "juliet@example.com", "juliet@example.com/x", "romeo@nowhere.example"} {
			for _, to := range []string{"discovery.example.com", "other.example.com", "example.com", "juliet@example.com", "juliet@example.com/x", "romeo@nowhere.example"} {
				for _, kind := range []string{"message", "presence", "iq"} {
					for _, typ := range []string{"", "error", "chat", "probe", "subscribe", "get", "result"} {
						el, err := xmlstream.ParseIn(stanza.Client, []byte("<"+kind+" from='"+from+"' to='"+to+"' type='"+typ+"' id='1'><x xmlns='urn:x'/></"+kind+">"), xmlstream.Limits{})
						if err != nil {
							t.Fatal(err)
						}
						if s, err := stanza.FromElement(el); err == nil {
							w.Send(context.Background(), s)
						}
					}
				}
			}
		}
		for _, line := range w.settle() {
			if strings.Contains(line, "error") && !strings.HasPrefix(line, "presence of") {
				t.Errorf("an error arrived: %s", line)
			}
		}
	})
}
