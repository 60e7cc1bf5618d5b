//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience bounds each wait for something that a real peer has to do. A wait that succeeds is over at once.
const patience = 30 * time.Second

// programs are what this project builds for its tests, made once a run.
var programs struct{ comity, lamp string }

func TestMain(m *testing.M) {
	code, err := build(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		code = 1
	}
	os.Exit(code)
}

func build(m *testing.M) (int, error) {
	folder, err := os.MkdirTemp("", "interop-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	programs.comity, programs.lamp = filepath.Join(folder, "comity"), filepath.Join(folder, "lamp")
	cmd := exec.Command("go", "build", "-o", folder, "../cmd/comity", "../examples/lamp")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("go build: %w", err)
	}
	return m.Run(), nil
}

// installed returns the path of a program that a test needs, and fails the test without it.
func installed(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is not installed, so this was not tested: make interop-install (%v)", program, err)
	}
	return path
}
