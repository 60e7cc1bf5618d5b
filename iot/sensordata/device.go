package sensordata

import (
	"context"
	"sync"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// maxRunning bounds the requests that a Device answers or has queued at one time.
const maxRunning = 256

// Device answers the requests to a thing, and cancels them when it is told to. The zero Device is ready.
type Device struct {
	mu      sync.Mutex
	running map[key]context.CancelFunc
}

// key tells requests apart: an ID is unique to its asker only. XEP-0323#cancelreadout
type key struct {
	from jid.JID
	id   string
}

// Answer answers an iq whose payload is a <req/> or <cancel/> of the Family. It is Respond for a request, and returns when
// that does; it may be called for others meanwhile. One with the ID of another that is still answered is rejected.
func (d *Device) Answer(ctx context.Context, iq *stanza.IQ, src Source, send func(*stanza.Stanza) error) error {
	if iq.Payload.Local() == elemCancel {
		return send(d.cancel(iq))
	}
	req, err := ParseRequest(iq.Payload)
	if err != nil {
		return send(iq.Stanza().Bounce(err))
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	k := key{iq.From, req.ID}
	if err := d.begin(k, stop); err != nil {
		return send(iq.Stanza().Bounce(err))
	}
	defer d.end(k)
	return Respond(ctx, iq, req, src, send)
}

func (d *Device) begin(k key, stop context.CancelFunc) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.running[k] != nil:
		return stanza.Conflict.With("there is a request with this identity already")
	case len(d.running) == maxRunning:
		return stanza.ResourceConstraint.With("too many requests")
	case d.running == nil:
		d.running = make(map[key]context.CancelFunc)
	}
	d.running[k] = stop
	return nil
}

func (d *Device) end(k key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.running, k)
}

// cancel cancels a request and returns the answer: an empty result, or <cancelled/> in the first generation. A request that is
// not there any more is cancelled too.
func (d *Device) cancel(iq *stanza.IQ) *stanza.Stanza {
	g, ok := Family.Of(iq.Payload.Space())
	if !ok {
		return iq.Stanza().Bounce(stanza.FeatureNotImplemented)
	}
	id, err := parseID(iq.Payload, g)
	if err != nil {
		return iq.Stanza().Bounce(err)
	}
	d.mu.Lock()
	stop := d.running[key{iq.From, id}]
	d.mu.Unlock()
	if stop != nil {
		stop()
	}
	if g != iot.XSF {
		return iq.Stanza().Reply(nil)
	}
	u := &Update{ID: id, State: Cancelled}
	return iq.Stanza().Reply(u.Elements(g, false)[0])
}
