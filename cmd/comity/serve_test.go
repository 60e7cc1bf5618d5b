package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// broker is one that runs in this process.
type broker struct {
	events  map[string]event // by listener, and "ready"
	signals chan os.Signal
	code    chan exitCode
	log     *watched
}

// serve runs a broker until the test ends, or ends it.
func serve(t *testing.T, args ...string) *broker {
	t.Helper()
	out, w := io.Pipe()
	b := &broker{events: map[string]event{}, signals: make(chan os.Signal), code: make(chan exitCode, 1), log: newWatched()}
	e := &env{stdin: strings.NewReader(""), stdout: w, stderr: b.log, signals: b.signals}
	go func() {
		b.code <- run(context.Background(), e, append([]string{"serve", "--json"}, args...))
		w.Close()
	}()
	lines := json.NewDecoder(out)
	for b.events["ready"].Event == "" {
		var ev event
		if err := lines.Decode(&ev); err != nil {
			t.Fatalf("not ready: code %d\n%s", <-b.code, b.log)
		}
		if ev.Event == "ready" {
			ev.Listener = "ready"
		}
		b.events[ev.Listener] = ev
	}
	t.Cleanup(func() { b.end(t) })
	return b
}

// end stops the broker in good order.
func (b *broker) end(t *testing.T) {
	t.Helper()
	if b.signals == nil {
		return
	}
	b.signals <- syscall.SIGTERM
	if code := <-b.code; code != done {
		t.Errorf("code %d\n%s", code, b.log)
	}
	b.signals = nil
}

// addr is where a listener is.
func (b *broker) addr(listener string) string { return b.events[listener].Address }

// watched is a log that tests can wait for.
type watched struct {
	mu   sync.Mutex
	cond *sync.Cond
	text bytes.Buffer
}

func newWatched() *watched {
	w := &watched{}
	w.cond = sync.NewCond(&w.mu)
	return w
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.cond.Broadcast()
	return w.text.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// wait returns the line that has want in it, and forgets all up to it.
func (w *watched) wait(want string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		before, after, ok := strings.Cut(w.text.String(), want)
		if ok {
			rest, _, _ := strings.Cut(after, "\n")
			w.text.Next(len(before) + len(want) + len(rest))
			return before[strings.LastIndex(before, "\n")+1:] + want + rest
		}
		w.cond.Wait()
	}
}

// trusting makes a client's TLS that trusts the broker's own authority.
func (b *broker) trusting(t *testing.T, protocols ...string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(b.events["ready"].Trust)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots, ServerName: "example.org", NextProtos: protocols}
}

const header = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>"

// readUntil reads from a stream until it has seen want.
func readUntil(t *testing.T, r *bufio.Reader, want string) string {
	t.Helper()
	var seen strings.Builder
	for !strings.Contains(seen.String(), want) {
		part, err := r.ReadString('>')
		seen.WriteString(part)
		if err != nil {
			t.Fatalf("%v, without %s in %s", err, want, seen.String())
		}
	}
	return seen.String()
}

// startTLS opens a stream and turns on TLS.
func startTLS(t *testing.T, addr string, config *tls.Config) (*tls.Conn, error) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	r := bufio.NewReader(c)
	io.WriteString(c, header)
	readUntil(t, r, "</stream:features>")
	io.WriteString(c, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	readUntil(t, r, "<proceed")
	secure := tls.Client(c, config)
	return secure, secure.Handshake()
}

