package sqlite

import (
	"fmt"
	"log/slog"
	"os"
	"time"
)

const (
	// logIdle is how long after the last write the log is emptied. Deleted personal data is overwritten in the database
	// at once (secure_delete), but older pages stay in the log until then.
	logIdle = time.Second
	// logPatience is how long the writer stops for readers of the log that it wants to empty.
	logPatience = 100 * time.Millisecond
	// logRetry is the longest wait before another attempt to empty a log that cannot be emptied, as on a full disk.
	logRetry = 10 * time.Second
)

// logKeeper bounds the write-ahead log. SQLite copies it into the database every 1,000 pages at the end of a commit
// (wal_autocheckpoint), but starts it afresh only at a moment when no reader needs it, which under many overlapping
// readers never comes. Past max bytes the writer therefore waits for them; new readers then need the database only.
type logKeeper struct {
	path   string
	max    int64
	logger *slog.Logger

	dirty bool          // written since it was last emptied
	next  int64         // size at which to try
	wait  time.Duration // before the next attempt, after some that failed
	said  time.Time     // when the logger heard of them
}

// grown is told after each batch.
func (k *logKeeper) grown(c *conn) {
	k.dirty = true
	info, err := os.Stat(k.path)
	if err != nil || info.Size() < max(k.max, k.next) {
		return
	}
	if k.next = 0; !k.empty(c) {
		k.next = info.Size() + k.max/4 // a View that never ends must not stop every batch
	}
}

// empty copies the log into the database and truncates it, and says whether it could.
func (k *logKeeper) empty(c *conn) bool {
	busy, err := checkpoint(c)
	if err == nil {
		k.wait, k.said = 0, time.Time{}
	} else {
		k.wait = min(max(logIdle, 2*k.wait), logRetry)
		if now := time.Now(); now.Sub(k.said) >= sayAgain {
			k.said = now
			k.logger.Warn("log not emptied", "file", k.path, "err", err)
		}
	}
	k.dirty = busy || err != nil
	return !k.dirty
}

// idle is how long after the last write, or attempt, the log is to be emptied.
func (k *logKeeper) idle() time.Duration { return max(logIdle, k.wait) }

// checkpoint returns true if readers were in the way: the first of the three columns of
// https://sqlite.org/pragma.html#pragma_wal_checkpoint.
func checkpoint(c *conn) (busy bool, err error) {
	c.busyTimeout(logPatience)
	defer c.busyTimeout(writerPatience)
	v, err := c.single("PRAGMA wal_checkpoint(TRUNCATE)")
	return v == int64(1), err
}

func (c *conn) busyTimeout(d time.Duration) {
	_ = c.control(fmt.Sprintf("PRAGMA busy_timeout(%d)", d.Milliseconds())) // cannot fail
}
