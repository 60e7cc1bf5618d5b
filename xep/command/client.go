package command

import (
	"context"
	"errors"

	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// ErrEnded is the error of going on with a command that is completed or canceled.
var ErrEnded = errors.New("command: not executing")

// Session is a command that was begun. Its exported fields are what the other side last said. It is for one goroutine at a time.
type Session struct {
	Status  Status
	Form    *form.Form // to fill in, or the result; may be nil
	Notes   []Note
	Actions []Action // that are allowed next; Cancel always is. Empty for a single dialog

	r        stanza.Requester
	to       jid.JID
	node, id string
}

// List returns the commands of an entity that the one who asks may run: their nodes and names. The error is that of disco.GetItems.
func List(ctx context.Context, r stanza.Requester, to jid.JID) ([]disco.Item, error) {
	items, err := disco.GetItems(ctx, r, to, NS)
	if err != nil {
		return nil, err
	}
	own := items.Items[:0]
	for _, it := range items.Items {
		if it.JID == to { // those of others are suspicious. XEP-0050#sec
			own = append(own, it)
		}
	}
	return own, nil
}

// Start begins a command. The error is the *stanza.Error that came back: stanza.ItemNotFound where there is no such command,
// stanza.Forbidden where it is not for the one who asks; a stanza.BadRequest for an answer that is none; or the context's.
func Start(ctx context.Context, r stanza.Requester, to jid.JID, node string) (*Session, error) {
	s := &Session{r: r, to: to, node: node, Status: Executing}
	if err := s.send(ctx, stage{node: node, action: Execute}); err != nil {
		return nil, err
	}
	return s, nil
}

// Next fills in the form with values, by var, and goes on. The error is that of form.Form.Submit, ErrEnded, or as for Start; after
// one of kind stanza.Modify the session may go on.
func (s *Session) Next(ctx context.Context, values map[string][]string) error {
	return s.submit(ctx, Next, values)
}

// Complete is Next, and wants the command to end with it. It may need more all the same: see Status.
func (s *Session) Complete(ctx context.Context, values map[string][]string) error {
	return s.submit(ctx, Complete, values)
}

// Prev goes back to the form before.
func (s *Session) Prev(ctx context.Context) error { return s.proceed(ctx, Prev, nil) }

// Cancel ends the command without its effect.
func (s *Session) Cancel(ctx context.Context) error { return s.proceed(ctx, Cancel, nil) }

func (s *Session) submit(ctx context.Context, a Action, values map[string][]string) error {
	if s.Form == nil || s.Form.Type != form.TypeForm {
		return s.proceed(ctx, a, nil)
	}
	filled, err := s.Form.Submit(values)
	if err != nil {
		return err
	}
	return s.proceed(ctx, a, filled)
}

func (s *Session) proceed(ctx context.Context, a Action, filled *form.Form) error {
	if s.Status != Executing {
		return ErrEnded
	}
	return s.send(ctx, stage{node: s.node, session: s.id, action: a, form: filled})
}

func (s *Session) send(ctx context.Context, request stage) error {
	answer, err := s.r.Request(ctx, &stanza.IQ{Type: stanza.Set, To: s.to, Payload: request.element()})
	if err != nil {
		return err
	}
	st, err := parse(answer)
	if err != nil {
		return err
	}
	s.id = st.session
	s.Status, s.Form, s.Notes, s.Actions = st.status, st.form, st.notes, st.actions
	return nil
}
