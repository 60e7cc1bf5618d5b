package machine

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/thing/thingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func files(m map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, content := range m {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return fsys
}

// pi is a Raspberry Pi.
func pi() *Machine {
	return &Machine{
		host: "kitchen",
		root: files(map[string]string{
			"proc/loadavg":                         "0.52 0.58 0.59 1/123 4567\n",
			"proc/uptime":                          "3671.25 14000.00\n",
			"proc/meminfo":                         "MemTotal:        4000000 kB\nMemFree:  1 kB\nMemAvailable:    3000000 kB\n",
			"proc/device-tree/model":               "Raspberry Pi 4 Model B Rev 1.4\x00",
			"proc/device-tree/compatible":          "raspberrypi,4-model-b\x00brcm,bcm2711\x00",
			"etc/machine-id":                       "0123456789abcdef0123456789abcdef\n",
			"sys/class/hwmon/hwmon0/name":          "cpu_thermal\n",
			"sys/class/hwmon/hwmon0/temp1_input":   "48312\n",
			"sys/class/hwmon/hwmon1/name":          "chip\n",
			"sys/class/hwmon/hwmon1/temp1_input":   "40000\n",
			"sys/class/hwmon/hwmon1/temp1_label":   "board\n",
			"sys/class/hwmon/hwmon2/name":          "chip\n",
			"sys/class/hwmon/hwmon2/temp1_input":   "41000\n",
			"sys/class/hwmon/hwmon2/temp1_label":   "board\n",
			"sys/class/hwmon/hwmon3/temp1_input":   "broken\n",
			"sys/class/thermal/thermal_zone0/temp": "48312\n",
		}),
		disk: func() (free, total uint64, err error) { return 24e9, 32e9, nil },
	}
}

// read lets the machine's owner read it.
func read(t *testing.T, m *Machine) (report sensordata.Report, missing []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := thingtest.NewBroker(t)
		th := thing.New(m.About())
		missing = m.Declare(th)
		defer b.Run(th, b.Config(t.TempDir()))()
		owner := b.Person("owner@example.org/desk")
		err := b.Claim(t.Context(), owner)
		if err == nil {
			report, err = owner.Read(t.Context(), sensordata.Request{})
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	return report, missing
}

func TestPi(t *testing.T) {
	report, missing := read(t, pi())
	for name, want := range map[string]string{
		"Load": "0.52 ", "Memory Used": "25.0 %", "Disk Used": "25.0 %", "Disk Free": "24.0 GB", "Uptime": "PT1H1M11S ",
		"Temperature, cpu_thermal": "48.3 °C", "Temperature, chip board": "40.0 °C", "Temperature, chip board 2": "41.0 °C",
	} {
		if got, ok := report.Latest(name); !ok || got.Value+" "+got.Unit != want {
			t.Errorf("%s: %q; want %q", name, got.Value+" "+got.Unit, want)
		}
	}
	if want := []string{"Temperature, sensor"}; !slices.Equal(missing, want) {
		t.Errorf("missing %q; want %q", missing, want)
	}
}

// A machine that tells nothing is a thing all the same.
func TestNothing(t *testing.T) {
	none := &Machine{root: fstest.MapFS{}, host: "box", disk: func() (uint64, uint64, error) { return 0, 0, errors.ErrUnsupported }}
	report, missing := read(t, none)
	if _, ok := report.Latest("Processors"); !ok || report.Len() != 1 {
		t.Errorf("read %v", report)
	}
	if want := []string{"Temperature", "Load", "Memory Used", "Disk Used", "Disk Free", "Uptime"}; !slices.Equal(missing, want) {
		t.Errorf("missing %q; want %q", missing, want)
	}
}

func TestThermalZones(t *testing.T) {
	m := &Machine{root: files(map[string]string{
		"sys/class/thermal/thermal_zone0/temp": "55000\n", "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp\n",
	})}
	list := m.temperatures()
	if len(list) != 1 || list[0].field.Name != "Temperature, x86_pkg_temp" {
		t.Errorf("%v", list)
	}
}

func TestAbout(t *testing.T) {
	a := pi().About()
	if a.Maker != "raspberrypi" || a.Model != "Raspberry Pi 4 Model B Rev 1.4" || a.Name != "kitchen" {
		t.Errorf("%+v", a)
	}
	if strings.Contains(a.Serial, "0123456789abcdef") || a.Serial != pi().About().Serial || len(a.Serial) != 16 {
		t.Errorf("serial %q", a.Serial)
	}
}

// This very machine is a thing.
func TestThis(t *testing.T) {
	report, missing := read(t, This())
	if report.Len() == 0 {
		t.Error("nothing to read")
	}
	t.Logf("read %d values; cannot read %q", report.Len(), missing)
}

// What is in files is not to be relied upon.
func TestBrokenFiles(t *testing.T) {
	for _, content := range []string{"", "x", "\x00", "\xff\xfe", strings.Repeat("9", 10000), "MemTotal: x kB\nMemAvailable: -1 kB\n:\n"} {
		m := &Machine{root: files(map[string]string{
			"proc/loadavg": content, "proc/uptime": content, "proc/meminfo": content, "proc/device-tree/model": content,
		}), disk: func() (uint64, uint64, error) { return 1, 0, nil }, host: "h"}
		if a := m.About(); a.Model == "" || len(a.Model) > maxLine {
			t.Errorf("%.10q: model %q", content, a.Model)
		}
		if missing := m.Declare(thing.New(m.About())); !slices.Contains(missing, "Memory Used") {
			t.Errorf("%.10q: missing %q", content, missing)
		}
	}
}
