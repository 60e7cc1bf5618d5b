package thing

import (
	"context"
	"errors"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// farthest is how far ahead data may be asked for: the thing must remember the request meanwhile.
const farthest = 24 * time.Hour

// readOut answers a request for sensor data, and the wish to cancel one. XEP-0323#usecases
func (o *online) readOut(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	if !o.mayAsk(iq.From) {
		return nil, errForbidden
	}
	src := &source{online: o}
	if iq.Payload.Local() == "cancel" {
		return o.respond(ctx, func(send func(*stanza.Stanza) error) { o.device.Answer(ctx, iq, src, send) })
	}
	who := iq.From.Bare()
	first, ok := o.visitors.enter(who)
	if !ok {
		return nil, errBusy
	}
	if !first && iq.Payload.Attr("when") == "" {
		// Others are being read for, so this one is for later, and is told so.
		queued := *iq
		queued.Payload = iq.Payload.With(xmlstream.A("when", xs.FormatDateTime(time.Now().Add(behind))))
		iq = &queued
	}
	return o.respond(ctx, func(send func(*stanza.Stanza) error) {
		defer o.visitors.leave(who)
		if err := o.device.Answer(ctx, iq, src, send); err != nil {
			o.log.Debug("data not sent", "to", iq.From, "err", err)
		}
	})
}

// errForbidden is for who may not do what was asked for. XEP-0323#readoutrejected
var errForbidden = stanza.Forbidden.Typed(stanza.Cancel)

// source is where one request gets its data. It implements sensordata.Source.
type source struct {
	*online
	from  jid.JID
	asked *sensordata.Request
	epoch uint64 // in which it was admitted
}

// Admit decides on a request, and narrows it to what is granted.
func (s *source) Admit(ctx context.Context, from jid.JID, req *sensordata.Request) (*sensordata.Request, error) {
	s.from, s.asked, s.epoch = from, req, s.state.current()
	switch {
	case !s.mayAsk(from):
		return nil, errForbidden
	case len(req.Nodes) > 0:
		return nil, errNode
	case time.Until(req.When) > farthest:
		return nil, stanza.ResourceConstraint.With("that is too far ahead")
	case !s.tells(req):
		return req, nil // there is nothing that anybody could be denied
	}
	q := Question{
		Op: Read, From: from.Bare(),
		Names: known(req.Fields, s.findField), Categories: req.Categories,
	}
	if q.Categories == 0 {
		q.Categories = iot.AllCategories // the same, in words that everybody understands
	}
	scope, ok := s.decide(ctx, q, req.Tokens)
	if !ok {
		return nil, errForbidden
	}
	granted := *req
	granted.Categories = scope.Categories
	if len(scope.Names) > 0 {
		granted.Fields = scope.Names
	}
	if !s.tells(&granted) {
		return nil, errForbidden // nothing is left
	}
	return &granted, nil
}

// tells reports whether the thing has a field that is asked for.
func (s *source) tells(req *sensordata.Request) bool {
	at := time.Now()
	if req.When.After(at) {
		at = req.When
	}
	for i := range s.fields {
		if req.Wants(at, s.fields[i].shape()) {
			return true
		}
	}
	return false
}

// Read reads the fields that are granted, one after the other. Where a permission was withdrawn meanwhile, it is decided anew.
func (s *source) Read(ctx context.Context, granted *sensordata.Request) (sensordata.Report, error) {
	var report sensordata.Report
	at := time.Now().Truncate(time.Millisecond)
	for i := range s.fields {
		f := &s.fields[i]
		if ctx.Err() != nil {
			return report, context.Cause(ctx)
		}
		if !granted.Wants(at, f.shape()) {
			continue
		}
		v, err := s.read(ctx, f)
		switch {
		case err != nil:
			report.Fail(iot.Node{}, at, err.Error())
		case v.at.IsZero():
			report.Add(iot.Node{}, at, f.reading(v))
		default:
			report.Add(iot.Node{}, v.at, f.reading(v))
		}
	}
	if s.state.current() == s.epoch {
		return report, nil
	}
	again, err := s.Admit(ctx, s.from, s.asked)
	if err != nil {
		return sensordata.Report{}, err
	}
	return report.Filter(again), nil
}

// call lets a function of the maker read something, when it is its turn. The error is what to tell who asked.
func (r *run) call(ctx context.Context, name string, limit time.Duration, read func(context.Context) (Value, error)) (Value, error) {
	if err := r.take(ctx); err != nil {
		return Value{}, err
	}
	defer r.give()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	v, err := read(ctx)
	if err == nil && v.isZero() {
		err = errNoValue
	}
	if err == nil {
		return v, nil
	}
	r.log.Warn("not read", "name", name, "err", err)
	text := "cannot be read"
	if refused, ok := errors.AsType[*stanza.Error](err); ok && refused.Text != "" {
		text = refused.Text
	} else if errors.Is(err, context.DeadlineExceeded) {
		text = "no value in time"
	}
	return v, errors.New(name + ": " + text)
}

// errNoValue is a mistake of the maker, for the log.
var errNoValue = errors.New("thing: neither a value nor an error")
