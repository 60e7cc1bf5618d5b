package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// server is the process that is loaded.
type server struct {
	pid  int
	cmd  *exec.Cmd // nil where it is not ours
	said *tail
	done chan struct{} // closed when cmd has ended
}

// findServer returns the server that is running.
func findServer(proc fs.FS, addr netip.AddrPort, pid int) (*server, error) {
	if pid == 0 {
		var err error
		if pid, err = listening(proc, addr); err != nil {
			return nil, err
		}
	}
	_, err := readUsage(proc, pid)
	return &server{pid: pid}, err
}

const (
	startPatience = 60 * time.Second
	endPatience   = 30 * time.Second
	knock         = 500 * time.Microsecond // between two attempts to connect
)

// start is how a server came up.
type start struct {
	features time.Duration // from exec to the first stream features
	cpu      time.Duration // that was used until then
}

// startServer runs the command and waits for the first stream features.
func startServer(ctx context.Context, r *run) (*server, start, error) {
	if conn, err := r.dialer.tcp(ctx, 0); err == nil {
		conn.Close()
		return nil, start{}, advise("End it, or leave away --command to load what is running.", "something listens at %s already", r.Server)
	}
	s := &server{cmd: exec.Command("/bin/sh", "-c", "exec "+r.Command), said: &tail{}, done: make(chan struct{})}
	own(s.cmd)
	s.cmd.Stdout, s.cmd.Stderr = s.said, s.said
	s.cmd.WaitDelay = time.Second // what it started may hold its output open
	begun := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, start{}, err
	}
	s.pid = s.cmd.Process.Pid
	go func() {
		defer close(s.done)
		s.cmd.Wait()
	}()
	err := s.await(ctx, r)
	up := start{features: time.Since(begun)}
	if err == nil {
		var used usage
		if used, err = readUsage(r.proc, s.pid); err == nil {
			up.cpu = used.since(nil)
		}
	}
	if err != nil {
		return nil, start{}, errors.Join(err, s.end(r.proc))
	}
	return s, up, nil
}

// await knocks until the server sends stream features.
func (s *server) await(ctx context.Context, r *run) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, advise("Does it listen there? Its last words are above.",
		"the server sent no stream features at %s in %s\n%s", r.Server, startPatience, s.said))
	defer cancel()
	for {
		select {
		case <-s.done:
			return advise("It has to stay in the foreground, and not to give its work to another process.", "the command has ended\n%s", s.said)
		default:
		}
		if r.dialer.features(ctx) == nil {
			return nil
		}
		if err := sleep(ctx, knock); err != nil {
			return err
		}
	}
}

// end asks the server to stop, and insists: then also with processes that have left its group, as those that su starts do.
func (s *server) end(proc fs.FS) error {
	signalGroup(s.pid, syscall.SIGTERM)
	late := time.NewTimer(endPatience)
	defer late.Stop()
	select {
	case <-s.done:
		return nil
	case <-late.C:
	}
	members, _ := family(proc, s.pid) // none if it has ended by now
	signalGroup(s.pid, syscall.SIGKILL)
	for _, pid := range members {
		if p, err := os.FindProcess(pid); err == nil {
			p.Kill()
		}
	}
	<-s.done
	return fmt.Errorf("the server did not end in %s and was killed", endPatience)
}

// features connects and waits for stream features.
func (d *dialer) features(ctx context.Context) error {
	conn, err := d.connect(ctx, 0, dialing{})
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := conn.Open(transport.Header{To: d.Domain, Version: "1.0", Content: stanza.Client, Lang: "en"}); err != nil {
		return err
	}
	for range 2 { // header, features
		if _, err := conn.Next(); err != nil {
			return err
		}
	}
	if name := conn.Tokens().Name(); name != (xmlstream.Name{Space: transport.NSStream, Local: "features"}) {
		return fmt.Errorf("the server sent <%s/> for stream features", name.Local)
	}
	return conn.End()
}

// tail keeps the end of what a program says.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 4 << 10

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - tailSize; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

// String returns it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}
