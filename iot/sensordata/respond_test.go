package sensordata

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// source is what a thing reads in tests.
type source struct {
	report  Report
	err     error
	slow    time.Duration
	refused error
	granted *Request // nil for what is asked
}

func (s *source) Admit(_ context.Context, _ jid.JID, req *Request) (*Request, error) {
	if s.granted != nil {
		return s.granted, s.refused
	}
	return req, s.refused
}

func (s *source) Read(ctx context.Context, _ *Request) (Report, error) {
	select {
	case <-time.After(s.slow):
	case <-ctx.Done():
		return Report{}, ctx.Err()
	}
	return s.report, s.err
}

// thermometer is a source with the values of XEP-0323#readmomentary.
func thermometer() *source {
	s := &source{}
	s.report.Add(iot.Node{ID: "Device01"}, time.Date(2013, 3, 7, 16, 24, 30, 0, time.UTC), Reading{
		Field: Field{Name: "Temperature", Type: Numeric, Unit: "°C", Categories: iot.Momentary}, Value: "23.4", Quality: AutomaticReadout,
	})
	return s
}

// exchange answers a request and returns all that was sent.
func exchange(t *testing.T, ctx context.Context, id, payload string, src Source) []string {
	t.Helper()
	var sent []string
	iq := &stanza.IQ{Type: stanza.Get, ID: id, From: client, To: thing, Payload: element(t, payload)}
	err := new(Device).Answer(ctx, iq, src, func(s *stanza.Stanza) error {
		sent = append(sent, strings.ReplaceAll(s.String(), " from='device@example.org/r' to='client@example.org/amr'", ""))
		return nil
	})
	if err != nil && ctx.Err() == nil {
		t.Errorf("%v", err)
	}
	return sent
}

const readXSF = `<fields xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='true'><node nodeId='Device01'><timestamp value='2013-03-07T16:24:30Z'>` +
	`<numeric name='Temperature' momentary='true' automaticReadout='true' value='23.4' unit='°C'/></timestamp></node></fields>`

