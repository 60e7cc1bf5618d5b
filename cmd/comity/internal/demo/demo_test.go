package demo

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func parse(t *testing.T, xml string) *stanza.Stanza {
	t.Helper()
	el, err := xmlstream.ParseIn(stanza.Client, []byte(xml), xmlstream.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := stanza.FromElement(el)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is said in the reference flows of the protocols, in words, in whichever generation.
func TestSays(t *testing.T) {
	tells := newTeller(nil, Style{})
	for address, name := range map[string]string{"bob@b.example": "bob", "thing@example.org": "lamp", "discovery.example.org": "broker"} {
		tells.call(jid.MustParse(address), name)
	}
	for _, c := range []struct{ xml, want string }{
		{"<presence type='subscribe' from='bob@b.example' to='thing@example.org'/>", "may I see you? (a friend request)"},
		{"<presence from='bob@b.example/1' to='thing@example.org'/>", ""},
		{"<iq type='set' id='1' from='thing@example.org/r' to='discovery.example.org'><register xmlns='urn:nf:iot:disco:1.0'><str name='SN' value='98734'/><num name='V' value='1.0'/><str name='key' value='kJ3'/></register></iq>", "register me: SN=98734, V=1.0, key=***"},
		{"<iq type='result' id='1' to='thing@example.org/r' from='discovery.example.org'/>", "you are registered, until an owner claims you"},
		{"<iq type='result' id='1' to='thing@example.org/r' from='discovery.example.org'/>", ""}, // answered already
		{"<iq type='get' id='3' from='thing@example.org/r' to='discovery.example.org'><isFriend xmlns='urn:nf:iot:prov:d:1.0' jid='bob@b.example'/></iq>", "may bob befriend me?"},
		{"<iq type='result' id='3' to='thing@example.org/r' from='discovery.example.org'><isFriendResponse xmlns='urn:nf:iot:prov:d:1.0' jid='bob@b.example' result='false'/></iq>", "no"},
		{"<iq type='get' id='4' from='thing@example.org/r' to='discovery.example.org'><canRead xmlns='urn:xmpp:iot:provisioning' jid='bob@b.example' momentary='true'><field name='A'/><field name='B'/></canRead></iq>", "may bob read A, B?"},
		{"<iq type='result' id='4' to='thing@example.org/r' from='discovery.example.org'><canReadResponse xmlns='urn:xmpp:iot:provisioning' jid='bob@b.example' result='true' momentary='true'><field name='A'/></canReadResponse></iq>", "yes, but only A"},
		{"<message from='discovery.example.org' to='owner@example.org'><canControl xmlns='urn:nf:iot:prov:o:1.0' jid='thing@example.org' remoteJid='bob@b.example' key='q7'><p n='Relay'/></canControl></message>", "may bob set Relay of lamp? I said no for now; answer when you like"},
		{"<iq type='set' id='5' from='owner@example.org/app' to='discovery.example.org'><isFriendRule xmlns='urn:nf:iot:prov:o:1.0' jid='thing@example.org' remoteJid='bob@b.example' key='q7' result='true' range='Domain'/></iq>", "yes, everyone at b.example may befriend lamp"},
		{"<iq type='set' id='6' from='owner@example.org/app' to='discovery.example.org'><canReadRule xmlns='urn:nf:iot:prov:o:1.0' jid='thing@example.org' remoteJid='bob@b.example' key='q7' result='false'><fromJid/></canReadRule></iq>", "no, bob may not read lamp"},
		{"<message from='discovery.example.org' to='thing@example.org/r'><friend xmlns='urn:nf:iot:prov:d:1.0' jid='bob@b.example'/></message>", "be friends with bob"},
		{"<iq type='get' id='7' from='bob@b.example/1' to='thing@example.org/r'><req xmlns='urn:nf:iot:sd:1.0' id='r'><f n='T'/></req></iq>", "tell me T"},
		{"<iq type='error' id='7' to='bob@b.example/1' from='thing@example.org/r'><error type='cancel'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>", "no (forbidden)"},
		{"<message from='thing@example.org/r' to='bob@b.example/1'><resp xmlns='urn:nf:iot:sd:1.0' id='r'><ts v='2026-01-01T00:00:00Z'><q n='T' v='21.50' u='°C' m='true'/></ts></resp></message>", "T 21.50 °C"},
		{"<iq type='set' id='8' from='bob@b.example/1' to='thing@example.org/r'><set xmlns='urn:xmpp:iot:control'><boolean name='Relay' value='true'/></set></iq>", "set Relay to true"},
		{"<message type='chat' from='bob@b.example/1' to='thing@example.org/r'><body>toggle</body></message>", "“toggle”"},
		{"<message type='error' from='bob@b.example/1' to='thing@example.org/r'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>", "not delivered: I am not here (service-unavailable)"},
		{"<iq type='get' id='9' from='bob@b.example/1'><query xmlns='jabber:iq:roster'/></iq>", ""},
		{"<iq type='result' id='9' to='bob@b.example/1'><query xmlns='jabber:iq:roster'/></iq>", ""},
		{"<iq type='get' id='a' from='bob@b.example/1' to='thing@example.org/r'><canRead xmlns='urn:nf:iot:prov:d:1.0'/></iq>", ""}, // malformed
	} {
		if got := tells.words.says(parse(t, c.xml)); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.xml, got, c.want)
		}
	}
}

