package sensordata

import (
	"context"
	"errors"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Source is what a thing reads its sensor data from.
type Source interface {
	// Admit decides on a request before anything is read, and returns what of it is granted, which may be req itself.
	// An error, such as stanza.Forbidden or stanza.ItemNotFound for an unknown node, rejects it.
	Admit(ctx context.Context, from jid.JID, req *Request) (*Request, error)
	// Read reads what was granted, or more: what was not granted is not told. What cannot be read is a Fault of the report.
	// An error is told as a Fault of the thing itself, behind what the report has.
	Read(ctx context.Context, granted *Request) (Report, error)
}

const (
	// grace is how long reading may take before a thing says that it has begun.
	grace = 2 * time.Second
	// perStanza is how many readings go into one stanza, so that it stays far below what servers let through.
	perStanza = 128
)

// Respond answers a request for sensor data, in its generation: iq is the one that brought req, and send sends the result of
// iq and the messages behind it. It returns when all is sent, ctx ends, or send fails.
//
// In the first generation the request is accepted, and data comes in messages. In the others data that is there within two
// seconds is the result itself; else that is started. A request for a later time is queued until then. Behind the end of ctx
// nothing is sent but an error, if the iq has no result yet.
func Respond(ctx context.Context, iq *stanza.IQ, req *Request, src Source, send func(*stanza.Stanza) error) error {
	r := &responder{iq: iq, req: req, send: send}
	// Until XEP-0323 0.2 the ids of stanzas were the sequence numbers.
	r.old = req.Generation == iot.XSF && iq.ID == req.ID
	granted, err := src.Admit(ctx, iq.From, req)
	if err != nil {
		return r.reject(err)
	}
	if wait := time.Until(req.When); wait > 0 {
		if err := r.update(&Update{State: Queued}); err != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := r.update(&Update{State: Started}); err != nil {
			return err
		}
	} else if req.Generation == iot.XSF {
		if err := r.update(&Update{State: Accepted}); err != nil {
			return err
		}
	}
	report, err := r.read(ctx, src, granted)
	if err != nil {
		return err
	}
	return r.tell(report.Filter(granted))
}

// responder sends what belongs to one request.
type responder struct {
	iq       *stanza.IQ
	req      *Request
	old      bool // the asker follows XEP-0323 before its version 0.3
	answered bool // the iq has its result
	send     func(*stanza.Stanza) error
}

// read reads the granted request, and says that it has begun if that takes long and nothing was said yet.
func (r *responder) read(ctx context.Context, src Source, granted *Request) (Report, error) {
	type outcome struct {
		report Report
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		report, err := src.Read(ctx, granted)
		done <- outcome{report, err}
	}()
	var out outcome
	var sent error
	select {
	case out = <-done:
	case <-time.After(grace):
		if !r.answered {
			sent = r.update(&Update{State: Started})
		}
		out = <-done
	}
	if err := ctx.Err(); err != nil {
		if !r.answered {
			err = errors.Join(err, r.reject(errCancelled)) // every request has an answer. RFC 6120 §8.2.3
		}
		return Report{}, err
	}
	if out.err != nil {
		out.report.Fail(iot.Node{}, time.Now().Truncate(time.Millisecond), publicText(out.err))
	}
	return out.report, sent
}

// tell sends the report, in several stanzas if it is large.
func (r *responder) tell(report Report) error {
	parts := report.split(perStanza)
	for i := range parts {
		u := &Update{State: Telling, Report: parts[i]}
		if i == len(parts)-1 {
			u.State = Done
		}
		if err := r.update(u); err != nil {
			return err
		}
	}
	return nil
}

// update sends an update: the first as the result of the iq, the others in messages.
func (r *responder) update(u *Update) error {
	u.ID = r.req.ID
	for _, el := range u.Elements(r.req.Generation, r.old) {
		s := stanza.NewMessage(r.iq.From, stanza.Normal, el)
		s.From = r.iq.To
		if !r.answered {
			r.answered = true
			s = r.iq.Stanza().Reply(el)
		}
		if err := r.send(s); err != nil {
			return err
		}
	}
	return nil
}

// reject sends the error of the iq. Before XEP-0323 0.3 a <rejected/> beside told the asker.
func (r *responder) reject(err error) error {
	s := r.iq.Stanza().Bounce(rejection(err))
	if r.old {
		text := xmlstream.New(Family.NS(iot.XSF), "error", xmlstream.Text(publicText(err)))
		s = s.With(xmlstream.New(Family.NS(iot.XSF), elemRejected, xmlstream.A(longNames.id, r.req.ID), text))
	}
	return r.send(s)
}

// rejection returns the error with the type that the document gives it. XEP-0323#readoutrejected
func rejection(err error) error {
	e := *stanza.AsError(err)
	if e.Condition == stanza.Forbidden {
		e.Kind = stanza.Cancel
	}
	return &e
}

// publicText returns the half of an error that is for the peer.
func publicText(err error) string {
	e := stanza.AsError(err)
	if e.Text == "" {
		return string(e.Condition)
	}
	return e.Text
}

// errCancelled is told where a request ends without its data.
var errCancelled = stanza.RecipientUnavailable.With("the request was cancelled")