func TestRespond(t *testing.T) {
	const forbidden = `<error type='cancel'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>` +
		`<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>Access denied.</text></error>`
	slow, refused, broken := thermometer(), thermometer(), thermometer()
	slow.slow = 10 * time.Second
	refused.refused = stanza.Forbidden.With("Access denied.")
	broken.err = stanza.RemoteServerTimeout.With("Timeout.")
	partly := thermometer()
	partly.granted = &Request{Fields: []string{"Humidity"}}
	for _, c := range []struct {
		name, request string
		src           *source
		want          []string
	}{
		// XEP-0323#readmomentary
		{"accepted, then data", `<req xmlns='urn:xmpp:iot:sensordata' seqnr='1' momentary='true'/>`, thermometer(), []string{
			`<iq type='result' id='S0001'><accepted xmlns='urn:xmpp:iot:sensordata' seqnr='1'/></iq>`,
			`<message>` + readXSF + `</message>`,
		}},
		// Request/Response, "Returning sensor data immediately"
		{"data at once", `<req xmlns='urn:nfi:iot:sd:1.0' id='1' all='true'/>`, thermometer(), []string{
			`<iq type='result' id='S0001'><resp xmlns='urn:nfi:iot:sd:1.0' id='1'><nd id='Device01'><ts v='2013-03-07T16:24:30Z'>` +
				`<q n='Temperature' v='23.4' u='°C' m='true' ar='true'/></ts></nd></resp></iq>`,
		}},
		// Request/Response, "Slow responses"
		{"slow data", `<req xmlns='urn:ieee:iot:sd:1.0' id='1' m='true'/>`, slow, []string{
			`<iq type='result' id='S0001'><started xmlns='urn:ieee:iot:sd:1.0' id='1'/></iq>`,
			`<message><resp xmlns='urn:ieee:iot:sd:1.0' id='1'><nd id='Device01'><ts v='2013-03-07T16:24:30Z'>` +
				`<q n='Temperature' v='23.4' u='°C' m='true' ar='true'/></ts></nd></resp></message>`,
		}},
		// XEP-0323#readall, "Scheduled or queued responses"
		{"later", `<req xmlns='urn:xmpp:iot:sensordata' seqnr='1' all='true' when='2000-01-01T01:00:00Z'/>`, thermometer(), []string{
			`<iq type='result' id='S0001'><accepted xmlns='urn:xmpp:iot:sensordata' seqnr='1' queued='true'/></iq>`,
			`<message><started xmlns='urn:xmpp:iot:sensordata' seqnr='1'/></message>`,
			`<message>` + readXSF + `</message>`,
		}},
		{"when it is past", `<req xmlns='urn:nf:iot:sd:1.0' id='1' c='true' when='1999-01-01T00:00:00Z'/>`, thermometer(), []string{
			`<iq type='result' id='S0001'><resp xmlns='urn:nf:iot:sd:1.0' id='1'/></iq>`,
		}},
		{"nothing of what was asked for", `<req xmlns='urn:xmpp:iot:sensordata' seqnr='1' peak='true'/>`, thermometer(), []string{
			`<iq type='result' id='S0001'><accepted xmlns='urn:xmpp:iot:sensordata' seqnr='1'/></iq>`,
			`<message><fields xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='true'/></message>`,
		}},
		{"nothing of what was granted", `<req xmlns='urn:nf:iot:sd:1.0' id='1' all='true'/>`, partly, []string{
			`<iq type='result' id='S0001'><resp xmlns='urn:nf:iot:sd:1.0' id='1'/></iq>`,
		}},
		// XEP-0323#readoutrejected
		{"rejected", `<req xmlns='urn:xmpp:iot:sensordata' seqnr='3' momentary='true'/>`, refused, []string{`<iq type='error' id='S0001'>` + forbidden + `</iq>`}},
		// XEP-0323#readoutfailure
		{"failed", `<req xmlns='urn:xmpp:iot:sensordata' seqnr='1' momentary='true'/>`, broken, []string{
			`<iq type='result' id='S0001'><accepted xmlns='urn:xmpp:iot:sensordata' seqnr='1'/></iq>`,
			`<message>` + strings.Replace(readXSF, " done='true'", "", 1) + `</message>`,
			`<message><failure xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='true'><error timestamp='2000-01-01T00:00:00Z'>Timeout.</error></failure></message>`,
		}},
		{"malformed", `<req xmlns='urn:nf:iot:sd:1.0'/>`, thermometer(), []string{
			`<iq type='error' id='S0001'><error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>` +
				`<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>&lt;req/&gt; needs the attribute id</text></error></iq>`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := exchange(t, t.Context(), "S0001", c.request, c.src); !slices.Equal(got, c.want) {
					t.Errorf("sent\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
				}
			})
		})
	}
}

func TestLargeReportIsSplit(t *testing.T) {
	src := &source{}
	for range 2*perStanza + 1 {
		src.report.Add(iot.Node{}, time.Unix(0, 0), NewInt(Field{Name: "N", Type: Int, Categories: iot.Momentary}, 1))
	}
	for g, wantDone := range map[iot.Generation]string{iot.XSF: "done='true'", iot.NF: "more='true'"} {
		sent := exchange(t, t.Context(), "S", (&Request{Generation: g, ID: "1"}).Element().String(), src)
		marked := 0
		for _, s := range sent {
			marked += strings.Count(s, wantDone)
		}
		if g == iot.XSF && (len(sent) != 4 || marked != 1) || g == iot.NF && (len(sent) != 3 || marked != 2) {
			t.Errorf("%s: %d stanzas, %d marked", g, len(sent), marked)
		}
	}
}

