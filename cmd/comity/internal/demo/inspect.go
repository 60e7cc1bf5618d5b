package demo

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/comity-iot/comity/iot/sensordata"
)

// checkGiven holds a value that was told against those that the sensor gave.
func (s *Show) checkGiven(told sensordata.Sample) error {
	v, err := told.Float()
	if err != nil {
		return err
	}
	for _, g := range s.given.all() {
		if g == v {
			return nil
		}
	}
	return check(false, "%s %s was never measured", told.Name, told.Value)
}

// inspect is step 10. What is searched for is found where it is, as a thing's serial number shows, which the registry keeps.
func (s *Show) inspect(ctx context.Context) error {
	backup := filepath.Join(s.Folder, "backup.db")
	if err := s.Backup(ctx, backup); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer os.Remove(backup) // it was for the search
	values := s.given.all()
	if len(values) == 0 {
		return check(false, "nothing was measured")
	}
	kept, err := find(s.Folder, [][]byte{[]byte(s.thermometer.about.Serial)})
	if err != nil {
		return err
	}
	var needles [][]byte
	for _, v := range values {
		needles = append(needles, written(v)...)
	}
	leaks, err := find(s.Folder, needles)
	if err != nil {
		return err
	}
	if err := check(len(leaks.in) == 0, "measured values are in %q", leaks.in); err != nil {
		return err
	}
	s.note("Searched for %d measured values, as text and as 8 bytes: %d files with %d kB, among them the database, its log of writes, "+
		"the broker's log and a backup made just now. They are in none.", len(values), leaks.files, leaks.bytes/1000)
	s.note("To see that the search can find: the serial number of the thermometer, which the registry keeps, is in %d of them.", len(kept.in))
	return check(len(kept.in) > 0, "the search does not even find a serial number")
}

// written returns the ways in which a value could be stored.
func written(v float64) [][]byte {
	bits := math.Float64bits(v)
	return [][]byte{
		[]byte(strconv.FormatFloat(v, 'f', -1, 64)), // the decimals of the sensor, without zeros at the end
		binary.BigEndian.AppendUint64(nil, bits),    // as SQLite does
		binary.LittleEndian.AppendUint64(nil, bits),
	}
}

// finding is what a search found.
type finding struct {
	files int
	bytes int
	in    []string // files that have one of the texts
}

// find searches all files below a folder. Sockets are none.
func find(folder string, needles [][]byte) (f finding, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f.files++
		f.bytes += len(content)
		for _, n := range needles {
			if bytes.Contains(content, n) {
				f.in = append(f.in, filepath.Base(path))
				break
			}
		}
		return nil
	})
	return f, err
}