// A wire hands on in order, waits, and forgets when nobody looks back.
func TestWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWire()
		message := func(from string) *stanza.Stanza {
			return parse(t, "<message type='chat' from='"+from+"@example.org' to='x@example.org'><body>hi</body></message>")
		}
		by := func(name string) func(*stanza.Stanza) bool {
			return func(s *stanza.Stanza) bool { return s.From.Local() == name }
		}
		var out bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan struct{})
		go func() { w.tell(ctx, newTeller(&out, Style{ASCII: true})); close(told) }()

		mark := w.mark()
		found := make(chan error)
		go func() { _, err := w.wait(ctx, mark, by("b")); found <- err }()
		for _, name := range []string{"a", "b", "c"} {
			w.put(event{stanza: message(name)})
		}
		if err := <-found; err != nil {
			t.Error(err)
		}
		if err := w.flush(ctx); err != nil {
			t.Error(err)
		}
		if !w.any(mark, by("c")) || w.any(w.mark(), by("c")) {
			t.Error("c is not where it was seen")
		}
		w.end()
		for range 2 * maxUntold {
			w.put(event{stanza: message("d")})
		}
		if err := w.flush(ctx); err != nil {
			t.Error(err)
		}
		w.put(event{stanza: message("e")})
		if err := w.flush(ctx); err != nil || len(w.events) > 0 {
			t.Errorf("%d events are kept, %v", len(w.events), err)
		}
		limited, stop := context.WithTimeoutCause(ctx, stepLimit, errSlow)
		defer stop()
		if _, err := w.wait(limited, w.mark(), by("f")); !errors.Is(err, errSlow) {
			t.Errorf("got %v", err)
		}
		cancel()
		<-told
		if text := out.String(); strings.Index(text, "a ") > strings.Index(text, "b ") || !strings.Contains(text, `e            -> x             "hi"`) {
			t.Errorf("told %.300s", text)
		}
	})
}

// Lines fit, and no word is lost.
func TestFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.StringMatching(`[a-zå]{1,30}`)).Draw(t, "words"), " ")
		n := rapid.IntRange(10, 80).Draw(t, "n")
		lines := fold(text, n)
		for _, l := range lines {
			if utf8.RuneCountInString(l) > n {
				t.Fatalf("%d columns: %q", n, l)
			}
		}
		if got := strings.ReplaceAll(strings.Join(lines, ""), " ", ""); got != strings.ReplaceAll(text, " ", "") {
			t.Fatalf("got %q of %q", got, text)
		}
	})
}

// What others say cannot command the terminal.
func TestClean(t *testing.T) {
	for _, c := range []struct {
		ascii      bool
		text, want string
	}{
		{false, "21 °C \x1b[2J\u009b\u202e", "21 °C ?[2J??"},
		{true, "“21 °C”…", `"21 degC"...`},
		{true, "å", "?"},
	} {
		if got := newTeller(nil, Style{ASCII: c.ascii}).clean(c.text); got != c.want {
			t.Errorf("%q: got %q", c.text, got)
		}
	}
}

