package docs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is for one command.
const patience = 30 * time.Second

// shell runs the commands of one page in a folder of its own.
type shell struct {
	t      *testing.T
	folder string
	env    []string
	ports  map[string]string // those that the page names, and where what it started really listens
	stop   []func()          // what goes on in the background
}

func newShell(t *testing.T) *shell {
	folder := t.TempDir()
	s := &shell{t: t, folder: folder, ports: map[string]string{"5222": "0", "5223": "0"}, env: []string{
		"PATH=" + programs + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + folder, "LC_ALL=C.UTF-8",
		// The default ports may be taken on this machine.
		"COMITY_C2S_LISTEN=127.0.0.1:0", "COMITY_C2S_LISTEN_TLS=127.0.0.1:0",
	}}
	t.Cleanup(s.stopAll)
	return s
}

// stopAll tells what goes on in the background to stop, last first.
func (s *shell) stopAll() {
	for i := len(s.stop) - 1; i >= 0; i-- {
		s.stop[i]()
	}
	s.stop = nil
}

// run runs a block and fails the test where it does not do what the page says.
func (s *shell) run(b block) error {
	if b.notes.stopped {
		s.stopAll()
	}
	steps, err := b.steps()
	if err != nil {
		return err
	}
	for _, step := range steps {
		script, err := translate(step.command)
		if err != nil {
			return err
		}
		var output string
		if b.notes.background {
			output, err = s.start(script, b.notes.ready)
		} else {
			output, err = s.finish(script, b.notes.exit)
		}
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.TrimSpace(step.command), err, output)
		}
		if step.output != nil {
			words, ok := match(step.output, output)
			if !ok {
				return fmt.Errorf("%s\nprints\n%s", step.command, output)
			}
			for name, value := range words {
				s.env = append(s.env, name+"="+value)
			}
		}
		for _, want := range b.notes.expect {
			if !strings.Contains(output, want) {
				return fmt.Errorf("%s\nprints no %q:\n%s", step.command, want, output)
			}
		}
	}
	return nil
}

func (s *shell) command(ctx context.Context, script string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", script)
	cmd.Dir, cmd.Env = s.folder, s.env
	return cmd
}

// finish runs a script to its end.
func (s *shell) finish(script string, exit int) (string, error) {
	script = s.place(script)
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := s.command(ctx, script)
	output, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() == exit || err == nil && exit == 0 {
		return string(output), nil
	}
	return string(output), fmt.Errorf("ends with %v, not with %d", exitOf(err), exit)
}

func exitOf(err error) any {
	if err == nil {
		return 0
	}
	return err
}

// listening is what a broker says of a port.
var listening = regexp.MustCompile(`^listening +(\S+) +\S*:(\d+) `)

// defaultPorts are those that the pages name.
var defaultPorts = map[string]string{"c2s": "5222", "c2s-tls": "5223"}

// place puts the ports in that are in use, and free ones for those that are not yet.
func (s *shell) place(script string) string {
	for _, port := range defaultPorts {
		script = strings.ReplaceAll(script, ":"+port, ":"+s.ports[port])
	}
	return script
}

// start runs a script until the line that says it is ready. It is stopped at the end of the page, and then must end well.
func (s *shell) start(script, ready string) (string, error) {
	script = s.place(script)
	script = strings.TrimSpace(script)
	last := strings.LastIndex(script, "\n") + 1 // what comes before it makes ready
	cmd := s.command(context.Background(), script[:last]+"exec env "+script[last:])
	out, in, err := os.Pipe()
	if err != nil {
		return "", err
	}
	cmd.Stdout, cmd.Stderr = in, in
	err = cmd.Start()
	in.Close() // the program has its own
	if err != nil {
		out.Close()
		return "", err
	}
	out.SetReadDeadline(time.Now().Add(patience))
	var printed strings.Builder
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		printed.WriteString(line)
		if m := listening.FindStringSubmatch(line); m != nil && defaultPorts[m[1]] != "" {
			s.ports[defaultPorts[m[1]]] = m[2]
		}
		if err != nil {
			out.Close()
			cmd.Process.Kill()
			cmd.Wait()
			return printed.String(), fmt.Errorf("is not ready: %w", err)
		}
		if strings.HasPrefix(line, ready) {
			out.SetReadDeadline(time.Time{})
			var rest sync.WaitGroup
			rest.Go(func() { io.Copy(io.Discard, lines); out.Close() })
			s.stop = append(s.stop, func() {
				s.end(cmd, script)
				rest.Wait()
			})
			return printed.String(), nil
		}
	}
}

// end stops a program that was started, which then must end well.
func (s *shell) end(cmd *exec.Cmd, script string) {
	late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		s.t.Errorf("%s, told to stop: %v", strings.TrimSpace(script), err)
	}
}

// build makes the programs that the pages run.
func build(folder string) error {
	cmd := exec.Command("go", "build", "-o", folder+string(filepath.Separator), "./cmd/comity", "./examples/...")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(out))
	}
	return nil
}
