package demo

import (
	"cmp"
	"strings"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// maxOpen bounds the requests whose answers are awaited, so that the answers can be told.
const maxOpen = 1000

// interpreter puts stanzas into words. It is for one goroutine.
type interpreter struct {
	name func(jid.JID) string      // what a party is called
	open map[string]*stanza.Stanza // requests, by who asked and their id
	why  map[asked]string          // why the broker decided what it is about to say
}

// asked is what a thing asked the broker: whether somebody may do something with it.
type asked struct {
	thing, caller jid.JID // bare
	op            provisioning.Operation
}

// heard notes what the broker has decided. It says so to the thing after that.
func (in *interpreter) heard(v provisioning.Verdict) {
	if len(in.why) >= maxOpen {
		clear(in.why)
	}
	in.why[asked{v.Thing, v.Caller, v.Op}] = strings.Join(v.Reasons(), "; ")
}

// says returns what a stanza says, empty for what is of no interest here.
func (in *interpreter) says(s *stanza.Stanza) string {
	switch {
	case s.Kind == stanza.Presence:
		return saysPresence(s)
	case s.Kind == stanza.Message:
		return in.saysMessage(s)
	case s.IsRequest():
		if len(in.open) >= maxOpen {
			clear(in.open)
		}
		in.open[s.From.String()+" "+s.ID] = s
		return in.asks(s)
	}
	key := s.To.String() + " " + s.ID
	request := in.open[key]
	delete(in.open, key)
	if request == nil || in.asks(request) == "" {
		return ""
	}
	if s.Type == stanza.ErrorType {
		return "no (" + condition(s) + ")"
	}
	return in.answers(s, request)
}

func saysPresence(s *stanza.Stanza) string {
	switch s.Type {
	case stanza.Subscribe:
		return "may I see you? (a friend request)"
	case stanza.Subscribed:
		return "yes, you may see me"
	case stanza.Unsubscribed:
		return "no, you may not see me"
	case stanza.Unsubscribe:
		return "I do not look at you any more"
	}
	return ""
}

// saysMessage is for what nobody answers, or not in the same way.
func (in *interpreter) saysMessage(s *stanza.Stanza) string {
	if el := child(s, provisioning.OwnerSpace); el != nil {
		if q, err := provisioning.ParseQuestion(el); err == nil {
			return "may " + in.want(in.name(q.Remote), q.Op, in.name(q.Thing.JID), q.Asked) + "? I said no for now; answer when you like"
		}
	}
	if el := child(s, provisioning.DeviceSpace); el != nil {
		if f, err := provisioning.ParseFriend(el); err == nil {
			return "be friends with " + in.name(f.JID)
		}
		if f, err := provisioning.ParseUnfriend(el); err == nil {
			return "be friends with " + in.name(f.JID) + " no more"
		}
	}
	if el := child(s, sensordata.Family); el != nil {
		return saysData(el)
	}
	if s.Type == stanza.ErrorType {
		return "not delivered: I am not here (" + condition(s) + ")"
	}
	if body := s.Body(); body != "" {
		return "“" + body + "”"
	}
	return ""
}

// condition is what an error says.
func condition(s *stanza.Stanza) string {
	e := stanza.ParseError(s.Child(stanza.Client, "error"))
	return cmp.Or(e.Text, string(e.Condition))
}

// asks is for requests.
func (in *interpreter) asks(s *stanza.Stanza) string {
	iq, err := s.IQ()
	if err != nil {
		return ""
	}
	el := iq.Payload
	switch {
	case el.Is(disco.NSItems, "query") && el.Attr("node") == "":
		return "which services are here?"
	case has(el, registry.Space):
		return in.asksRegistry(el)
	case has(el, provisioning.DeviceSpace):
		return in.asksDecision(el)
	case has(el, provisioning.OwnerSpace):
		return in.rules(el)
	case has(el, sensordata.Family):
		if r, err := sensordata.ParseRequest(el); err == nil {
			return "tell me " + names(r.Fields, "all that you measure")
		}
	case has(el, control.Family):
		if c, err := control.ParseCommand(el); err == nil {
			return "set " + assignments(c.Values)
		}
		return "what can be set?"
	}
	return ""
}

func (in *interpreter) asksRegistry(el *xmlstream.Element) string {
	if r, err := registry.ParseRegister(el); err == nil {
		return "register me: " + tagList(r.Tags)
	}
	if m, err := registry.ParseMine(el); err == nil {
		public := ", for me alone to find"
		if m.Public {
			public = ", for everybody to find"
		}
		return "it is mine" + public + ": " + tagList(m.Tags)
	}
	if c, err := registry.ParseClaimed(el); err == nil {
		return in.name(c.Owner) + " owns you now"
	}
	if s, err := registry.ParseSearch(el); err == nil {
		if uri, err := (registry.URI{Search: s.Operators}).Format(); err == nil {
			// A # says that a tag is a number.
			return "which things have " + strings.NewReplacer("#", "", ";", " and ").Replace(strings.TrimPrefix(uri, "iotdisco:")) + "?"
		}
	}
	return el.Local()
}

func (in *interpreter) asksDecision(el *xmlstream.Element) string {
	if f, err := provisioning.ParseIsFriend(el); err == nil {
		return "may " + in.want(in.name(f.Remote), provisioning.Befriend, "", provisioning.Scope{}) + "?"
	}
	if r, err := provisioning.ParseCanRead(el); err == nil {
		return "may " + in.want(in.name(r.Remote), provisioning.Read, "", provisioning.Scope{Categories: r.Categories, Names: r.Fields}) + "?"
	}
	if c, err := provisioning.ParseCanControl(el); err == nil {
		return "may " + in.want(in.name(c.Remote), provisioning.Control, "", provisioning.Scope{Names: c.Parameters}) + "?"
	}
	if el.Local() == "clearCache" {
		return "forget every answer that you remember"
	}
	return ""
}

// rules is for what owners decide.
func (in *interpreter) rules(el *xmlstream.Element) string {
	a, err := provisioning.ParseAnswer(el)
	if err != nil {
		return el.Local()
	}
	who := a.Origin.String()
	if a.Origin.Kind == provisioning.FromCaller {
		who = in.name(a.Remote)
	}
	if !a.Allow {
		return "no, " + who + " may not " + a.Op.String() + " " + in.name(a.Thing.JID)
	}
	return "yes, " + in.want(who+" may", a.Op, in.name(a.Thing.JID), a.Scope)
}

// want says who wants what of a thing, which is empty for the one that speaks.
func (in *interpreter) want(who string, op provisioning.Operation, thing string, s provisioning.Scope) string {
	switch op {
	case provisioning.Read:
		who += " read " + names(s.Names, "everything")
	case provisioning.Control:
		who += " set " + names(s.Names, "everything")
	default:
		return who + " befriend " + cmp.Or(thing, "me")
	}
	if thing != "" {
		who += " of " + thing
	}
	return who
}

// saysData is for sensor data.
func saysData(el *xmlstream.Element) string {
	u, err := sensordata.ParseUpdate(el)
	if err != nil || u.Report.Len() == 0 {
		return ""
	}
	var all []string
	for s := range u.Report.Samples() {
		text := s.Name + " " + s.Value
		if d, err := s.Duration(); err == nil && d.Months == 0 {
			text = s.Name + " " + d.Rest.String() // 45m10s is easier to read than PT45M10S
		}
		if s.Unit != "" {
			text += " " + s.Unit
		}
		all = append(all, text)
	}
	for f := range u.Report.Faults() {
		all = append(all, f.Text)
	}
	return strings.Join(all, ", ")
}

func has(el *xmlstream.Element, f iot.Family) bool {
	_, ok := f.Of(el.Space())
	return ok
}

func names(all []string, none string) string {
	if len(all) == 0 {
		return none
	}
	return strings.Join(all, ", ")
}

func assignments(values []control.Value) string {
	var all []string
	for _, v := range values {
		all = append(all, v.Name+" to "+v.Text)
	}
	return strings.Join(all, ", ")
}

// tagList shows tags, but of the secret KEY only that it is there.
func tagList(tags registry.Tags) string {
	var all []string
	for t := range tags.All() {
		if strings.EqualFold(t.Name, registry.KeyTag) {
			t.Text = "***"
		}
		all = append(all, t.Name+"="+t.Text)
	}
	return strings.Join(all, ", ")
}
