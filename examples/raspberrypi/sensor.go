package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/comity-iot/comity/thing"
)

// sensor is a DS18B20: a file that the kernel fills when it is read, which takes three quarters of a second. See w1_therm in the
// documentation of the kernel.
type sensor string

// findSensors returns the thermometers of the 1-wire bus, by what to call them.
func findSensors(sys string) (map[string]sensor, error) {
	files, err := filepath.Glob(filepath.Join(sys, "bus", "w1", "devices", "28-*", "w1_slave"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("nothing at the 1-wire bus")
	}
	sensors := map[string]sensor{}
	for _, file := range files {
		name := "Temperature"
		if len(files) > 1 {
			name += " " + filepath.Base(filepath.Dir(file))
		}
		sensors[name] = sensor(file)
	}
	return sensors, nil
}

// read reads two lines: "… crc=57 YES" if what is on the second, "… t=21437", has arrived whole.
func (s sensor) read(context.Context) (thing.Value, error) {
	data, err := os.ReadFile(string(s))
	if err != nil {
		return thing.Value{}, err
	}
	first, second, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	_, digits, found := strings.Cut(second, "t=")
	if !strings.HasSuffix(strings.TrimSpace(first), "YES") || !found {
		return thing.Value{}, fmt.Errorf("%s: the reading is damaged", s)
	}
	thousandths, err := strconv.Atoi(strings.TrimSpace(digits))
	if err != nil || thousandths == 85000 { // what it says before it has measured anything
		return thing.Value{}, fmt.Errorf("%s: no measurement", s)
	}
	return thing.FloatValue(float64(thousandths)/1000, 1), nil
}
