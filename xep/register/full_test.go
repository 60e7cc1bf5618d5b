package register_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// full is a database that has no room while it is set.
type full struct {
	store.DB
	set bool
}

func (f *full) Update(ctx context.Context, fn func(*store.Tx) error) error {
	if f.set {
		return fmt.Errorf("writing: %w", store.ErrFull)
	}
	return f.DB.Update(ctx, fn)
}

// A thing that finds no room may try again as often as it likes, and has its account as soon as there is.
func TestAttemptsWithoutRoom(t *testing.T) {
	disk := &full{set: true}
	b := moduletest.NewWith(t, func(h *module.Host) { disk.DB, h.DB = h.DB, disk }, set(map[string]any{"Attempts": 3}))
	b.Accounts.AddKey(module.APIKey{ID: maker.ID, Secret: maker.Secret, Limit: 1, Kind: module.Thing})
	r := b.On(moduletest.NewStream("192.0.2.1"))
	try := func() error { return submit(r, thing(b, "thing01").sign(t, offered(t, r))) }
	for range 10 {
		if err := try(); !errors.Is(err, store.ErrFull) || errors.Is(err, stanza.ResourceConstraint) {
			t.Fatalf("without room: %v", err)
		}
	}
	disk.set = false
	if err := try(); err != nil {
		t.Errorf("with room: %v", err)
	}
}
