package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// relay is a pin that switches something. See gpio/sysfs in the documentation of the kernel.
type relay struct{ gpio, pin string }

// openRelay takes a pin and switches it off.
func openRelay(sys string, pin int) (*relay, error) {
	gpio := filepath.Join(sys, "class", "gpio")
	base, err := firstPin(gpio)
	if err != nil {
		return nil, err
	}
	r := &relay{gpio: gpio, pin: strconv.Itoa(base + pin)}
	if err := write(filepath.Join(gpio, "export"), r.pin); err != nil {
		return nil, err
	}
	// The system takes a moment to let the group gpio have the new files.
	for tries := 0; ; tries++ {
		if err = write(r.file("direction"), "low"); err == nil || tries == 20 || !errors.Is(err, fs.ErrPermission) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// firstPin returns the number of GPIO 0, which depends on the kernel.
func firstPin(gpio string) (int, error) {
	chips, err := filepath.Glob(filepath.Join(gpio, "gpiochip*"))
	if err != nil {
		return 0, err
	}
	for _, chip := range chips {
		label, err := os.ReadFile(filepath.Join(chip, "label"))
		name := strings.TrimSpace(string(label))
		if err != nil || !strings.HasPrefix(name, "pinctrl-bcm") && !strings.HasPrefix(name, "pinctrl-rp1") {
			continue
		}
		base, err := os.ReadFile(filepath.Join(chip, "base"))
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(string(base)))
	}
	return 0, fmt.Errorf("%s has no pins of a Raspberry Pi", gpio)
}

func (r *relay) file(name string) string { return filepath.Join(r.gpio, "gpio"+r.pin, name) }

func (r *relay) get(context.Context) (bool, error) {
	value, err := os.ReadFile(r.file("value"))
	return strings.TrimSpace(string(value)) == "1", err
}

func (r *relay) set(_ context.Context, on bool) error {
	value := "0"
	if on {
		value = "1"
	}
	return write(r.file("value"), value)
}

// close switches the relay off and gives the pin back.
func (r *relay) close() error {
	return errors.Join(write(r.file("value"), "0"), write(filepath.Join(r.gpio, "unexport"), r.pin))
}

// write writes to a file of the kernel, which is never made.
func write(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
