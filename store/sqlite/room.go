package sqlite

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/comity-iot/comity/store"
)

const (
	// sayAgain is how often the log hears of what goes on: a full disk fails every write.
	sayAgain = 10 * time.Minute
	// roomBack is how long no write may have failed before the log hears that there is room: on a disk that is almost full small
	// writes succeed between large ones that do not.
	roomBack = time.Minute
)

// room tells the log of a full disk, once for many writes, and of its end. It is the writer's own.
type room struct {
	path   string
	logger *slog.Logger

	said  time.Time // when the log has last heard of it; zero while there is room
	since time.Time // when the first write failed
	last  time.Time // when the last one did
	n     int       // how many did
}

// judge completes the verdict on an update. SQLite tells the errors of a quota (EDQUOT) and of a limit on the size of files (EFBIG) not
// from those of a disk that is broken; to who waits for room they are as a full disk.
func (r *room) judge(err error) error {
	if err == nil {
		r.found()
		return nil
	}
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code() == sqlite3.SQLITE_IOERR_WRITE {
		if cause := r.probe(); isNoRoom(cause) {
			err = fmt.Errorf("%w: %w: %w", store.ErrFull, cause, err)
		}
	}
	if errors.Is(err, store.ErrFull) {
		r.lacking(err)
	}
	return err
}

// probe writes a page to a file of its own, as far from its beginning as the next of the database or its log would be, and returns what
// the file system says to that.
func (r *room) probe() (err error) {
	end := int64(0)
	for _, path := range []string{r.path, r.path + "-wal"} {
		if info, err := os.Stat(path); err == nil {
			end = max(end, info.Size())
		}
	}
	path := r.path + "-room"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(path)) }()
	_, err = f.WriteAt(make([]byte, pageSize), end)
	return err
}

func isNoRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

func (r *room) lacking(err error) {
	now := time.Now()
	if r.said.IsZero() {
		r.since, r.n = now, 0
	}
	r.last = now
	r.n++
	if r.said.IsZero() || now.Sub(r.said) >= sayAgain {
		r.said = now
		r.logger.Error("disk full, writes fail until there is room", "file", r.path, "failed", r.n, "since", r.since, "err", err)
	}
}

func (r *room) found() {
	if !r.said.IsZero() && time.Since(r.last) >= roomBack {
		r.said = time.Time{}
		r.logger.Info("disk no longer full", "file", r.path, "failed", r.n, "since", r.since)
	}
}
