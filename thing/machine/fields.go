package machine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/comity-iot/comity/thing"
)

// reading is something that may be there on a machine, or not.
type reading struct {
	field thing.Field
	read  func() (thing.Value, error)
}

// Declare gives the thing a field for all that can be read here and now, and returns the names of what cannot, for people.
func (m *Machine) Declare(t *thing.Thing) (missing []string) {
	readings := []reading{
		{thing.Field{Name: "Load"}, m.load},
		{thing.Field{Name: "Memory Used", Unit: "%"}, m.memory},
		{thing.Field{Name: "Disk Used", Unit: "%"}, m.diskUsed},
		{thing.Field{Name: "Disk Free", Unit: "GB"}, m.diskFree},
		{thing.Field{Name: "Uptime", Categories: thing.Status}, m.uptime},
		{thing.Field{Name: "Processors", Categories: thing.Identity}, processors},
	}
	sensors := m.temperatures()
	if len(sensors) == 0 {
		missing = append(missing, "Temperature")
	}
	for _, r := range append(readings, sensors...) {
		if _, err := r.read(); err != nil {
			missing = append(missing, r.field.Name)
			continue
		}
		r.field.Read = func(context.Context) (thing.Value, error) { return r.read() }
		t.Field(r.field)
	}
	return missing
}

// errFormat is for files that are there, and not as they are known.
var errFormat = errors.New("machine: not the format that is known")

// number reads one of the numbers of a line, counted from 0.
func (m *Machine) number(path string, i int) (float64, error) {
	words := strings.Fields(m.line(path))
	if len(words) <= i {
		return 0, fmt.Errorf("%w: %s", errFormat, path)
	}
	v, err := strconv.ParseFloat(words[i], 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s", errFormat, path)
	}
	return v, nil
}

// load returns how many processes wanted a processor, on average over the last minute. proc_loadavg(5)
func (m *Machine) load() (thing.Value, error) {
	v, err := m.number("proc/loadavg", 0)
	return thing.FloatValue(v, 2), err
}

// uptime is proc_uptime(5).
func (m *Machine) uptime() (thing.Value, error) {
	v, err := m.number("proc/uptime", 0)
	return thing.DurationValue(time.Duration(v) * time.Second), err
}

// memory returns how much of it is not there for other programs. proc_meminfo(5)
func (m *Machine) memory() (thing.Value, error) {
	data, err := fs.ReadFile(m.root, "proc/meminfo")
	if err != nil {
		return thing.Value{}, err
	}
	total, available := 0.0, -1.0
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		words := strings.Fields(s.Text())
		if len(words) < 2 {
			continue
		}
		kib, err := strconv.ParseFloat(words[1], 64)
		if err != nil {
			continue
		}
		switch words[0] {
		case "MemTotal:":
			total = kib
		case "MemAvailable:":
			available = kib
		}
	}
	if total <= 0 || available < 0 {
		return thing.Value{}, fmt.Errorf("%w: meminfo", errFormat)
	}
	return thing.FloatValue(100*(1-available/total), 1), nil
}

func (m *Machine) diskUsed() (thing.Value, error) {
	free, total, err := m.disk()
	if err != nil || total == 0 {
		return thing.Value{}, errors.Join(err, errFormat)
	}
	return thing.FloatValue(100*(1-float64(free)/float64(total)), 1), nil
}

func (m *Machine) diskFree() (thing.Value, error) {
	free, _, err := m.disk()
	return thing.FloatValue(float64(free)/1e9, 1), err
}

func processors() (thing.Value, error) { return thing.IntValue(int64(runtime.NumCPU())), nil }
