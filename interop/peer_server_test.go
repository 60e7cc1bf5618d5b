//go:build interop

package interop

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	script "github.com/comity-iot/comity/spec/transcript"
	"github.com/comity-iot/comity/xep/register"
	"github.com/comity-iot/comity/xep/signing"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// peerDomain is whom the servers of others serve in these tests.
const peerDomain = "example.org"

// peerServer is a server that nobody here wrote, on the loopback interface. It lets anybody register.
type peerServer struct {
	*process
	folder string // its own: settings, data
	pem    string // file of its key and certificate
	port   int    // for clients
	tls    *tls.Config
}

// newPeerServer makes all that a server needs before it is started.
func newPeerServer(t *testing.T) *peerServer {
	t.Helper()
	s := &peerServer{folder: t.TempDir(), port: freePort(t)}
	cert, text := selfSigned(t)
	s.pem = s.write(t, "server.pem", text)
	s.tls = &tls.Config{RootCAs: x509.NewCertPool()}
	s.tls.RootCAs.AddCert(cert)
	return s
}

// freePort returns a port of the loopback interface that nobody listens at. It is none of those that Linux gives to connections,
// of which some begin before the server takes it.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		n := 20000 + mathrand.IntN(12000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", n)); err == nil {
			l.Close()
			return n
		}
	}
	t.Fatal("no free port")
	return 0
}

// write makes a file in the server's folder and returns its path.
func (s *peerServer) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(s.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve starts the server and waits until it says that it listens. It ends with the test, and all that it started.
func (s *peerServer) serve(t *testing.T, name, listens string, env []string, program string, args ...string) {
	t.Helper()
	s.process = start(t, name, env, program, args...)
	t.Cleanup(func() { s.stop(t) })
	s.expect(t, "listener", has(fmt.Sprintf("%s:%d", listens, s.port)))
}

// stop ends the server as an operator does.
func (s *peerServer) stop(t *testing.T) {
	t.Helper()
	started := children(s.cmd.Process.Pid)
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Errorf("%s does not stop", s.name)
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for late := time.Now().Add(patience); len(started) > 0; <-again.C {
		if state, _ := stat(started[0]); state == "" || state == "Z" {
			started = started[1:]
		} else if time.Now().After(late) {
			t.Errorf("%s left process %d running", s.name, started[0])
			syscall.Kill(started[0], syscall.SIGKILL)
		}
	}
}

// children are the processes that a process has started, and those that they have.
func children(of int) []int {
	var all []int
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if _, parent := stat(pid); err == nil && parent == of {
			all = append(append(all, pid), children(pid)...)
		}
	}
	return all
}

// stat returns the state of a process, empty where there is none, and its parent. proc(5)
func stat(pid int) (state string, parent int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	fmt.Sscan(rest, &state, &parent)
	return state, parent
}

func (s *peerServer) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
}

// unused returns a name that no account has, and a password.
func unused(_ context.Context, name string) (jid.JID, string, error) {
	bare, err := jid.New(name+"-"+strings.ToLower(rand.Text()[:8]), peerDomain, "")
	return bare, rand.Text(), err
}

// account makes an account as anybody can: by a login that fails, and in-band registration.
func (s *peerServer) account(ctx context.Context, name string) (jid.JID, string, error) {
	bare, password, err := unused(ctx, name)
	if err != nil {
		return bare, "", err
	}
	c, err := s.dial(ctx)
	if err != nil {
		return bare, "", err
	}
	defer c.Close()
	conn := transport.NewTCP(c, xmlstream.Limits{})
	_, err = stream.Initiator{
		JID: bare, Password: password, TLS: s.tls,
		Register: func(ctx context.Context, r stanza.Requester) error {
			return register.Create(ctx, r, signing.Key{}, bare.Local(), password)
		},
	}.Negotiate(ctx, conn)
	if err != nil {
		return bare, "", err
	}
	return bare, password, conn.End()
}

// play plays the transcripts, of which so many have to pass at least.
func (s *peerServer) play(t *testing.T, fewest int, deviations map[string]string) {
	t.Helper()
	files, err := script.Load("../spec/transcripts")
	if err != nil {
		t.Fatal(err)
	}
	report := script.Suite(t, files, &script.Peer{
		Domain: peerDomain, TLS: s.tls, Dial: s.dial, Account: s.account, Unused: unused, Deviations: deviations,
	})
	t.Log(report)
	if len(report.Ran) < fewest {
		t.Errorf("%d transcripts ran, and there were %d once", len(report.Ran), fewest)
	}
}
