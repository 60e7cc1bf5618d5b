package sm

import (
	"strconv"
	"testing"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
)

// However many sessions end, only so many are remembered, and not for ever.
func TestGravesAreBounded(t *testing.T) {
	var g graves
	juliet, romeo := jid.MustParse("juliet@example.com"), jid.MustParse("romeo@example.com")
	now := time.Unix(0, 0)
	for i := range maxGraves + 10 {
		g.bury(strconv.Itoa(i), juliet, uint32(i), now)
	}
	if len(g.byID) != maxGraves || len(g.order) != maxGraves {
		t.Errorf("%d are remembered in an order of %d", len(g.byID), len(g.order))
	}
	for id, known := range map[string]bool{"9": false, "10": true, strconv.Itoa(maxGraves + 9): true, "none": false} {
		if _, ok := g.find(id, juliet, now); ok != known {
			t.Errorf("%s is known: %v", id, ok)
		}
	}
	if h, ok := g.find("77", juliet, now.Add(graveLasts)); !ok || h != 77 {
		t.Errorf("77 handled %d, %v", h, ok)
	}
	if _, ok := g.find("77", romeo, now); ok {
		t.Error("another account learnt of it")
	}
	if _, ok := g.find("77", juliet, now.Add(graveLasts+1)); ok {
		t.Error("remembered for ever")
	}
	g.bury("new", juliet, 1, now.Add(graveLasts+1))
	if len(g.byID) != 1 {
		t.Errorf("%d are kept", len(g.byID))
	}
}