func TestServeTLS(t *testing.T) {
	b := serve(t, "--domain", "example.org", "--data", t.TempDir(), "--c2s", "127.0.0.1:0", "--c2s-tls", "127.0.0.1:0", "--c2s-tls", "[::1]:0")
	direct := func(config *tls.Config) (*tls.Conn, error) { return tls.Dial("tcp", b.addr("c2s-tls"), config) }
	upgraded := func(config *tls.Config) (*tls.Conn, error) { return startTLS(t, b.addr("c2s"), config) }
	old := b.trusting(t)
	old.MaxVersion = tls.VersionTLS11
	old.MinVersion = tls.VersionTLS10
	weak := b.trusting(t)
	weak.MaxVersion = tls.VersionTLS12
	weak.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	for _, c := range []struct {
		name   string
		dial   func(*tls.Config) (*tls.Conn, error)
		config *tls.Config
		ok     bool
		alpn   string
	}{
		{"direct", direct, b.trusting(t), true, ""},
		{"direct, naming the protocol", direct, b.trusting(t, "xmpp-client"), true, "xmpp-client"},
		{"direct, another protocol", direct, b.trusting(t, "http/1.1"), false, ""},
		{"direct, TLS 1.1", direct, old, false, ""},
		{"direct, without authenticated encryption", direct, weak, false, ""},
		{"starttls", upgraded, b.trusting(t), true, ""},
		{"starttls, naming the protocol", upgraded, b.trusting(t, "xmpp-client"), true, ""},
		{"starttls, another protocol", upgraded, b.trusting(t, "http/1.1"), true, ""},
		{"starttls, TLS 1.1", upgraded, old, false, ""},
	} {
		conn, err := c.dial(c.config)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err != nil {
			continue
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != c.alpn {
			t.Errorf("%s: protocol %q, want %q", c.name, got, c.alpn)
		}
		r := bufio.NewReader(conn)
		io.WriteString(conn, header)
		if features := readUntil(t, r, "</stream:features>"); !strings.Contains(features, "SCRAM-SHA-256") {
			t.Errorf("%s: %s", c.name, features)
		}
		conn.Close()
	}
}

// A second connection is cheaper: it resumes the session of the first. RFC 9325 §3.4
func TestSessionTickets(t *testing.T) {
	b := serve(t, "--domain", "example.org", "--data", t.TempDir(), "--c2s-tls", "127.0.0.1:0")
	config := b.trusting(t, "xmpp-client")
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for _, again := range []bool{false, true} {
		c, err := tls.Dial("tcp", b.addr("c2s-tls"), config)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, header)
		readUntil(t, bufio.NewReader(c), "</stream:features>") // the ticket came before
		if c.ConnectionState().DidResume != again {
			t.Errorf("again %v, resumed %v", again, !again)
		}
		c.Close()
	}
}

// With a flag that names a listener only those named open.
func TestListeners(t *testing.T) {
	b := serve(t, "--domain", "example.org", "--data", t.TempDir(), "--c2s", "127.0.0.1:0", "--c2s", "[::1]:0")
	if len(b.events) != 2 {
		t.Errorf("got %+v", b.events)
	}
	if _, port, _ := net.SplitHostPort(b.addr("c2s")); port == "0" || port == "" {
		t.Errorf("listening at %q", b.addr("c2s"))
	}
	taken := comity(t, "serve", "--domain", "example.org", "--data", t.TempDir(), "--c2s", b.addr("c2s"))
	if taken.code != failed || !strings.Contains(taken.err, "Another program has this port") {
		t.Errorf("code %d: %s", taken.code, taken.err)
	}
	if o := comity(t, "serve", "--domain", "example.org", "--data", t.TempDir(), "--c2s", "nowhere"); o.code != failed ||
		!strings.Contains(o.err, "127.0.0.1:5222") {
		t.Errorf("code %d: %s", o.code, o.err)
	}
}

// People read the same as programs, "ready" last.
func TestAnnounce(t *testing.T) {
	out, w := io.Pipe()
	signals, code := make(chan os.Signal), make(chan exitCode, 1)
	e := &env{stdin: strings.NewReader(""), stdout: w, stderr: newWatched(), signals: signals}
	data := t.TempDir()
	go func() {
		code <- run(context.Background(), e, []string{"serve", "--domain", "example.org", "--data", data, "--c2s", "127.0.0.1:0"})
	}()
	r := bufio.NewReader(out)
	for _, want := range []string{"listening  c2s      127.0.0.1:", "trust      " + data + "/ca.pem", "data       " + data, "ready      example.org\n"} {
		if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, want) {
			t.Errorf("got %q, want %q", line, want)
		}
	}
	signals <- os.Interrupt
	if c := <-code; c != done {
		t.Errorf("code %d", c)
	}
}

