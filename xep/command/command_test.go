package command_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/xep/command"
	"github.com/comity-iot/comity/xep/disco"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var discovery = jid.MustParse("discovery.example.org")

// services is a feature with the commands of the document's examples: list is done at once, config asks for the service and then for
// its state, which it keeps in a hidden field meanwhile.
func services() module.Def {
	anybody := func(context.Context, jid.JID) bool { return true }
	return module.Def{Name: "services", Init: func(*module.Host) (*module.Hooks, error) {
		return &module.Hooks{
			Services: []module.Service{{Label: "discovery"}},
			Commands: []module.Command{
				{Node: "list", Name: "List Service Configurations", On: "discovery", Allowed: anybody, Step: list},
				{Node: "config", Name: "Configure Service", On: "discovery", Allowed: anybody, Step: config},
				{Node: "reset", Name: "Reset", On: "discovery", Step: list},
				{Node: "fail", Name: "Fail", On: module.Domain, Allowed: anybody, Step: func(context.Context, jid.JID, *form.Form) (module.CommandResult, error) {
					return module.CommandResult{}, errors.New("it burns")
				}},
			},
		}, nil
	}}
}

func list(_ context.Context, asker jid.JID, _ *form.Form) (module.CommandResult, error) {
	return module.CommandResult{Form: form.New(form.TypeResult, "", form.Value("for", asker.String())), Done: true}, nil
}

func config(_ context.Context, _ jid.JID, submit *form.Form) (module.CommandResult, error) {
	service := form.Field{
		Var: "service", Type: form.ListSingle, Required: true,
		Options: []form.Option{{Value: "httpd"}, {Value: "jabberd"}},
	}
	switch {
	case submit == nil:
		return module.CommandResult{Form: form.New(form.TypeForm, "", service)}, nil
	case submit.Field("state") == nil:
		return module.CommandResult{Form: form.New(form.TypeForm, "",
			form.Field{Var: "service", Type: form.Hidden, Values: submit.Values("service")},
			form.Field{Var: "state", Type: form.TextSingle, Required: true})}, nil
	case submit.String("state") == "sideways":
		return module.CommandResult{}, stanza.NotAcceptable.With("on or off")
	}
	note := fmt.Sprintf("Service '%s' is %s.", submit.String("service"), submit.String("state"))
	return module.CommandResult{Note: note, Done: true}, nil
}

func set(values map[string]any) module.Def {
	def := command.Module()
	for name, v := range values {
		reflect.ValueOf(def.Config).Elem().FieldByName(name).Set(reflect.ValueOf(v))
	}
	return def
}

func broker(t testing.TB, def module.Def) *moduletest.Broker {
	return moduletest.New(t, disco.Module(), def, services())
}

const requester = "requester@example.org/desk"

