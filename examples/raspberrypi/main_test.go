package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/thing/thingtest"
)

// board makes the files that the kernel of a Raspberry Pi has.
func board(t *testing.T) (sys string) {
	t.Helper()
	sys = t.TempDir()
	for name, content := range map[string]string{
		"class/gpio/export": "", "class/gpio/unexport": "",
		"class/gpio/gpiochip504/label": "raspberrypi-exp-gpio\n", "class/gpio/gpiochip504/base": "504\n",
		"class/gpio/gpiochip512/label": "pinctrl-bcm2711\n", "class/gpio/gpiochip512/base": "512\n",
		"class/gpio/gpio529/direction": "in\n", "class/gpio/gpio529/value": "0\n",
		"bus/w1/devices/28-0316a2795bff/w1_slave": "57 01 4b 46 7f ff 09 10 57 : crc=57 YES\n57 01 4b 46 7f ff 09 10 57 t=21437\n",
	} {
		path := filepath.Join(sys, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return sys
}

func content(t *testing.T, sys, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(sys, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// The owner reads the thermometer and switches the relay.
func TestPi(t *testing.T) {
	sys := board(t)
	synctest.Test(t, func(t *testing.T) {
		b := thingtest.NewBroker(t)
		th, end := pi(sys)
		stop := b.Run(th, b.Config(t.TempDir()))
		owner := b.Person("owner@example.org/phone")
		if err := b.Claim(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		report, err := owner.Read(t.Context(), sensordata.Request{})
		if got, _ := report.Latest("Temperature"); err != nil || got.Value != "21.4" {
			t.Errorf("read %+v, %v", report, err)
		}
		on := control.Command{Values: []control.Value{control.NewBool("Relay", true)}}
		if _, err := owner.Set(t.Context(), on); err != nil || content(t, sys, "class/gpio/gpio529/value") != "1" {
			t.Errorf("relay: %v, %s", err, content(t, sys, "class/gpio/gpio529/value"))
		}
		stop()
		end()
		if content(t, sys, "class/gpio/gpio529/value") != "0" || content(t, sys, "class/gpio/unexport") != "529" {
			t.Error("the relay was left on, or the pin not given back")
		}
	})
	if content(t, sys, "class/gpio/export") != "529" || content(t, sys, "class/gpio/gpio529/direction") != "low" {
		t.Error("GPIO 17 is pin 529 of this kernel")
	}
}

// Elsewhere it starts too, and says what is missing.
func TestElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := thingtest.NewBroker(t)
		th, end := pi(t.TempDir())
		defer end()
		defer b.Run(th, b.Config(t.TempDir()))()
		owner := b.Person("owner@example.org/phone")
		if err := b.Claim(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		report, err := owner.Read(t.Context(), sensordata.Request{})
		status, _ := report.Latest("Status")
		if err != nil || !strings.Contains(status.Value, "no relay") || !strings.Contains(status.Value, "no thermometer") {
			t.Errorf("status %q, %v", status.Value, err)
		}
	})
}

func TestSensor(t *testing.T) {
	for text, want := range map[string]string{
		"x : crc=57 YES\nx t=21437\n": "21.4",
		"x : crc=57 YES\nx t=-1250\n": "-1.2",
		"x : crc=57 NO\nx t=21437\n":  "",
		"x : crc=00 YES\nx t=85000\n": "",
		"x : crc=57 YES\n":            "",
		"YES\nt=x":                    "",
		"":                            "",
	} {
		file := filepath.Join(t.TempDir(), "w1_slave")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		v, err := sensor(file).read(context.Background())
		if (err == nil) != (want != "") || err == nil && v.String() != want {
			t.Errorf("%q: %v, %v; want %q", text, v, err, want)
		}
	}
}
