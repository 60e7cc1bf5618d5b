package sqlite

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/store"
)

// lines is a log by its lines.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count counts the lines with a text.
func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// The log hears of a full disk once, and again when that goes on for long; and of its end, once writes have not failed for a while.
func TestFullIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		db := openItems(t, Options{MaxBytes: 128 << 10, Log: slog.New(slog.NewTextHandler(&log, nil))})
		page := bytes.Repeat([]byte("x"), pageSize)
		n := 0
		for ; putItem(t, db, n, page) == nil; n++ {
		}
		expect := func(when string, full, over int) {
			t.Helper()
			if f, o := log.count(`msg="disk full`), log.count("no longer full"); f != full || o != over {
				t.Errorf("%s: %d times full, %d times no longer, want %d and %d", when, f, o, full, over)
			}
		}
		for range 100 {
			if err := putItem(t, db, n, page); !errors.Is(err, store.ErrFull) {
				t.Fatal(err)
			}
			if err := putItem(t, db, 0, page); err != nil { // needs no more room
				t.Fatal(err)
			}
		}
		expect("at once", 1, 0)
		time.Sleep(sayAgain)
		if err := putItem(t, db, n, page); !errors.Is(err, store.ErrFull) {
			t.Fatal(err)
		}
		expect("later", 2, 0)
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec("DELETE FROM item WHERE id < 3")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		expect("with room", 2, 0)
		time.Sleep(roomBack)
		if err := putItem(t, db, n, page); err != nil {
			t.Fatal(err)
		}
		expect("with room for a while", 2, 1)
	})
}
