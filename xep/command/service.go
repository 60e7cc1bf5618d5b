package command

import (
	"context"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// settings are what an operator may say about the feature.
type settings struct {
	Sessions   int           `toml:"sessions" doc:"Commands that one account may have under way. A further one ends the one that was left alone longest."`
	SessionsIn int           `toml:"sessions_in_all" doc:"Commands under way in all."`
	Idle       time.Duration `toml:"idle" doc:"How long a command waits for its next form."`
}

// Module returns the feature.
func Module() module.Def {
	config := &settings{Sessions: 8, SessionsIn: 4096, Idle: 15 * time.Minute}
	return module.Def{
		Name:   "command",
		Title:  "Runs ad-hoc commands",
		Specs:  []module.Spec{{ID: "XEP-0050", Version: "1.3.0", Missing: "languages, announcements, payloads other than data forms"}},
		Config: config,
		Init: func(h *module.Host) (*module.Hooks, error) {
			s := &service{host: h, open: newSessions(config)}
			return s.hooks(), nil
		},
	}
}

type service struct {
	host *module.Host
	open *sessions
}

func (s *service) hooks() *module.Hooks {
	h := &module.Hooks{IQ: []module.IQ{{
		Name:   xmlstream.Name{Space: NS, Local: "command"},
		On:     []module.Place{module.Domain, module.Services},
		Handle: s.handle,
	}}}
	for _, at := range h.IQ[0].On {
		h.Announce = append(h.Announce, module.Announcement{On: at, Extra: s.announce})
	}
	return h
}

// announce says that there are commands, where there are. XEP-0050#discover
func (s *service) announce(_ context.Context, at, _ jid.JID) disco.Info {
	if len(s.host.Directory.Commands(s.host.PlaceOf(at))) == 0 {
		return disco.Info{}
	}
	return disco.Info{Features: []string{NS}}
}

func (s *service) handle(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	if iq.Type != stanza.Set {
		return nil, stanza.BadRequest
	}
	request, err := parse(iq.Payload)
	if err != nil {
		return nil, err
	}
	c, err := s.find(ctx, iq, request.node)
	if err != nil {
		return nil, err
	}
	if request.session == "" {
		if request.action != Execute {
			return nil, refusal(stanza.BadRequest, "bad-action", "not begun")
		}
		return s.step(ctx, c, newSession(iq, request.node), nil)
	}
	// Whoever has taken the session is alone with it, until it is put back.
	open, err := s.open.take(request.session, iq, request.node, s.host.Now())
	if err != nil {
		return nil, err
	}
	switch request.action {
	case Cancel:
		return stage{node: request.node, session: open.id, status: Canceled}.element(), nil
	case Prev:
		return s.back(open)
	}
	submit, err := open.submitted(request.form)
	if err != nil {
		return nil, s.keep(open, err)
	}
	return s.step(ctx, c, open, submit)
}

// find returns the command at the place that was addressed. XEP-0050#desc-errors
func (s *service) find(ctx context.Context, iq *stanza.IQ, node string) (module.Command, error) {
	if iq.To.Local() == "" {
		for _, c := range s.host.Directory.Commands(s.host.PlaceOf(iq.To)) {
			switch {
			case c.Node != node:
				continue
			case c.Allowed == nil || !c.Allowed(ctx, iq.From):
				return c, stanza.Forbidden.Typed(stanza.Cancel)
			}
			return c, nil
		}
	}
	return module.Command{}, stanza.ItemNotFound
}

// step has the command go on, and tells how far it has come.
func (s *service) step(ctx context.Context, c module.Command, open *session, submit *form.Form) (*xmlstream.Element, error) {
	result, err := c.Step(ctx, open.asker, submit)
	switch {
	case err != nil && submit != nil && stanza.AsError(err).Kind == stanza.Modify:
		return nil, s.keep(open, err) // the same form may be filled in better
	case err != nil:
		return nil, err
	}
	st := stage{node: c.Node, session: open.id, status: Completed, form: result.Form}
	if result.Note != "" {
		st.notes = []Note{{Type: "info", Text: result.Note}}
	}
	if result.Done {
		return st.element(), nil
	}
	if len(open.shown) == maxStages {
		return nil, stanza.ResourceConstraint.With("too many forms")
	}
	open.shown = append(open.shown, result.Form)
	return s.executing(open, st)
}

// back shows the form before the last again. XEP-0050#execute-multiple
func (s *service) back(open *session) (*xmlstream.Element, error) {
	if len(open.shown) < 2 {
		return nil, s.keep(open, refusal(stanza.BadRequest, "bad-action", "there is no form before this"))
	}
	open.shown = open.shown[:len(open.shown)-1]
	return s.executing(open, stage{node: open.node, session: open.id, form: open.last()})
}

// executing puts the session back and offers to go on. A command does not say beforehand whether a form is its last, so that both next
// and complete just go on.
func (s *service) executing(open *session, st stage) (*xmlstream.Element, error) {
	st.status, st.standard = Executing, Complete
	if len(open.shown) > 1 {
		st.actions = append(st.actions, Prev)
	}
	st.actions = append(st.actions, Next, Complete)
	if err := s.open.put(open, s.host.Now()); err != nil {
		return nil, err
	}
	return st.element(), nil
}

// keep puts the session back as it was, for another try after err.
func (s *service) keep(open *session, err error) error {
	if full := s.open.put(open, s.host.Now()); full != nil {
		return full
	}
	return err
}
