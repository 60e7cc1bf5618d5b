// Package machine makes a thing of the machine that the program runs on: what it is, and how it is doing. On Linux it reads /proc
// and /sys: load, memory, disk, how long it runs, and all temperatures that its sensors have. Elsewhere it says what it cannot read.
//
//	m := machine.This()
//	t := thing.New(m.About())
//	missing := m.Declare(t)
//
// Missing: systems other than Linux, networks, and parameters: nothing can be set.
package machine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/thing"
)

// Machine is one machine.
type Machine struct {
	root fs.FS                                  // its files
	disk func() (free, total uint64, err error) // bytes of the file system that has the root
	host string
}

// This returns the machine that the program runs on.
func This() *Machine {
	host, err := os.Hostname()
	if err != nil {
		host = "machine"
	}
	return &Machine{root: os.DirFS("/"), disk: rootDisk, host: host}
}

// maxLine bounds what is read of a file that should have one line.
const maxLine = 120

// line returns the first line of a file, "" if there is none. Some end with a zero byte.
func (m *Machine) line(path string) string {
	data, err := fs.ReadFile(m.root, path)
	if err != nil {
		return ""
	}
	data, _, _ = bytes.Cut(data, []byte("\n"))
	text := strings.TrimSpace(strings.ToValidUTF8(string(bytes.TrimRight(data, "\x00")), ""))
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "")
	}
	return text
}

// About says which machine it is: by its maker and model, as far as its firmware tells, and a serial number that is the same after
// each start.
func (m *Machine) About() thing.About {
	a := thing.About{
		Serial: m.serial(), Name: m.host, Class: "Computer",
		Maker:   first(m.line("sys/class/dmi/id/sys_vendor"), m.board(), "unknown"),
		Model:   first(m.line("proc/device-tree/model"), m.line("sys/class/dmi/id/product_name"), runtime.GOOS+" "+runtime.GOARCH),
		Version: "1.0",
	}
	a.Tags = []registry.Tag{registry.Str("OS", runtime.GOOS), registry.Str("ARCH", runtime.GOARCH)}
	return a
}

// board returns the maker of a board: of "raspberrypi,4-model-b" what is before the comma.
func (m *Machine) board() string {
	maker, _, _ := strings.Cut(m.line("proc/device-tree/compatible"), ",")
	return maker
}

// serial returns a number that says nothing else: the machine's own identity must stay with it (machine-id(5)).
func (m *Machine) serial() string {
	id := first(m.line("etc/machine-id"), m.line("var/lib/dbus/machine-id"), m.host)
	sum := sha256.Sum256([]byte("comity thing machine " + id))
	return hex.EncodeToString(sum[:8])
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