// slixmpp 1.8 follows XEP-0323 0.2: its stanzas have the sequence number for an id. What is here is what its plugin sends, and
// looks for in the answer.
func TestSlixmppReads(t *testing.T) {
	const request = `<req xmlns='urn:xmpp:iot:sensordata' seqnr='1' momentary='true'><node nodeId='n'/><field name='N'/><field name='D'/></req>`
	src := &source{}
	src.report.Add(iot.Node{ID: "n"}, time.Unix(0, 0), NewInt(Field{Name: "N", Type: Int, Categories: iot.Momentary}, 5), NewDuration(Field{Name: "D", Type: Duration}, time.Minute))
	got := exchange(t, t.Context(), "1", request, src)
	want := []string{
		`<iq type='result' id='1'><accepted xmlns='urn:xmpp:iot:sensordata' seqnr='1'/></iq>`,
		// No <done/> apart, which it does not know; done is not 1; no int and no duration.
		`<message><fields xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='true'><node nodeId='n'><timestamp value='1970-01-01T00:00:00Z'>` +
			`<numeric name='N' momentary='true' value='5' unit=''/><timeSpan name='D' value='PT1M'/></timestamp></node></fields></message>`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// It looks for a <rejected/> in the iq, not for the error.
	src.refused = stanza.ItemNotFound.With("Invalid nodeId n")
	got = exchange(t, t.Context(), "1", request, src)
	if len(got) != 1 || !strings.Contains(got[0], "<item-not-found ") ||
		!strings.Contains(got[0], `<rejected xmlns='urn:xmpp:iot:sensordata' seqnr='1'><error>Invalid nodeId n</error></rejected>`) {
		t.Errorf("sent %s", got)
	}
}

// And its things send timeSpan, and the time without a zone.
func TestSlixmppTells(t *testing.T) {
	u := parseUpdate(t, `<fields xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='true'><node nodeId='22'><timestamp value='2013-03-07T22:03:15'>`+
		`<timeSpan name='Up' value='PT1H'/><timeSpan name='Odd' value='1:02:03'/><numeric name='T' momentary='true' value='23.4' unit='Z'/></timestamp></node></fields>`)
	up, _ := u.Report.Latest("Up")
	odd, _ := u.Report.Latest("Odd")
	if d, err := up.Duration(); err != nil || d.Rest != time.Hour || odd.Type != String || odd.Value != "1:02:03" {
		t.Errorf("%+v, %+v, %v", up, odd, err)
	}
}

// Smack's clients look for momentary readings of int and boolean in messages, up to one that is done; its things name no node.
func TestSmackReads(t *testing.T) {
	src := &source{}
	src.report.Add(iot.Node{}, time.Unix(0, 0), NewInt(Field{Name: "temperature", Type: Int, Categories: iot.Momentary}, -5), NewBool(Field{Name: "on", Type: Boolean, Categories: iot.Momentary}, true))
	got := exchange(t, t.Context(), "Xy-1", `<req xmlns='urn:xmpp:iot:sensordata' seqnr='1' momentary='true'/>`, src)
	const want = `<message><fields xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='true'><node><timestamp value='1970-01-01T00:00:00Z'>` +
		`<int name='temperature' momentary='true' value='-5'/><boolean name='on' momentary='true' value='true'/></timestamp></node></fields></message>`
	if len(got) != 2 || got[1] != want {
		t.Errorf("sent\n%s, want\n%s", strings.Join(got, "\n"), want)
	}
}

// XEP-0323#cancelreadout
func TestCancel(t *testing.T) {
	for _, c := range []struct {
		name, request, cancel, want, sent string
	}{
		{
			"queued", `<req xmlns='urn:xmpp:iot:sensordata' seqnr='8' all='true' when='2013-03-09T23:30:00Z'/>`,
			`<cancel xmlns='urn:xmpp:iot:sensordata' seqnr='8'/>`, `<cancelled xmlns='urn:xmpp:iot:sensordata' seqnr='8'/>`, "queued='true'",
		},
		{"reading", `<req xmlns='urn:nf:iot:sd:1.0' id='8'/>`, `<cancel xmlns='urn:nf:iot:sd:1.0' id='8'/>`, ``, "<recipient-unavailable "},
		{"another", `<req xmlns='urn:nf:iot:sd:1.0' id='8'/>`, `<cancel xmlns='urn:nf:iot:sd:1.0' id='9'/>`, ``, "<resp "},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, src := new(Device), thermometer()
				src.slow = time.Second
				sent, done := make(chan *stanza.Stanza, 10), make(chan error)
				send := func(s *stanza.Stanza) error { sent <- s; return nil }
				iq := &stanza.IQ{Type: stanza.Get, ID: "S7", From: client, To: thing, Payload: element(t, c.request)}
				go func() { done <- d.Answer(t.Context(), iq, src, send) }()
				synctest.Wait()
				again := *iq
				if err := d.Answer(t.Context(), &again, src, func(s *stanza.Stanza) error { return stanza.ParseError(s.Child(stanza.Client, "error")) }); !errors.Is(err, stanza.Conflict) {
					t.Errorf("the same identity twice: %v", err)
				}
				stranger := &stanza.IQ{Type: stanza.Set, ID: "S9", From: jid.MustParse("mallory@example.org/r"), To: thing, Payload: element(t, c.cancel)}
				if err := d.Answer(t.Context(), stranger, src, func(*stanza.Stanza) error { return nil }); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				select {
				case <-done:
					t.Fatal("a stranger has cancelled it")
				default:
				}
				cancel := &stanza.IQ{Type: stanza.Set, ID: "S8", From: client, To: thing, Payload: element(t, c.cancel)}
				answer := ""
				if err := d.Answer(t.Context(), cancel, src, func(s *stanza.Stanza) error {
					if s.ID != "S8" || s.Type != stanza.Result {
						t.Errorf("answered %s", s)
					}
					for i := range s.Content.Len() {
						answer = s.Content.Element(s.Content.At(i)).String()
					}
					return nil
				}); err != nil || answer != c.want {
					t.Errorf("answered %s, %v", answer, err)
				}
				<-done
				if s := (<-sent).String(); !strings.Contains(s, c.sent) || len(sent) > 0 {
					t.Errorf("sent %s and %d more", s, len(sent))
				}
				if len(d.running) != 0 {
					t.Error("a request is left")
				}
			})
		})
	}
}

