//go:build interop

package interop

import (
	"encoding/json"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// domain is whom the brokers of these tests serve.
const domain = "localhost"

// broker is a running comity.
type broker struct {
	*process
	data     string // folder
	trust    string // file of the authority that clients trust
	starttls int    // port
	direct   int    // port where TLS comes first
}

// password returns what an account of the tests logs in with.
func password(account string) string { return "pass word of " + account }

// serve makes accounts, person@localhost for each name, and runs a broker. Its end, at the end of the test, has to be orderly, and
// its log free of errors: whatever real clients do is no error of the broker.
func serve(t *testing.T, accounts []string, flags ...string) *broker {
	t.Helper()
	b := &broker{data: filepath.Join(t.TempDir(), "data")}
	var file strings.Builder
	for _, name := range accounts {
		file.WriteString(name + "@" + domain + " " + password(name) + "\n")
	}
	b.command(t, file.String(), "account", "add", "--from", "-")
	flags = append([]string{
		"serve", "--json", "--domain", domain, "--data", b.data, "--log-level", "debug",
		"--c2s", "127.0.0.1:0", "--c2s-tls", "127.0.0.1:0",
	}, flags...)
	b.process = start(t, "broker", nil, programs.comity, flags...)
	t.Cleanup(func() { b.stop(t) })
	for {
		var said struct{ Event, Listener, Address, Trust string }
		if err := json.Unmarshal([]byte(b.expect(t, "announcement", has("event"))), &said); err != nil {
			t.Fatal(err)
		}
		switch {
		case said.Listener == "c2s":
			b.starttls = port(t, said.Address)
		case said.Listener == "c2s-tls":
			b.direct = port(t, said.Address)
		case said.Event == "ready":
			b.trust = said.Trust
			return b
		}
	}
}

func port(t *testing.T, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// command runs a command of comity on the broker's data and returns what it printed.
func (b *broker) command(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(programs.comity, append(args, "--data", b.data)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("comity %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// loggedIn waits until the broker has logged that an account logged in, and returns the SASL mechanism.
func (b *broker) loggedIn(t *testing.T, account string) string {
	t.Helper()
	line, err := b.log.take(patience, has(`msg="logged in"`, "account="+account+"@"+domain+" "))
	if err != nil {
		t.Fatalf("the broker has not logged that %s logged in: %v", account, err)
	}
	for field := range strings.FieldsSeq(line) {
		if mechanism, ok := strings.CutPrefix(field, "mechanism="); ok {
			return mechanism
		}
	}
	t.Fatalf("no mechanism in %s", line)
	return ""
}

// stop ends the broker as an operator does.
func (b *broker) stop(t *testing.T) {
	t.Helper()
	b.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-b.ended:
	case <-time.After(patience):
		t.Error("the broker does not stop")
		return
	}
	if b.err != nil {
		t.Errorf("the broker ended: %v", b.err)
	}
	for _, line := range b.log.lines() {
		if !strings.HasPrefix(line, "time=") || slices.ContainsFunc([]string{"level=ERROR", "level=WARN"}, has1(line)) {
			t.Errorf("the broker logged: %s", line)
		}
	}
}

func has1(line string) func(part string) bool {
	return func(part string) bool { return strings.Contains(line, part) }
}
