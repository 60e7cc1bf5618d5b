package demo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
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

// backupFile is the name of the backup that is made for the last search.
const backupFile = "backup.db"

// search looks for all that was measured so far in all that is kept. It is done after each step, for the log of writes is emptied when
// nothing is written for a while.
func (s *Show) search() error {
	found, err := find(s.Folder, s.needles())
	if err != nil {
		return err
	}
	if s.searched == nil {
		s.searched = map[string]int{}
	}
	for name, size := range found.bytes {
		s.searched[name] = max(s.searched[name], size)
	}
	return check(len(found.in) == 0, "measured values are in %q", found.in)
}

// inspect is step 10. What is searched for is found where it is, as a thing's serial number shows, which the registry keeps.
func (s *Show) inspect(ctx context.Context) error {
	backup := filepath.Join(s.Folder, backupFile)
	if err := s.Backup(ctx, backup); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer os.Remove(backup) // it was for the search
	values := len(s.given.all())
	if err := check(values > 0 && len(s.told) > 0, "%d values were measured, and the machine told %d", values, len(s.told)); err != nil {
		return err
	}
	if err := s.search(); err != nil {
		return err
	}
	var must []string
	for _, f := range [...]struct{ what, name string }{
		{"the database", s.Database}, {"its log of writes", s.Database + "-wal"}, {"the broker's log", s.LogFile}, {"a backup made just now", backupFile},
	} {
		size := s.searched[f.name]
		if err := check(size > 0, "%s, %q, was not searched, or was always empty", f.what, f.name); err != nil {
			return err
		}
		must = append(must, fmt.Sprintf("%s (%s, %d kB)", f.name, f.what, max(size/1000, 1)))
	}
	s.note("Searched for all that was measured: %d values of the thermometer, as text and as 8 bytes, and %d of the machine beside their names, as "+
		"values such as 2 are in every file. Searched in all %d files, after each step and now, among them %s. They are in none.",
		values, len(s.told), len(s.searched), names(must, ""))
	serial := s.thermometer.About().Serial
	kept, err := find(s.Folder, []needle{{value: []byte(serial)}})
	if err != nil {
		return err
	}
	s.note("To see that the search can find: the serial number of the thermometer, %s, which the registry keeps, is in %s.", serial, names(kept.in, "none"))
	return check(slices.Contains(kept.in, backupFile), "the search does not even find a serial number in the backup")
}

// needles are all forms of all that was measured.
func (s *Show) needles() (all []needle) {
	for _, v := range s.given.all() {
		for _, form := range written(v) {
			all = append(all, needle{value: form})
		}
	}
	for _, sample := range s.told {
		all = append(all, forms(sample)...)
	}
	return all
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

// long is how many letters a value has that is nowhere by chance.
const long = 8

// forms returns what to search for of something that the machine told. Most of it is short, such as "7.6" of its memory, and would be
// found in any file: it counts beside the name of what it is.
func forms(sample sensordata.Sample) []needle {
	text := []byte(sample.Value)
	if len(text) >= long {
		return []needle{{value: text}}
	}
	beside := []byte(sample.Name)
	all := []needle{{text, beside}}
	if v, err := sample.Float(); err == nil {
		for _, form := range written(v) {
			all = append(all, needle{form, beside})
		}
	}
	return all
}

// needle is what is searched for: a value, and what it must be beside of unless that is empty.
type needle struct{ value, beside []byte }

// near is how many bytes may be between a value and its name.
const near = 100

func (n needle) in(content []byte) bool {
	if len(n.beside) == 0 {
		return bytes.Contains(content, n.value)
	}
	for at := 0; ; {
		i := bytes.Index(content[at:], n.beside)
		if i < 0 {
			return false
		}
		begin, end := at+i, at+i+len(n.beside)
		reach := near + len(n.value)
		if bytes.Contains(content[max(begin-reach, 0):begin], n.value) || bytes.Contains(content[end:min(end+reach, len(content))], n.value) {
			return true
		}
		at = end
	}
}

// finding is what a search found.
type finding struct {
	bytes map[string]int // of the files that were searched, by their paths below the folder
	in    []string       // those that have one of the needles
}

// find searches all files below a folder. Sockets are none, and what is gone when it is to be read was only being written.
func find(folder string, needles []needle) (finding, error) {
	f := finding{bytes: map[string]int{}}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		f.bytes[name] = len(content)
		if slices.ContainsFunc(needles, func(n needle) bool { return n.in(content) }) {
			f.in = append(f.in, name)
		}
		return nil
	})
	return f, err
}
