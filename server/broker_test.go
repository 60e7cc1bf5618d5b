package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server"
	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/store/sqlite"
	"github.com/comity-iot/comity/xep/offline"
	"github.com/comity-iot/comity/xep/ping"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xep/sm"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "R0m30&Juliet"

// broker is one on the loopback interface, without TLS.
type broker struct {
	*server.Broker
	t     *testing.T
	addr  string
	close func()
}

func newDB(t *testing.T) store.DB {
	t.Helper()
	db, err := sqlite.OpenEphemeral(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func options(db store.DB, domains []string, more ...module.Def) server.Options {
	o := server.Options{
		DB: db, Secret: bytes.Repeat([]byte("k"), 32), C2S: c2s.Defaults(), Log: slog.New(slog.DiscardHandler),
		Modules:     append([]module.Def{roster.Module(), sm.Module(), ping.Module(), offline.Module()}, more...),
		Certificate: func() *c2s.Certificate { return &c2s.Certificate{} },
	}
	o.C2S.PlaintextLoopback = true
	for _, d := range domains {
		o.Domains = append(o.Domains, jid.MustParse(d))
	}
	return o
}

func newBroker(t *testing.T, db store.DB, domains []string, more ...module.Def) *broker {
	t.Helper()
	return open(t, options(db, domains, more...))
}

func open(t *testing.T, o server.Options) *broker {
	t.Helper()
	b, err := server.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.ServeClients(context.Background(), l, false)
	w := &broker{Broker: b, t: t, addr: l.Addr().String()}
	w.close = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		l.Close()
		b.Close(ctx)
	})
	t.Cleanup(w.close)
	return w
}

// add makes accounts.
func (b *broker) add(bare ...string) {
	b.t.Helper()
	var all []module.NewAccount
	for _, j := range bare {
		all = append(all, module.NewAccount{JID: jid.MustParse(j), Password: password, Kind: module.Person})
	}
	if err := b.Accounts.CreateAll(context.Background(), all, func(int) {}); err != nil {
		b.t.Fatal(err)
	}
}

// client is a bound session.
type client struct {
	t    *testing.T
	conn *transport.TCP
	jid  jid.JID
}

type raw string

func (r raw) AppendXML(dst []byte, _ string) []byte { return append(dst, r...) }

func (c *client) send(format string, args ...any) {
	c.t.Helper()
	if err := c.conn.Write(raw(fmt.Sprintf(format, args...))); err != nil {
		c.t.Fatal(err)
	}
}

// expect waits for an element of that name, passing over presence.
func (c *client) expect(local string) *xmlstream.Element {
	c.t.Helper()
	for {
		kind, err := c.conn.Next()
		if err != nil || kind != xmlstream.Complete {
			c.t.Fatalf("no <%s/> but kind %d, %v", local, kind, err)
		}
		switch el := c.conn.Tokens().Element(); el.Local() {
		case local:
			return el
		case "presence":
		default:
			c.t.Fatalf("got %s, want <%s/>", el, local)
		}
	}
}

func (c *client) open(domain string) {
	c.t.Helper()
	c.send("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='%s' version='1.0'>", domain)
	if kind, err := c.conn.Next(); kind != xmlstream.Header || err != nil {
		c.t.Fatal(kind, err)
	}
	c.expect("features")
}

// login is a session of an account.
func (b *broker) login(bare string) *client {
	b.t.Helper()
	j := jid.MustParse(bare)
	tcp, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { tcp.Close() })
	tcp.SetDeadline(time.Now().Add(20 * time.Second)) // what does not come fails the test
	c := &client{t: b.t, conn: transport.NewTCP(tcp, xmlstream.Limits{})}
	c.open(j.Domain())
	el := stream.SASL("auth", []byte("\x00"+j.Local()+"\x00"+password), xmlstream.A("mechanism", "PLAIN"))
	c.send("%s", el.AppendXML(nil, stanza.Client))
	c.expect("success")
	c.conn.Restart()
	c.open(j.Domain())
	c.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
	c.jid = jid.MustParse(c.expect("iq").Child(stream.NSBind, "bind").ChildText(stream.NSBind, "jid"))
	return c
}

// available says so, and waits until it is.
func (c *client) available() *client {
	c.t.Helper()
	c.send("<presence/>")
	c.ping(c.jid.Domain())
	return c
}

func (c *client) ping(to string) *xmlstream.Element {
	c.t.Helper()
	c.send("<iq type='get' to='%s' id='p'><ping xmlns='urn:xmpp:ping'/></iq>", to)
	return c.expect("iq")
}

