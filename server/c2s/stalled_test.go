package c2s_test

import (
	"context"
	"testing"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// A network that fails in the middle of a stanza does not end a session that can be resumed. XEP-0198#closure
func TestStalledSessionIsKept(t *testing.T) {
	keep := &module.Hooks{Nonzas: []module.Nonza{{
		Name: xmlstream.Name{Space: "urn:x", Local: "keep"},
		Handle: func(_ context.Context, st module.Stream, _ *xmlstream.Element) error {
			st.Session().Keep(10, time.Hour, xmlstream.New("urn:x", "kept"))
			return nil
		},
	}}}
	inTime(t, options{hooks: keep}, func(t *testing.T, w *world) {
		c := w.enter("juliet")
		c.send("<keep xmlns='urn:x'/>")
		c.expect("kept")
		c.send("<message><body>I'll send a fri")
		c.gone()
		if w.Router.Get(c.jid) == nil {
			t.Error("the session has ended")
		}
		time.Sleep(time.Hour + time.Second)
		if w.Router.Get(c.jid) != nil {
			t.Error("the session does not end")
		}
	})
}
