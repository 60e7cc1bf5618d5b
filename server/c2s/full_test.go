package c2s_test

import (
	"fmt"
	"testing"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// An account that there is no room for may be asked for again, on the same stream. RFC 6120 §8.3.3.18
func TestBeforeAuthWithoutRoom(t *testing.T) {
	c := newWorld(t, options{hooks: register(fmt.Errorf("creating: %w", store.ErrFull))}).dial()
	c.open()
	c.startTLS()
	for range 2 {
		c.send("<iq type='set' id='1'><query xmlns='jabber:iq:register'/></iq>")
		e := stanza.ParseError(c.expect("iq").Child(stanza.Client, "error"))
		if e.Condition != stanza.ResourceConstraint || e.Kind != stanza.Wait || e.Text != "" {
			t.Errorf("answered %+v", e)
		}
	}
}