func start(t *testing.T, b *moduletest.Broker, node string) *command.Session {
	t.Helper()
	s, err := command.Start(context.Background(), b.Client(requester), discovery, node)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func values(v, value string) map[string][]string { return map[string][]string{v: {value}} }

// XEP-0050#retrieve
func TestList(t *testing.T) {
	b := broker(t, command.Module())
	items, err := command.List(context.Background(), b.Client(requester), discovery)
	var nodes []string
	for _, it := range items {
		nodes = append(nodes, it.Node)
	}
	if err != nil || !slices.Equal(nodes, []string{"list", "config"}) {
		t.Errorf("%v, %v", nodes, err)
	}
}

// XEP-0050#execute-simple
func TestSimple(t *testing.T) {
	s := start(t, broker(t, command.Module()), "list")
	if s.Status != command.Completed || s.Form.String("for") != requester || len(s.Actions) > 0 {
		t.Errorf("%+v", s)
	}
	if err := s.Next(context.Background(), nil); !errors.Is(err, command.ErrEnded) {
		t.Errorf("going on: %v", err)
	}
}

// XEP-0050#execute-multiple
func TestMultiple(t *testing.T) {
	ctx := context.Background()
	s := start(t, broker(t, command.Module()), "config")
	if s.Status != command.Executing || slices.Contains(s.Actions, command.Prev) || s.Form.Field("service") == nil {
		t.Fatalf("stage 1: %+v", s)
	}
	if err := s.Next(ctx, values("service", "jabberd")); err != nil {
		t.Fatal(err)
	}
	if s.Status != command.Executing || !slices.Contains(s.Actions, command.Prev) || s.Form.Field("state") == nil {
		t.Fatalf("stage 2: %+v", s)
	}
	if err := s.Prev(ctx); err != nil || s.Form.Field("state") != nil {
		t.Fatalf("back at stage 1: %+v, %v", s, err)
	}
	if err := s.Next(ctx, values("service", "httpd")); err != nil {
		t.Fatal(err)
	}
	if err := s.Complete(ctx, values("state", "on")); err != nil {
		t.Fatal(err)
	}
	want := []command.Note{{Type: "info", Text: "Service 'httpd' is on."}}
	if s.Status != command.Completed || !slices.Equal(s.Notes, want) {
		t.Errorf("stage 3: %+v", s)
	}
}

// XEP-0050#cancel
func TestCancel(t *testing.T) {
	b, ctx := broker(t, command.Module()), context.Background()
	s := start(t, b, "config")
	again := *s
	if err := s.Cancel(ctx); err != nil || s.Status != command.Canceled {
		t.Errorf("%+v, %v", s, err)
	}
	if err := again.Next(ctx, values("service", "httpd")); !refused(err, stanza.NotAllowed, "session-expired") {
		t.Errorf("a canceled session: %v", err)
	}
}

// refused reports whether err is of the general and the specific condition.
func refused(err error, general stanza.Condition, specific string) bool {
	var e *stanza.Error
	return errors.As(err, &e) && e.Condition == general && (specific == "" || e.App.Is(command.NS, specific))
}

// XEP-0050#desc-errors
func TestErrors(t *testing.T) {
	b, ctx := broker(t, command.Module()), context.Background()
	send := func(from string, to jid.JID, typ stanza.Type, attrs map[string]string) error {
		el := xmlstream.New(command.NS, "command")
		for k, v := range attrs {
			el = el.With(xmlstream.A(k, v))
		}
		_, err := b.Client(from).Request(ctx, &stanza.IQ{Type: typ, To: to, Payload: el})
		return err
	}
	for _, c := range []struct {
		name     string
		err      error
		general  stanza.Condition
		specific string
	}{
		{"a get", send(requester, discovery, stanza.Get, map[string]string{"node": "list"}), stanza.BadRequest, ""},
		{"no node", send(requester, discovery, stanza.Set, nil), stanza.BadRequest, ""},
		{"no such node", send(requester, discovery, stanza.Set, map[string]string{"node": "x"}), stanza.ItemNotFound, ""},
		{"a node of another place", send(requester, b.Host.Domain, stanza.Set, map[string]string{"node": "list"}), stanza.ItemNotFound, ""},
		{"not allowed", send(requester, discovery, stanza.Set, map[string]string{"node": "reset"}), stanza.Forbidden, ""},
		{"no such action", send(requester, discovery, stanza.Set, map[string]string{"node": "list", "action": "undo"}), stanza.BadRequest, "malformed-action"},
		{"going on with nothing", send(requester, discovery, stanza.Set, map[string]string{"node": "list", "action": "next"}), stanza.BadRequest, "bad-action"},
		{"no session of ours", send(requester, discovery, stanza.Set, map[string]string{"node": "config", "sessionid": "x"}), stanza.BadRequest, "bad-sessionid"},
		{"a command that fails", send(requester, b.Host.Domain, stanza.Set, map[string]string{"node": "fail"}), stanza.InternalServerError, ""},
	} {
		if !refused(c.err, c.general, c.specific) {
			t.Errorf("%s: %v", c.name, c.err)
		}
	}
	var e *stanza.Error
	if err := send(requester, discovery, stanza.Set, map[string]string{"node": "reset"}); !errors.As(err, &e) || e.Kind != stanza.Cancel {
		t.Errorf("not allowed: %+v", err)
	}
}

// After a form that is wrong the session goes on with the same form.
func TestTryAgain(t *testing.T) {
	b, ctx := broker(t, command.Module()), context.Background()
	s := start(t, b, "config")
	if err := s.Prev(ctx); !refused(err, stanza.BadRequest, "bad-action") {
		t.Errorf("back from the first form: %v", err)
	}
	shown := s.Form
	s.Form = nil // send none
	if err := s.Next(ctx, nil); !refused(err, stanza.BadRequest, "bad-payload") {
		t.Errorf("no form: %v", err)
	}
	s.Form = form.New(form.TypeForm, "", form.Field{Var: "service"}) // send what is not among the options
	if err := s.Next(ctx, values("service", "sendmail")); !refused(err, stanza.BadRequest, "bad-payload") {
		t.Errorf("no such option: %v", err)
	}
	s.Form = shown
	if err := s.Next(ctx, values("service", "httpd")); err != nil {
		t.Fatal(err)
	}
	if err := s.Next(ctx, values("state", "sideways")); !refused(err, stanza.NotAcceptable, "") {
		t.Errorf("what the command refuses: %v", err)
	}
	if err := s.Next(ctx, values("state", "on")); err != nil || s.Status != command.Completed {
		t.Errorf("%+v, %v", s, err)
	}
}

// A hidden field keeps its value: a command may rely on what it has put there.
func TestHidden(t *testing.T) {
	b, ctx := broker(t, command.Module()), context.Background()
	s := start(t, b, "config")
	if err := s.Next(ctx, values("service", "httpd")); err != nil {
		t.Fatal(err)
	}
	s.Form.Set("service", "sendmail")
	if err := s.Complete(ctx, values("state", "on")); err != nil || s.Notes[0].Text != "Service 'httpd' is on." {
		t.Errorf("%+v, %v", s.Notes, err)
	}
}

// A session is of one party only. XEP-0050#impl-session
func TestOthersSession(t *testing.T) {
	b, ctx := broker(t, command.Module()), context.Background()
	var id string
	spy := spying{b.Client(requester), &id}
	s, err := command.Start(ctx, spy, discovery, "config")
	if err != nil {
		t.Fatal(err)
	}
	theft := xmlstream.New(command.NS, "command", xmlstream.A("node", "config"), xmlstream.A("sessionid", id), xmlstream.A("action", "cancel"))
	for _, other := range []string{"requester@example.org/phone", "romeo@montague.net/orchard"} {
		_, err := b.Client(other).Request(ctx, &stanza.IQ{Type: stanza.Set, To: discovery, Payload: theft})
		if !refused(err, stanza.BadRequest, "bad-sessionid") {
			t.Errorf("%s: %v", other, err)
		}
	}
	if err := s.Next(ctx, values("service", "httpd")); err != nil {
		t.Errorf("the owner: %v", err)
	}
}

// spying notes the session's id.
type spying struct {
	stanza.Requester
	id *string
}

func (s spying) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	answer, err := s.Requester.Request(ctx, iq)
	*s.id = answer.Attr("sessionid")
	return answer, err
}

