package bench

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
)

// Load is for servers on this machine, and no name can lead elsewhere.
func TestParseServer(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:5222":          "127.0.0.1:5222",
		"127.8.9.10:1":            "127.8.9.10:1",
		"localhost:5222":          "127.0.0.1:5222",
		"[::1]:5223":              "[::1]:5223",
		"[::ffff:127.0.0.1]:5222": "127.0.0.1:5222",
		"192.0.2.1:5222":          "",
		"0.0.0.0:5222":            "",
		"[2001:db8::1]:5222":      "",
		"[::ffff:192.0.2.1]:5222": "",
		"example.org:5222":        "",
		"localhost.:5222":         "",
		"127.1:5222":              "",
		"127.0.0.1":               "",
		"127.0.0.1:":              "",
		"127.0.0.1:0":             "",
		"127.0.0.1:65536":         "",
		"127.0.0.1:xmpp-client":   "",
	} {
		got, err := ParseServer(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q is taken for %v", text, got)
		case want != "" && (err != nil || got.String() != want):
			t.Errorf("%q: %v, %v", text, got, err)
		}
		var advice *Error
		if err != nil && (!errors.As(err, &advice) || advice.Next == "") {
			t.Errorf("%q: %v says not what to do", text, err)
		}
	}
}

// Run refuses by itself too.
func TestRunElsewhere(t *testing.T) {
	o := Options{Server: netip.MustParseAddrPort("192.0.2.1:5222")}
	if err := Run(t.Context(), o, "chat"); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Error(err)
	}
}

// A server that cannot be checked is not talked to.
func TestRunUnchecked(t *testing.T) {
	o := sane()
	o.Roots = nil
	if err := Run(t.Context(), o, "chat"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
}

func sane() Options {
	return Options{
		Server: netip.MustParseAddrPort("127.0.0.1:5222"), Roots: x509.NewCertPool(),
		Rounds: 1, Window: 1, Parallel: 1, Duration: time.Second, Period: time.Second, Collectors: 1,
	}
}

func TestCheck(t *testing.T) {
	o := sane()
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Options){
		"n":          func(o *Options) { o.N = MaxN + 1 },
		"rounds":     func(o *Options) { o.Rounds = 0 },
		"duration":   func(o *Options) { o.Duration = 0 },
		"long":       func(o *Options) { o.Warmup = 2 * time.Hour },
		"period":     func(o *Options) { o.Period = 0 },
		"contacts":   func(o *Options) { o.Contacts = 3 },
		"parallel":   func(o *Options) { o.Parallel = -1 },
		"no address": func(o *Options) { o.Server = netip.AddrPort{} },
	} {
		o := sane()
		spoil(&o)
		if o.check() == nil {
			t.Error(name, "passes")
		}
	}
}

func TestChoose(t *testing.T) {
	got, err := choose([]string{"pubsub", "chat"})
	if err != nil || len(got) != 2 || got[0].Name != "chat" {
		t.Errorf("%v, %v", got, err)
	}
	if all, err := choose([]string{"all"}); err != nil || len(all) != len(Scenarios()) {
		t.Errorf("%d, %v", len(all), err)
	}
	if _, err := choose([]string{"all", "chta"}); err == nil {
		t.Error("chta is a scenario")
	}
}

// There are not ports enough at one address for all connections.
func TestSource(t *testing.T) {
	server := netip.MustParseAddr("127.0.0.1")
	if source(server, 0) != nil || source(server, perSource-1) != nil {
		t.Error("the first come from elsewhere")
	}
	seen := map[string]bool{}
	for i := perSource; i < 300*perSource; i += perSource {
		a := source(server, i)
		if !a.IP.IsLoopback() || a.IP.String() == "127.0.0.1" || seen[a.IP.String()] {
			t.Fatalf("connection %d comes from %v", i, a)
		}
		seen[a.IP.String()] = true
	}
	if source(netip.IPv6Loopback(), perSource) != nil {
		t.Error("IPv6 has one loopback address")
	}
}

func TestPatternAccounts(t *testing.T) {
	a, err := PatternAccounts("u%03d", "secret", "example.org")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]string{0: "u000@example.org", 42: "u042@example.org", 1234: "u1234@example.org"} {
		if got, err := a.at(i); err != nil || got.JID != jid.MustParse(want) || got.Password != "secret" {
			t.Errorf("%d: %v, %v", i, got, err)
		}
	}
	for _, bad := range []string{"", "u", "u%s", "u%d%d", "u%", "%!d", "u %d", "u@%d"} {
		if _, err := PatternAccounts(bad, "secret", "example.org"); err == nil {
			t.Errorf("%q is a pattern", bad)
		}
	}
	if _, err := PatternAccounts("u%d", "secret", "not a domain"); err == nil {
		t.Error("the domain is none")
	}
}

