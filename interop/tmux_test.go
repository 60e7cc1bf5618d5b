//go:build interop

package interop

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// terminal is a screen with a program on it, for programs that only people use. It is a server of tmux for itself alone.
type terminal struct {
	*process
	tmux   string
	socket string
	pid    int // of the program
}

// onScreen starts a program on a screen. Both end with the test. More of the environment is given as "KEY=value".
func onScreen(t *testing.T, name string, env []string, program ...string) *terminal {
	t.Helper()
	s := &terminal{tmux: installed(t, "tmux"), socket: filepath.Join(t.TempDir(), "tmux")}
	env = append(env, "TERM=screen-256color", "LANG=C.UTF-8", "LC_ALL=C.UTF-8")
	s.process = start(t, name, env, s.tmux, "-D", "-u", "-S", s.socket, "-f", "/dev/null")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s shows:\n%s", name, s.shows(t))
		}
		if s.pid == 0 {
			return
		}
		// The server, whose child it is, takes note of its end before it is ended itself. It misses the signal that says so
		// while it writes to the list of logins, and is told again.
		s.poll(t, "end of the program", func() bool {
			gone := syscall.Kill(s.pid, syscall.SIGKILL) == syscall.ESRCH
			s.cmd.Process.Signal(syscall.SIGCHLD)
			return gone
		})
	})
	show := append([]string{"new-session", "-d", "-x", "160", "-y", "50", "-P", "-F", "#{pane_pid}"}, program...)
	s.poll(t, "terminal", func() bool { // which fails until the server listens
		out, err := s.command(show...)
		if err != nil {
			return false
		}
		s.pid, err = strconv.Atoi(strings.TrimSpace(out))
		return err == nil
	})
	return s
}

// command asks the server to do something. It never starts another one (-N).
func (s *terminal) command(args ...string) (string, error) {
	out, err := exec.Command(s.tmux, append([]string{"-N", "-S", s.socket}, args...)...).CombinedOutput()
	return string(out), err
}

// shows returns what is on the screen now.
func (s *terminal) shows(t *testing.T) string {
	t.Helper()
	out, err := s.command("capture-pane", "-p", "-J")
	if err != nil {
		t.Errorf("%s: %v %s", s.name, err, out)
	}
	return strings.Trim(out, "\n")
}

// types writes a line, as on a keyboard.
func (s *terminal) types(t *testing.T, line string) {
	t.Helper()
	if out, err := s.command("send-keys", "-l", line, ";", "send-keys", "Enter"); err != nil {
		t.Fatalf("%s: %v %s", s.name, err, out)
	}
}

// sees waits until the screen has a text.
func (s *terminal) sees(t *testing.T, text string) {
	t.Helper()
	s.poll(t, text, func() bool { return strings.Contains(s.shows(t), text) })
}

// poll looks at what nothing tells of, several times a second.
func (s *terminal) poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	const often = 50 * time.Millisecond
	again := time.NewTicker(often)
	defer again.Stop()
	late := time.After(patience)
	for !done() {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("%s: waited in vain for %q", s.name, what)
		}
	}
}