func TestLifetime(t *testing.T) {
	b, ctx := broker(t, set(map[string]any{"Idle": time.Minute})), context.Background()
	s := start(t, b, "config")
	b.Clock.Advance(time.Minute)
	if err := s.Next(ctx, values("service", "httpd")); err != nil {
		t.Fatal(err)
	}
	b.Clock.Advance(time.Minute + 1)
	if err := s.Next(ctx, values("state", "on")); !refused(err, stanza.NotAllowed, "session-expired") {
		t.Errorf("%v", err)
	}
}

// One account's sessions are bounded: a new one ends the oldest. So are all together: then there is none for who comes.
func TestBounds(t *testing.T) {
	b, ctx := broker(t, set(map[string]any{"Sessions": 2, "SessionsIn": 3})), context.Background()
	var all []*command.Session
	for range 3 {
		all = append(all, start(t, b, "config"))
		b.Clock.Advance(time.Second)
	}
	for i, want := range []bool{false, true, true} {
		err := all[i].Next(ctx, values("service", "httpd"))
		if want != (err == nil) {
			t.Errorf("session %d: %v", i, err)
		}
	}
	begin := func(from string) error {
		_, err := command.Start(ctx, b.Client(from), discovery, "config")
		return err
	}
	if err := begin("romeo@montague.net/orchard"); err != nil {
		t.Errorf("the third: %v", err)
	}
	if err := begin("juliet@example.org/balcony"); !refused(err, stanza.ResourceConstraint, "") {
		t.Errorf("the fourth: %v", err)
	}
	b.Clock.Advance(time.Hour)
	if err := begin("juliet@example.org/balcony"); err != nil {
		t.Errorf("after an hour: %v", err)
	}
}

// XEP-0050#discover
func TestAnnounced(t *testing.T) {
	b := broker(t, command.Module())
	ctx, asker := context.Background(), jid.MustParse(requester)
	for at, want := range map[module.Place]bool{module.Domain: true, "discovery": true} {
		addr := b.Host.Domain
		if at != module.Domain {
			addr = discovery
		}
		if info := b.Host.Directory.Info(ctx, at, addr, asker); info.Has(command.NS) != want {
			t.Errorf("%s: %v", at, info.Features)
		}
	}
	without := moduletest.New(t, command.Module())
	if info := without.Host.Directory.Info(ctx, module.Domain, b.Host.Domain, asker); info.Has(command.NS) {
		t.Errorf("without commands: %v", info.Features)
	}
}

func FuzzCommand(f *testing.F) {
	f.Add(`<command xmlns='http://jabber.org/protocol/commands' node='list' action='execute'/>`)
	f.Add(`<command xmlns='http://jabber.org/protocol/commands' sessionid='config:20020923T213616Z-700' node='config'>
		<x xmlns='jabber:x:data' type='submit'><field var='service'><value>httpd</value></field></x></command>`)
	b := broker(f, command.Module())
	f.Fuzz(func(t *testing.T, text string) {
		el, err := xmlstream.Parse([]byte(text), xmlstream.Limits{})
		if err != nil || !el.Is(command.NS, "command") {
			return
		}
		_, err = b.Client(requester).Request(context.Background(), &stanza.IQ{Type: stanza.Set, To: discovery, Payload: el})
		if errors.Is(err, stanza.InternalServerError) {
			t.Errorf("%s: %v", text, err)
		}
	})
}
