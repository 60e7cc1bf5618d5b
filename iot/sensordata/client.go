package sensordata

import (
	"context"
	"crypto/rand"
	"errors"
	"iter"
	mathrand "math/rand/v2"
	"strconv"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Session is what reading takes of a client session.
type Session interface {
	stanza.Requester
	// HandleMessage calls fn for each message that holds a child of that name, until stop is called. After stop has
	// returned fn is not called any more. fn must not block.
	HandleMessage(space, local string, fn func(*stanza.Stanza)) (stop func())
}

const (
	// patience is how long a thing may be silent that has not queued the request.
	patience = time.Minute
	// resultWait is how long the result of a request may come behind the data.
	resultWait = time.Second
	// cancelWait is how long the wish to cancel a request may take.
	cancelWait = 5 * time.Second
)

// Read asks a thing for sensor data and returns all that it tells, as far as it was asked for. to is the thing's full JID.
//
// The error is a *stanza.Error that came back, stanza.RemoteServerTimeout where the thing fell silent for a minute,
// stanza.ResourceConstraint for more than MaxReport, or the context's. The report is what was told until then. What the thing
// itself could not read is no error but a Fault of the report.
func Read(ctx context.Context, s Session, to jid.JID, req Request) (Report, error) {
	var all Report
	count := 0
	for part, err := range Follow(ctx, s, to, req) {
		if err != nil {
			return all, err
		}
		if count += part.Len(); count > MaxReport {
			return all, stanza.ResourceConstraint.With("more than %d readings", MaxReport)
		}
		all.Merge(part)
	}
	return all, nil
}

// Follow is Read piece by piece, as the thing tells it. An error, as of Read, is yielded last. Where the loop is left early, or
// ctx ends, the thing is asked to cancel.
//
// A request without an ID gets one. All ways to answer are understood: data in the result of the request, or in messages
// after the result or even before it; at once or queued; with an end in the last data or apart (XEP-0323#usecases). Only
// what comes from the thing itself counts.
func Follow(ctx context.Context, s Session, to jid.JID, req Request) iter.Seq2[Report, error] {
	return func(yield func(Report, error) bool) {
		var space string
		req.Generation, space = Family.For(req.Generation)
		if req.ID == "" {
			req.ID = newID(req.Generation)
		}
		f := &follower{req: &req, inbox: newInbox(to, req.ID, req.Generation)}
		for _, local := range f.inbox.elements() {
			stop := s.HandleMessage(space, local, f.inbox.message)
			defer stop()
		}
		ended, err := f.follow(ctx, s, to, yield)
		if !ended {
			cancel(ctx, s, to, &req)
		}
		if err != nil && !errors.Is(err, errLeft) {
			yield(Report{}, err)
		}
	}
}

// newID returns an identity for a request. Answers are told apart by their sender too, so it need not be secret.
func newID(g iot.Generation) string {
	if g == iot.XSF {
		return strconv.Itoa(int(1 + mathrand.Int32N(1<<31-1)))
	}
	return rand.Text()
}

// follower waits for what a thing tells.
type follower struct {
	req    *Request
	inbox  *inbox
	queued bool
}

// answer is that of the request.
type answer struct {
	payload *xmlstream.Element
	err     error
}

// errLeft ends following where the loop was left.
var errLeft = errors.New("sensordata: the loop was left")

// follow sends the request and yields until the thing is done. ended is false if the thing may still be reading.
func (f *follower) follow(ctx context.Context, s Session, to jid.JID, yield func(Report, error) bool) (ended bool, err error) {
	asking, stopAsking := context.WithCancel(ctx)
	answers := make(chan answer, 1)
	go func() {
		el, err := s.Request(asking, &stanza.IQ{Type: stanza.Get, To: to, Payload: f.req.Element()})
		answers <- answer{el, err}
	}()
	asked := answers // nil once the answer is there
	defer func() {
		stopAsking()
		if asked != nil {
			<-asked
		}
	}()
	silence := time.NewTimer(patience)
	defer silence.Stop()
	for {
		select {
		case a := <-asked:
			asked = nil
			if a.err != nil {
				return ctx.Err() == nil, a.err
			}
			f.inbox.element(a.payload)
		case <-f.inbox.wake:
		case <-silence.C:
			if !f.queued {
				return false, stanza.RemoteServerTimeout.With("the thing has fallen silent")
			}
		case <-ctx.Done():
			return false, ctx.Err()
		}
		ended, err := f.updates(yield)
		if ended && err == nil && asked != nil {
			// The result was on its way before the last message, and may hold data; but some things send none.
			select {
			case a := <-asked:
				asked = nil
				f.inbox.element(a.payload)
				_, err = f.updates(yield)
			case <-time.After(resultWait):
			case <-ctx.Done():
			}
		}
		if ended || err != nil {
			return ended, err
		}
		silence.Reset(patience)
	}
}

// updates does what all updates say that wait. ended is true behind the last one.
func (f *follower) updates(yield func(Report, error) bool) (ended bool, err error) {
	updates, err := f.inbox.take()
	for _, u := range updates {
		f.queued = u.State == Queued
		ended = ended || u.State == Done || u.State == Cancelled
		if part := u.Report.Filter(f.req); part.Len() > 0 && !yield(part, nil) {
			return ended, errLeft
		}
		if u.State == Cancelled {
			err = errCancelled
		}
	}
	return ended, err
}

// cancel tells the thing that nobody waits any more. What it answers does not matter.
func cancel(ctx context.Context, s Session, to jid.JID, req *Request) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelWait)
	defer stop()
	g, space := Family.For(req.Generation)
	typ := stanza.Set
	if g == iot.XSF {
		typ = stanza.Get // XEP-0323#cancelreadout
	}
	el := xmlstream.New(space, elemCancel, xmlstream.A(namesOf(g).id, req.ID))
	_, _ = s.Request(ctx, &stanza.IQ{Type: typ, To: to, Payload: el})
}
