package machine

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/comity-iot/comity/thing"
)

// maxSensors bounds the temperatures of one machine.
const maxSensors = 32

// temperatures returns the machine's sensors: those of its monitoring chips, with their names, or else its thermal zones.
// See hwmon/sysfs-interface and thermal/sysfs-api in the documentation of the kernel. Both have thousandths of a degree.
func (m *Machine) temperatures() []reading {
	var list []reading
	names := map[string]int{}
	add := func(name, file string) {
		if len(list) == maxSensors {
			return
		}
		name = "Temperature, " + name
		if names[name]++; names[name] > 1 {
			name = fmt.Sprintf("%s %d", name, names[name])
		}
		list = append(list, reading{thing.Field{Name: name, Unit: "°C"}, func() (thing.Value, error) {
			v, err := m.number(file, 0)
			return thing.FloatValue(v/1000, 1), err
		}})
	}
	for _, file := range m.glob("sys/class/hwmon/hwmon*/temp*_input") {
		chip := m.line(path.Join(path.Dir(file), "name"))
		label := m.line(strings.TrimSuffix(file, "_input") + "_label")
		add(first(strings.TrimSpace(chip+" "+label), "sensor"), file)
	}
	if len(list) > 0 {
		return list
	}
	for _, file := range m.glob("sys/class/thermal/thermal_zone*/temp") {
		add(first(m.line(path.Join(path.Dir(file), "type")), "sensor"), file)
	}
	return list
}

// glob returns the files of a pattern, none if they cannot be listed.
func (m *Machine) glob(pattern string) []string {
	files, err := fs.Glob(m.root, pattern)
	if err != nil {
		return nil
	}
	return files
}