// A value is found in each way in which it could be stored, wherever it is.
func TestFind(t *testing.T) {
	const v = 21.483920174
	var needles []needle
	for _, form := range written(v) {
		needles = append(needles, needle{value: form})
	}
	for i, content := range written(v) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "below"), 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string][]byte{"clean": []byte("21.48392"), "below/dirty": append([]byte("x"), content...)} {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		f, err := find(dir, needles)
		if err != nil || len(f.bytes) != 2 || f.bytes["clean"] != 8 || !slices.Equal(f.in, []string{filepath.Join("below", "dirty")}) {
			t.Errorf("%d: got %+v, %v", i, f, err)
		}
	}
	if string(written(21.5)[0]) != "21.5" {
		t.Errorf("got %s", written(21.5)[0])
	}
}

// A short value is found where its name is, in whichever way and order, and not elsewhere.
func TestNeedles(t *testing.T) {
	memory := sensordata.Sample{Reading: sensordata.NewFloat(sensordata.Field{Name: "Memory Used", Type: sensordata.Numeric, Unit: "%"}, 7.6, 1)}
	uptime := sensordata.Sample{Reading: sensordata.NewDuration(sensordata.Field{Name: "Uptime", Type: sensordata.Duration}, 45*time.Minute+10*time.Second)}
	for _, c := range []struct {
		sample  sensordata.Sample
		content string
		want    bool
	}{
		{memory, "<q n='Memory Used' v='7.6' u='%' m='true'/>", true},
		{memory, `<numeric value="7.6" unit="%" name="Memory Used"/>`, true},
		{memory, "Memory Used: 7.6 %", true},
		{memory, "field=\"Memory Used\" value=7.6", true},
		{memory, "Memory Used" + string(written(7.6)[1]), true},
		{memory, string(written(7.6)[2]) + "Memory Used", true},
		{memory, "Memory Used, " + strings.Repeat("x", 300) + "Memory Used 7.6", true}, // not the first
		{memory, "time=07:07:17.6 addr=127.6.0.1", false},
		{memory, "Memory Used" + strings.Repeat("x", 300) + "7.6", false},
		{memory, "may bob read Memory Used?", false},
		{uptime, "it is up since PT45M10S", true},
		{uptime, "Uptime PT45M11S", false},
	} {
		needles := forms(c.sample)
		got := slices.ContainsFunc(needles, func(n needle) bool { return n.in([]byte(c.content)) })
		if got != c.want {
			t.Errorf("%s %s in %q: %v", c.sample.Name, c.sample.Value, c.content, got)
		}
	}
}

// Why the broker decided what it says to a thing is heard in its log, however that is used, and told once.
func TestReasons(t *testing.T) {
	w := NewWire()
	var out, text bytes.Buffer
	log := slog.New(w.Log(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))).With("domain", "example.org").WithGroup("provisioning")
	log.Debug("something else", "verdict", "none")
	log.Debug("decided", "verdict", provisioning.Decide(provisioning.Request{
		Op: provisioning.Befriend, Thing: jid.MustParse("thing@example.org"), Caller: jid.MustParse("bob@b.example"),
		Targets: []provisioning.Target{{Owner: jid.MustParse("alice@example.org")}},
	}, nil, nil))
	for _, id := range []string{"1", "2"} {
		w.put(event{stanza: parse(t, "<iq type='get' id='"+id+"' from='thing@example.org/r' to='discovery.example.org'>"+
			"<isFriend xmlns='urn:nf:iot:prov:d:1.0' jid='bob@b.example'/></iq>")})
		w.put(event{stanza: parse(t, "<iq type='result' id='"+id+"' to='thing@example.org/r' from='discovery.example.org'>"+
			"<isFriendResponse xmlns='urn:nf:iot:prov:d:1.0' jid='bob@b.example' result='false'/></iq>")})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	w.tell(ended, newTeller(&out, Style{JSON: true}))
	for _, want := range []string{`"says":"no: there is no rule yet, and the owner is asked"`, `"says":"no"`} {
		if strings.Count(out.String(), want) != 1 {
			t.Errorf("no %s, or more, in\n%s", want, out.String())
		}
	}
	if !strings.Contains(text.String(), "domain=example.org provisioning.verdict.thing=thing@example.org") {
		t.Errorf("the log has %s", text.String())
	}
}
