package thing

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
)

// stateFile is the name of the file in Config.State.
const stateFile = "thing.json"

// kept is what a thing must know again after a restart.
type kept struct {
	Account   jid.JID `json:"account"` // bare
	Password  string  `json:"password"`
	Confirmed bool    `json:"confirmed"` // the account is there: the thing was logged in

	Key    string  `json:"key"` // KEY in the registry
	Owner  jid.JID `json:"owner"`
	Public bool    `json:"public"` // found in searches
	Tags   []byte  `json:"tags"`   // hash of those that the registry has

	Registry, Decisions services `json:",omitzero"`

	Answers []answer `json:"answers,omitempty"` // of decision support, the one used last at the end
}

// services is where one is, and how it is spoken to.
type services struct {
	JID        jid.JID        `json:"jid"`
	Generation iot.Generation `json:"generation"`
}

// state is what is kept, and its file. Its methods may be called by all goroutines.
type state struct {
	path string

	writing sync.Mutex // guards the file, so that the newest content is the last

	mu    sync.Mutex // guards all that follows
	kept  kept
	epoch uint64 // counts what makes permissions void
	news  uint64 // counts how often the thing was told whose it is
}

// openState reads the file in a folder, which is made if need be. A thing that was never there gets its key.
func openState(dir string) (*state, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("thing: state: %w", err)
	}
	s := &state{path: filepath.Join(dir, stateFile)}
	data, err := os.ReadFile(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.kept.Key = rand.Text()
		return s, s.save() // now, to find out whether it can be
	case err != nil:
		return nil, fmt.Errorf("thing: state: %w", err)
	}
	if err := json.Unmarshal(data, &s.kept); err != nil {
		return nil, fmt.Errorf("thing: state: %s: %w", s.path, err)
	}
	if n := len(s.kept.Answers); n > maxAnswers {
		s.kept.Answers = s.kept.Answers[n-maxAnswers:]
	}
	if s.kept.Key == "" {
		return nil, fmt.Errorf("thing: state: %s is not that of a thing", s.path)
	}
	return s, nil
}

// view returns what is kept. The answers are not to be used.
func (s *state) view() kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

// change changes what is kept, and returns when that is safe on the disk.
func (s *state) change(fn func(*kept)) error {
	s.mu.Lock()
	fn(&s.kept)
	s.mu.Unlock()
	return s.save()
}

// save writes the file.
func (s *state) save() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	data, err := json.MarshalIndent(&s.kept, "", "\t")
	s.mu.Unlock()
	if err == nil {
		err = replaceFile(s.path, append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("thing: state: %w", err)
	}
	return nil
}

// replaceFile writes a file that only its owner may read, so that after a crash there is either the old one or the new.
func replaceFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails where it was renamed
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a renaming last. Where folders cannot be synced, as on Windows, it is left to the system.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
