// Package command implements Ad-Hoc Commands, XEP-0050 (1.3.0): what an entity can do for which there is no protocol of its own, as a
// sequence of data forms. On the broker's side it runs the commands that features declare (module.Command), at the domain and at
// services; package xep/disco lists them.
//
// Missing: languages (all is in English, and no language is refused), commands announced by message, and payloads other than data
// forms.
package command

import (
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NS is the namespace, the disco feature of who has commands, and the disco node of their list.
const NS = "http://jabber.org/protocol/commands"

// Action is what the one who asks wants of a command. XEP-0050#desc-command
type Action string

const (
	Execute  Action = "execute" // the default: whatever the other side says that it is for now
	Cancel   Action = "cancel"
	Prev     Action = "prev"
	Next     Action = "next"
	Complete Action = "complete"
)

// Status is how far a command has come.
type Status string

const (
	Executing Status = "executing"
	Completed Status = "completed"
	Canceled  Status = "canceled"
)

// Note tells people something about a command. XEP-0050#desc-note
type Note struct {
	Type string // "info", "warn" or "error"
	Text string
}

// stage is a <command/>, one way or the other.
type stage struct {
	node, session string
	action        Action
	status        Status
	actions       []Action // that are allowed next, besides Cancel; nil for a single dialog
	standard      Action   // which of them Execute stands for
	form          *form.Form
	notes         []Note
}

// parse reads a stage. The error is a stanza.BadRequest.
func parse(el *xmlstream.Element) (stage, error) {
	st := stage{
		node: el.Attr("node"), session: el.Attr("sessionid"),
		action: Action(el.Attr("action")), status: Status(el.Attr("status")),
	}
	switch {
	case !el.Is(NS, "command") || st.node == "":
		return st, stanza.BadRequest
	case st.action == "":
		st.action = Execute
	}
	if st.action != Execute && st.action != Cancel && st.action != Prev && st.action != Next && st.action != Complete {
		return st, refusal(stanza.BadRequest, "malformed-action", "")
	}
	for c := range el.ChildrenNamed(NS, "note") {
		n := Note{Type: c.Attr("type"), Text: c.Text()}
		if n.Type == "" {
			n.Type = "info"
		}
		st.notes = append(st.notes, n)
	}
	if actions := el.Child(NS, "actions"); actions != nil {
		st.standard = Action(actions.Attr("execute"))
		for c := range actions.Children() {
			st.actions = append(st.actions, Action(c.Local()))
		}
	}
	var err error
	st.form, err = form.Find(el)
	return st, err
}

func (st stage) element() *xmlstream.Element {
	el := xmlstream.New(NS, "command", xmlstream.A("node", st.node))
	for _, a := range []struct{ name, value string }{
		{"sessionid", st.session}, {"action", string(st.action)}, {"status", string(st.status)},
	} {
		if a.value != "" {
			el = el.With(xmlstream.A(a.name, a.value))
		}
	}
	if len(st.actions) > 0 {
		actions := xmlstream.New(NS, "actions", xmlstream.A("execute", string(st.standard)))
		for _, a := range st.actions {
			actions = actions.With(xmlstream.New(NS, string(a)))
		}
		el = el.With(actions)
	}
	if st.form != nil {
		el = el.With(st.form.Element())
	}
	for _, n := range st.notes {
		el = el.With(xmlstream.New(NS, "note", xmlstream.A("type", n.Type), xmlstream.Text(n.Text)))
	}
	return el
}

// refusal is an error with one of the specific conditions of XEP-0050#desc-errors.
func refusal(c stanza.Condition, specific, text string) *stanza.Error {
	return c.With("%s", text).WithApp(xmlstream.New(NS, specific))
}