func TestTwoBrokers(t *testing.T) {
	data := t.TempDir()
	first := serve(t, "--domain", "example.org", "--data", data, "--c2s", "127.0.0.1:0")
	second := func(more ...string) outcome {
		return comity(t, append([]string{"serve", "--domain", "example.org", "--data", data, "--c2s", "127.0.0.1:0"}, more...)...)
	}
	for _, o := range []outcome{second(), second("--ephemeral")} {
		if o.code != refused || !strings.Contains(o.err, "another broker is running on "+data) || !strings.Contains(o.err, "--data") {
			t.Errorf("code %d: %s", o.code, o.err)
		}
	}
	must(t, "account", "add", "a@example.org", "--generate", "--data", data) // the first is as it was
	os.Remove(filepath.Join(data, "control.sock"))
	if o := second(); o.code != failed || !strings.Contains(o.err, "in use by process") {
		t.Errorf("code %d: %s", o.code, o.err)
	}
	first.end(t)
}

func TestEphemeral(t *testing.T) {
	b := serve(t, "--domain", "example.org", "--ephemeral", "--c2s", "127.0.0.1:0")
	data := b.events["ready"].Data
	must(t, "account", "add", "a@example.org", "--generate", "--data", data)
	b.end(t)
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there: %v", data, err)
	}
	kept := t.TempDir()
	b = serve(t, "--domain", "example.org", "--ephemeral", "--data", kept, "--c2s", "127.0.0.1:0")
	must(t, "account", "add", "a@example.org", "--generate", "--data", kept)
	b.end(t)
	if _, err := os.Stat(filepath.Join(kept, databaseFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a database was kept: %v", err)
	}
}

// SIGHUP puts another certificate and log level in force, and keeps what is where the new is of no use.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "local-cert.pem"), filepath.Join(dir, "local-cert.key")
	issue := func() {
		t.Helper()
		for _, old := range []string{cert, key} {
			os.Remove(old)
		}
		a, err := newLocalAuthority(dir, mustDomains(t, "example.org"), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.ensure(); err != nil {
			t.Fatal(err)
		}
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "comity.toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	issue()
	const text = "[broker]\ndomains = ['example.org']\ndata = 'data'\ncert = 'local-cert.pem'\nkey = 'local-cert.key'\n"
	write(text)
	b := serve(t, "--config", filepath.Join(dir, "comity.toml"), "--c2s-tls", "127.0.0.1:0")
	serial := func() string {
		t.Helper()
		c, err := tls.Dial("tcp", b.addr("c2s-tls"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()

	issue()
	if serial() != first {
		t.Error("a new certificate without SIGHUP")
	}
	b.signals <- syscall.SIGHUP
	b.log.wait("certificate read again")
	second := serial()
	if second == first {
		t.Error("the same certificate after SIGHUP")
	}

	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.signals <- syscall.SIGHUP
	b.log.wait("certificate not read again")
	if serial() != second {
		t.Error("a certificate that cannot be read is in force")
	}

	issue()
	write(text + "log_level = 'debug'\nshutdown = '1s'\n")
	b.signals <- syscall.SIGHUP
	if line := b.log.wait("need a restart"); !strings.HasSuffix(line, "settings=[broker.shutdown]") {
		t.Errorf("got %s", line)
	}
	must(t, "account", "list", "--data", filepath.Join(dir, "data"))
	b.log.wait("level=DEBUG msg=command op=list")

	write("[broker\n")
	b.signals <- syscall.SIGHUP
	b.log.wait("settings not read again")
	serial()
}

// Another signal to stop does not wait for clients, and nothing waits for ever.
func TestStopAtOnce(t *testing.T) {
	for _, hurry := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s, err := newSettings()
			if err != nil {
				t.Fatal(err)
			}
			release := make(chan struct{})
			r := &running{settings: s, log: slog.New(slog.DiscardHandler)}
			r.undo = append(r.undo, func(context.Context) error { <-release; return nil })
			signals := make(chan os.Signal, 2)
			signals <- syscall.SIGHUP // not a signal to stop
			if hurry {
				signals <- syscall.SIGTERM
			}
			begun := time.Now()
			if err := r.stop(signals); !errors.Is(err, errHurried) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(begun); hurry && took != 0 || took > s.broker.Shutdown+5*time.Second {
				t.Errorf("took %s", took)
			}
			close(release)
		})
	}
}