// Two domains on one broker share its database and its sessions, and nothing else.
func TestTwoDomains(t *testing.T) {
	b := newBroker(t, newDB(t), []string{"example.org", "example.com"})
	b.add("juliet@example.org", "juliet@example.com", "romeo@example.com")
	org, com, romeo := b.login("juliet@example.org").available(), b.login("juliet@example.com").available(), b.login("romeo@example.com").available()
	for _, domain := range []string{"example.org", "example.com"} {
		if got := romeo.ping(domain); got.Attr("type") != "result" || got.Attr("from") != domain {
			t.Errorf("%s answers %s", domain, got)
		}
	}
	romeo.send("<message to='juliet@example.org' type='chat'><body>org</body></message><message to='juliet@example.com' type='chat'><body>com</body></message>")
	for c, want := range map[*client]string{org: "org", com: "com"} {
		if got := c.expect("message").ChildText(stanza.Client, "body"); got != want {
			t.Errorf("%s got %q", c.jid, got)
		}
	}
	if b.Sessions() != 3 {
		t.Errorf("%d streams", b.Sessions())
	}
	if err := b.Accounts.Remove(t.Context(), jid.MustParse("juliet@example.org")); err != nil {
		t.Fatal(err)
	}
	if got := stream.ParseError(org.expect("error")); got.Condition != stream.NotAuthorized {
		t.Errorf("the removed account's session was told %v", got)
	}
	com.ping("example.com")
	com.send("<message to='juliet@example.org' type='chat' id='1'><body>Where art thou?</body></message>")
	if got := com.expect("message"); stanza.ParseError(got.Child(stanza.Client, "error")).Condition != stanza.ServiceUnavailable {
		t.Errorf("a message to who is gone: %s", got)
	}
}

// Brokers in one process know nothing of each other.
func TestThreeBrokers(t *testing.T) {
	var all []*broker
	var sessions []*client
	for range 3 {
		b := newBroker(t, newDB(t), []string{"example.org"})
		b.add("juliet@example.org")
		all, sessions = append(all, b), append(sessions, b.login("juliet@example.org").available())
	}
	for i, c := range sessions {
		c.send("<message to='%s' id='self'/><message to='%s' id='other'/>", c.jid, sessions[(i+1)%3].jid)
		for _, want := range []string{"self", "other"} {
			got := c.expect("message")
			if got.Attr("id") != want || (got.Attr("type") == "error") != (want == "other") {
				t.Errorf("broker %d: %s", i, got)
			}
		}
	}
	all[0].close()
	if got := stream.ParseError(sessions[0].expect("error")); got.Condition != stream.SystemShutdown {
		t.Errorf("told %v", got)
	}
	for _, c := range sessions[1:] {
		c.ping("example.org")
	}
}

// Close returns when nothing runs any more, and what nobody has got or acknowledged by then is in the database.
func TestCloseLosesNothing(t *testing.T) {
	db := newDB(t)
	b := newBroker(t, db, []string{"example.org"})
	b.add("juliet@example.org", "nurse@example.org", "romeo@example.org")
	romeo := b.login("romeo@example.org")
	live, away := b.login("juliet@example.org").available(), b.login("nurse@example.org").available()
	for _, c := range []*client{live, away} {
		c.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
		c.expect("enabled")
	}
	away.conn.Close()
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprint(i))
		for _, to := range []string{"juliet@example.org", "nurse@example.org"} {
			romeo.send("<message to='%s' type='chat'><body>%d</body></message>", to, i)
		}
	}
	romeo.ping("example.org") // all are handled
	b.close()
	again := newBroker(t, db, []string{"example.org"})
	for _, who := range []string{"juliet@example.org", "nurse@example.org"} {
		c := again.login(who)
		c.send("<presence/>")
		var got []string
		for range want {
			got = append(got, c.expect("message").ChildText(stanza.Client, "body"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", who, got)
		}
	}
}

// feature is one that only works in the background.
func feature(run func(context.Context) error) module.Def {
	return module.Def{Name: "feature", Init: func(*module.Host) (*module.Hooks, error) { return &module.Hooks{Run: run}, nil }}
}

// What a feature does in the background ends with the broker and behind its streams; a failure of it is told.
func TestRun(t *testing.T) {
	broken := errors.New("broken")
	b := newBroker(t, newDB(t), []string{"example.org"}, feature(func(context.Context) error { return broken }))
	if err := <-b.Failed(); !errors.Is(err, broken) {
		t.Errorf("failed: %v", err)
	}
	b.close()

	var streams int
	var second *broker
	started := make(chan struct{})
	second = newBroker(t, newDB(t), []string{"example.org"}, feature(func(ctx context.Context) error {
		close(started)
		<-ctx.Done()
		streams = second.Sessions()
		return ctx.Err() // no failure
	}))
	second.add("juliet@example.org")
	second.login("juliet@example.org")
	<-started
	second.close()
	if streams != 0 {
		t.Errorf("%d streams when the features ended", streams)
	}
	select {
	case err := <-second.Failed():
		t.Errorf("failed: %v", err)
	default:
	}
}

// A broker that cannot begin leaves nothing behind: see TestMain.
func TestOpenFails(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		change func(*server.Options)
		want   string
	}{
		"a feature": {func(o *server.Options) {
			o.Modules = append(o.Modules, module.Def{Name: "feature", Init: func(*module.Host) (*module.Hooks, error) { return nil, broken }})
		}, "feature: broken"},
		"no presence": {func(o *server.Options) { o.Modules = []module.Def{ping.Module()} }, "no feature for presence"},
		"no secret":   {func(o *server.Options) { o.Secret = nil }, "key file"},
		"no database": {func(o *server.Options) { o.DB.Close() }, "schema"},
	} {
		o := options(newDB(t), []string{"example.org"})
		c.change(&o)
		if _, err := server.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