func TestCancelRefuses(t *testing.T) {
	for payload, want := range map[string]stanza.Condition{
		`<cancel xmlns='urn:nf:iot:sd:1.0'/>`:       stanza.BadRequest,
		`<cancel xmlns='urn:xmpp:iot:control'/>`:    stanza.FeatureNotImplemented,
		`<other xmlns='urn:nf:iot:sd:1.0' id='1'/>`: stanza.BadRequest,
	} {
		iq := &stanza.IQ{Type: stanza.Get, ID: "1", From: client, To: thing, Payload: element(t, payload)}
		err := new(Device).Answer(t.Context(), iq, thermometer(), func(s *stanza.Stanza) error { return stanza.ParseError(s.Child(stanza.Client, "error")) })
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

func TestTooManyRequests(t *testing.T) {
	d := new(Device)
	for i := range maxRunning {
		if err := d.begin(key{client, string(rune('a' + i))}, func() {}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.begin(key{client, "more"}, func() {}); !errors.Is(err, stanza.ResourceConstraint) {
		t.Errorf("%v", err)
	}
}

// What cannot be sent ends the answer.
func TestSendFails(t *testing.T) {
	broken := errors.New("broken")
	for _, payload := range []string{
		`<req xmlns='urn:xmpp:iot:sensordata' seqnr='1'/>`, `<req xmlns='urn:nf:iot:sd:1.0' id='1'/>`,
		`<req xmlns='urn:nf:iot:sd:1.0' id='1' when='2999-01-01T00:00:00Z'/>`,
	} {
		iq := &stanza.IQ{Type: stanza.Get, ID: "1", From: client, To: thing, Payload: element(t, payload)}
		if err := new(Device).Answer(t.Context(), iq, thermometer(), func(*stanza.Stanza) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

// Both halves together, in each generation.
func TestReadFromDevice(t *testing.T) {
	for _, g := range generations {
		t.Run(g.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := thermometer()
				src.slow = 3 * time.Second
				src.report.Fail(iot.Node{ID: "Device02"}, time.Unix(0, 0), "Timeout.")
				result := make(chan *xmlstream.Element, 1)
				s := &session{t: t}
				s.answer = func(s *session, iq *stanza.IQ) (*xmlstream.Element, error) {
					iq = &stanza.IQ{Type: iq.Type, ID: "x", From: client, To: thing, Payload: iq.Payload}
					go func() {
						err := new(Device).Answer(t.Context(), iq, src, func(out *stanza.Stanza) error {
							if out.Kind == stanza.Message {
								s.deliver(out)
							} else {
								result <- out.Content.Element(out.Content.At(0))
							}
							return nil
						})
						if err != nil {
							t.Error(err)
						}
					}()
					return <-result, nil
				}
				report, err := Read(t.Context(), s, thing, Request{Generation: g, Categories: iot.Momentary})
				sample, ok := report.Latest("Temperature")
				if err != nil || !ok || sample.Unit != "°C" || sample.Node.ID != "Device01" || report.Len() != 2 {
					t.Errorf("%+v, %v", report, err)
				}
			})
		})
	}
}

func BenchmarkParseUpdate(b *testing.B) {
	el := element(b, longUpdates[5])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseUpdate(el); err != nil {
			b.Fatal(err)
		}
	}
}
