package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// child is a broker in a process of its own.
type child struct {
	cmd  *exec.Cmd
	addr string
	log  *watched
}

func spawn(t *testing.T, args ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0], append([]string{"serve", "--json"}, args...)...), log: newWatched()}
	c.cmd.Env = []string{asComity + "=1"}
	c.cmd.Stderr = c.log
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.cmd.Process.Kill(); c.cmd.Wait() })
	for lines := json.NewDecoder(out); ; {
		var ev event
		if err := lines.Decode(&ev); err != nil {
			t.Fatalf("not ready: %v\n%s", err, c.log)
		}
		if ev.Event == "listening" {
			c.addr = ev.Address
		}
		if ev.Event == "ready" {
			return c
		}
	}
}

// end sends a signal and returns the code that the process exits with, -1 where a signal ended it.
func (c *child) end(t *testing.T, s os.Signal) int {
	t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	c.cmd.Wait()
	return c.cmd.ProcessState.ExitCode()
}

// login gives a stream with a bound resource.
func login(t *testing.T, addr, name, password string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	r := bufio.NewReader(c)
	say := func(text, until string) {
		t.Helper()
		io.WriteString(c, text)
		readUntil(t, r, until)
	}
	say(header, "</stream:features>")
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + name + "\x00" + password))
	say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"+plain+"</auth>", "<success")
	say(header, "</stream:features>")
	say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "</iq>")
	return c, r
}

func serveArgs(data string) []string {
	return []string{"--domain", "example.org", "--data", data, "--c2s", "127.0.0.1:0", "--set", "c2s.plaintext_loopback=true"}
}

// SIGTERM ends streams with a word to their clients, RFC 6120 §4.9.3.20, and leaves nothing behind but data.
func TestTerminate(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	c := spawn(t, serveArgs(data)...)
	must(t, "account", "add", "alice@example.org", "--password", "wonderland", "--data", data)
	_, r := login(t, c.addr, "alice", "wonderland")
	if code := c.end(t, syscall.SIGTERM); code != int(done) {
		t.Errorf("code %d\n%s", code, c.log)
	}
	if last := readUntil(t, r, "</stream:stream>"); !strings.Contains(last, "<system-shutdown") {
		t.Errorf("the last word is %s", last)
	}
	left := map[string]bool{}
	files, err := os.ReadDir(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		left[f.Name()] = true
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", f.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
	for _, want := range []string{databaseFile, secretFile, authorityFile, authorityKeyFile, localCertFile, localKeyFile} {
		if !left[want] {
			t.Errorf("%s is not there", want)
		}
	}
	if left["control.sock"] {
		t.Error("the socket is still there")
	}
}

// kill -9 leaves nothing that stops the next start, and what was acknowledged is there.
func TestKill(t *testing.T) {
	data := t.TempDir()
	c := spawn(t, serveArgs(data)...)
	must(t, "account", "add", "alice@example.org", "--password", "wonderland", "--data", data)
	c.end(t, syscall.SIGKILL)
	if _, err := os.Stat(filepath.Join(data, "control.sock")); err != nil {
		t.Fatalf("the socket of a killed broker: %v", err)
	}
	if o := must(t, "account", "list", "--data", data); !strings.Contains(o.out, "alice@example.org") {
		t.Errorf("got %s", o.out)
	}
	c = spawn(t, serveArgs(data)...)
	login(t, c.addr, "alice", "wonderland")
	if code := c.end(t, syscall.SIGTERM); code != int(done) {
		t.Errorf("code %d\n%s", code, c.log)
	}
}

// A reload by signal, as an operator does it.
func TestHangup(t *testing.T) {
	c := spawn(t, serveArgs(t.TempDir())...)
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	c.log.wait("certificate read again")
	if code := c.end(t, syscall.SIGINT); code != int(done) {
		t.Errorf("code %d\n%s", code, c.log)
	}
}

// A log that nobody reads any more does not end the broker.
func TestLogGone(t *testing.T) {
	data := t.TempDir()
	cmd := exec.Command(os.Args[0], append([]string{"serve"}, serveArgs(data)...)...)
	cmd.Env = []string{asComity + "=1"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	readUntilLine(t, bufio.NewReader(out), "ready")
	out.Close()
	log.Close()
	must(t, "account", "add", "alice@example.org", "--generate", "--data", data) // is logged
	must(t, "account", "list", "--data", data)
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func readUntilLine(t *testing.T, r *bufio.Reader, prefix string) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, prefix) {
			return
		}
	}
}