func TestListAccounts(t *testing.T) {
	a := ListAccounts([]Account{{jid.MustParse("a@example.org"), "x"}, {jid.MustParse("b@example.org"), "y"}})
	if all, err := a.first(2); err != nil || all[1].Password != "y" {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := a.first(3); err == nil {
		t.Error("there are three")
	}
}

func TestWriteAccounts(t *testing.T) {
	a, err := PatternAccounts("u-%d", "s3cret & <", "example.org")
	if err != nil {
		t.Fatal(err)
	}
	var lines, file bytes.Buffer
	if err := errors.Join(a.WriteLines(&lines, 2), a.WriteXML(&file, 2)); err != nil {
		t.Fatal(err)
	}
	if want := "u-0@example.org s3cret & <\nu-1@example.org s3cret & <\n"; lines.String() != want {
		t.Errorf("%q", lines.String())
	}
	var data struct {
		XMLName xml.Name `xml:"urn:xmpp:pie:0 server-data"`
		Hosts   []struct {
			JID   string `xml:"jid,attr"`
			Users []struct {
				Name     string `xml:"name,attr"`
				Password string `xml:"password,attr"`
			} `xml:"urn:xmpp:pie:0 user"`
		} `xml:"urn:xmpp:pie:0 host"`
	}
	if err := xml.Unmarshal(file.Bytes(), &data); err != nil {
		t.Fatal(err)
	}
	if len(data.Hosts) != 1 || data.Hosts[0].JID != "example.org" || len(data.Hosts[0].Users) != 2 || data.Hosts[0].Users[1].Name != "u-1" ||
		data.Hosts[0].Users[1].Password != "s3cret & <" {
		t.Errorf("%s", file.String())
	}
}

// What Prosody finds is keys of the password.
func TestWriteProsody(t *testing.T) {
	a, err := PatternAccounts("u-%d", "wonderland", "example.org")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := a.WriteProsody(dir, 2); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "example%2eorg", "accounts", "u%2d1.dat"))
	if err != nil {
		t.Fatal(err)
	}
	value := func(key string) string {
		m := regexp.MustCompile(`\["` + key + `"\] = "?([0-9a-f]+)"?;`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("no %s in %s", key, text)
		}
		return string(m[1])
	}
	stored, err1 := hex.DecodeString(value("stored_key"))
	server, err2 := hex.DecodeString(value("server_key"))
	k := sasl.Keys{Hash: sasl.SHA1, Salt: []byte(value("salt")), Iterations: 10_000, StoredKey: stored, ServerKey: server}
	if err := errors.Join(err1, err2); err != nil || value("iteration_count") != "10000" || !k.Verify("wonderland") || k.Verify("alice") {
		t.Errorf("%v\n%s", err, text)
	}
}

// The sizes are those that the specification of the load names.
func TestSizes(t *testing.T) {
	if n := len(filler(chatBody)); n != 200 {
		t.Errorf("a body has %d bytes", n)
	}
	if n := len(payload(600)); n != 600 {
		t.Errorf("a payload has %d bytes", n)
	}
	m := reading300(&session{jid: jid.MustParse("collector@example.org/resource")})
	m.at = 36 * 36 * 36 * 36 * 36 * 36 // seven digits
	if n := len(m.AppendXML(nil, "")); n != 300 {
		t.Errorf("a message of telemetry has %d bytes", n)
	}
}

func TestGauge(t *testing.T) {
	g := newGauge()
	var id []byte
	id = stamped{at: g.now()}.AppendXML(id, "")
	if !g.seen(string(id)) || g.seen("other") || g.count.Load() != 1 {
		t.Error(g.count.Load(), "counted")
	}
	if q := g.latency.take(); q.total != 1 || q.at(1) > time.Minute {
		t.Errorf("%+v", q)
	}
}

// A round in which nothing arrives goes on until something does, but not for ever.
func TestRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGauge()
		time.AfterFunc(9995*time.Millisecond, func() { g.count.Add(1) })
		if err := g.round(t.Context(), time.Second, 0); err != nil || time.Since(g.epoch) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(g.epoch))
		}
		var advice *Error
		if err := g.round(t.Context(), time.Second, 1); !errors.As(err, &advice) {
			t.Error("nothing arrives, and that is", err)
		}
	})
}

// each stops at the first error, and says it.
func TestEach(t *testing.T) {
	r := &run{Options: Options{Parallel: 4}}
	wrong := errors.New("wrong")
	err := r.each(t.Context(), 1_000_000, "", func(_ context.Context, i int) error {
		if i == 100 {
			return wrong
		}
		return nil
	})
	if err != wrong {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.each(ctx, 3, "", func(context.Context, int) error { return nil }); err != context.Canceled {
		t.Error(err)
	}
}
