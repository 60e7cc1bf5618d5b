package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/comity-iot/comity/store"
)

func testSnapshot(t *testing.T, db store.DB) {
	migrated(t, db)
	put(t, db, "a", 1)
	begun, written := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		<-begun
		put(t, db, "a", 2)
		put(t, db, "b", 2)
		close(written)
	})
	err := db.View(t.Context(), func(tx *store.Tx) error {
		if v, err := get(tx, "a"); err != nil || v != 1 {
			return fmt.Errorf("first read %d: %w", v, err)
		}
		close(begun)
		<-written
		if got, err := pairs(tx); err != nil || len(got) != 1 || got["a"] != 1 {
			return fmt.Errorf("read again %v: %w", got, err)
		}
		return nil
	})
	wg.Wait()
	if err != nil {
		t.Error(err)
	}
	if got := contents(t, db); len(got) != 2 || got["a"] != 2 {
		t.Errorf("the next View sees %v", got)
	}
}

func testReadYourWrites(t *testing.T, db store.DB) {
	migrated(t, db)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for v := range int64(10) {
				put(t, db, fmt.Sprint(i), v)
				if got := contents(t, db)[fmt.Sprint(i)]; got != v {
					t.Errorf("wrote %d, read %d", v, got)
				}
			}
		})
	}
	wg.Wait()
}

func testViewReadOnly(t *testing.T, db store.DB) {
	migrated(t, db)
	err := db.View(t.Context(), func(tx *store.Tx) error { return insert(tx, "a", 1) })
	if !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("a View that writes returned %v", err)
	}
	if got := contents(t, db); len(got) != 0 {
		t.Errorf("a View wrote %v", got)
	}
}

func testViewCancelled(t *testing.T, db store.DB) {
	migrated(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.View(ctx, func(tx *store.Tx) error {
		cancel()
		_, err := get(tx, "a")
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled inside: %v", err)
	}
	err = db.View(ctx, func(*store.Tx) error {
		t.Error("fn ran after its context had ended")
		return nil
	})
	if err != context.Canceled {
		t.Errorf("cancelled before: %v", err)
	}
	contents(t, db) // the connection is of use again
}

func testViewEnd(t *testing.T, db store.DB) {
	ran := 0
	err := db.View(t.Context(), func(tx *store.Tx) error {
		tx.AfterCommit(func() { ran++ })
		return errOops
	})
	if err != errOops || ran != 0 {
		t.Errorf("failed with %v, followed %d times", err, ran)
	}
	err = db.View(t.Context(), func(tx *store.Tx) error {
		tx.AfterCommit(func() { ran++ })
		return nil
	})
	if err != nil || ran != 1 {
		t.Errorf("ended with %v, followed %d times", err, ran)
	}
	for range 20 { // a panic gives its connection back
		func() {
			defer func() {
				if v := recover(); v != errOops {
					t.Errorf("raised %v", v)
				}
			}()
			_ = db.View(t.Context(), func(*store.Tx) error { panic(errOops) })
		}()
	}
}
