//go:build interop

package interop

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a program that a test runs.
type process struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *transcript // standard output
	log   *transcript // standard error
	ended chan struct{}
	err   error // of its end
}

// start runs a program until the test ends, when it is killed by its process id. What it wrote is shown if the test fails. More of
// the environment is given as "KEY=value".
func start(t *testing.T, name string, env []string, program string, args ...string) *process {
	t.Helper()
	p := &process{
		name: name, cmd: exec.Command(program, args...),
		out: newTranscript(), log: newTranscript(), ended: make(chan struct{}),
	}
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	p.cmd.WaitDelay = time.Second                                        // for those that its children hold open
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // a test run that is killed leaves nothing behind
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		p.out.end()
		p.log.end()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("%s (%s) wrote:\n%s%s", name, p.cmd, p.out.tail(), p.log.tail())
		}
	})
	return p
}

// wait waits for the program's own end and fails the test where that is an error.
func (p *process) wait(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("%s did not end", p.name)
	}
	if p.err != nil {
		t.Fatalf("%s: %v", p.name, p.err)
	}
}

// expect takes the first line of the standard output that fits, of those that were not taken yet, and waits for it.
func (p *process) expect(t *testing.T, what string, fits func(line string) bool) string {
	t.Helper()
	line, err := p.out.take(patience, fits)
	if err != nil {
		t.Fatalf("%s: no %s: %v", p.name, what, err)
	}
	return line
}

// transcript is what a program has written so far, by lines.
type transcript struct {
	mu    sync.Mutex
	part  []byte // of a line
	all   []string
	left  []string // not taken
	ended bool
	more  chan struct{} // closed when there is more
}

func newTranscript() *transcript { return &transcript{more: make(chan struct{})} }

// Write implements io.Writer.
func (tr *transcript) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.part = append(tr.part, p...)
	for {
		line, rest, ok := strings.Cut(string(tr.part), "\n")
		if !ok {
			break
		}
		tr.all, tr.left = append(tr.all, line), append(tr.left, line)
		tr.part = []byte(rest)
	}
	tr.wake()
	return len(p), nil
}

func (tr *transcript) end() {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.ended = true
	tr.wake()
}

func (tr *transcript) wake() {
	close(tr.more)
	tr.more = make(chan struct{})
}

// take waits for the first line that fits, and takes it out of those that later calls see.
func (tr *transcript) take(within time.Duration, fits func(line string) bool) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for {
		tr.mu.Lock()
		at := slices.IndexFunc(tr.left, fits)
		if at >= 0 {
			line := tr.left[at]
			tr.left = slices.Delete(tr.left, at, at+1)
			tr.mu.Unlock()
			return line, nil
		}
		ended, more := tr.ended, tr.more
		tr.mu.Unlock()
		if ended {
			return "", errors.New("it has ended")
		}
		select {
		case <-more:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// lines returns all that was written, taken or not.
func (tr *transcript) lines() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.Clone(tr.all)
}

// tail is the end of all that was written.
func (tr *transcript) tail() string {
	all := tr.lines()
	const most = 80
	if len(all) > most {
		all = append([]string{"…"}, all[len(all)-most:]...)
	}
	return strings.Join(append(all, ""), "\n")
}

// has returns whether a line holds all the parts.
func has(parts ...string) func(line string) bool {
	return func(line string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) })
	}
}
