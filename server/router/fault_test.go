package router_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/comity-iot/comity/server/router"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// RFC 6120 §8.3.3: what is told and what is logged of an error. Of a full disk the store tells the log.
func TestFault(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for _, c := range []struct {
		ctx       context.Context
		err       error
		condition stanza.Condition
		kind      stanza.ErrorKind
		logged    bool
	}{
		{t.Context(), stanza.ItemNotFound, stanza.ItemNotFound, stanza.Cancel, false},
		{t.Context(), stanza.NotAllowed.Wrap(errors.New("cause")), stanza.NotAllowed, stanza.Cancel, false},
		{t.Context(), fmt.Errorf("writing: %w", store.ErrFull), stanza.ResourceConstraint, stanza.Wait, false},
		{t.Context(), stanza.InternalServerError.Wrap(store.ErrFull), stanza.ResourceConstraint, stanza.Wait, false},
		{t.Context(), errors.New("broken"), stanza.InternalServerError, stanza.Cancel, true},
		{ended, context.Canceled, stanza.InternalServerError, stanza.Cancel, false},
	} {
		var log strings.Builder
		r := router.New(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), nil)
		e := r.Fault(c.ctx, &stanza.Stanza{Kind: stanza.Message}, c.err)
		if e.Condition != c.condition || e.Kind != c.kind || (log.Len() > 0) != c.logged {
			t.Errorf("%v: %s of type %s, logged %q", c.err, e.Condition, e.Kind, log.String())
		}
	}
}
