package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// withdraw is step 7. A question that was answered may be answered again.
func (s *Show) withdraw(ctx context.Context) error {
	q, err := s.question(ctx, 0, provisioning.Read, s.thermometer)
	if err != nil {
		return err
	}
	mark := s.Wire.mark()
	if err := s.answer(ctx, q, false); err != nil {
		return err
	}
	// The broker answers when the thing has confirmed. If it had not, alice would have been told before.
	late := func(st *stanza.Stanza) bool {
		return st.Kind == stanza.Message && st.From == s.service() && st.To.Bare() == s.alice.Account && child(st, provisioning.OwnerSpace) == nil
	}
	if s.Wire.any(mark, late) {
		return check(false, "the thermometer has not confirmed in time")
	}
	if err := s.forgotten(ctx, mark, s.thermometer); err != nil {
		return err
	}
	_, err = sensordata.Read(ctx, s.bob, s.full(ctx, s.bob, s.thermometer), sensordata.Request{Fields: []string{"Temperature"}})
	if !errors.Is(err, stanza.Forbidden) {
		return check(false, "bob is not refused but told %v", err)
	}
	s.note("The broker said done to Alice only after the thermometer had confirmed.")
	return nil
}

// chat is step 8: what a person can do with any chat client.
func (s *Show) chat(ctx context.Context) error {
	for _, talk := range []struct {
		text string
		want []string // in the answer
	}{
		{"hi", []string{"Lamp"}},
		{"?", []string{"Relay: on", "toggle"}},
		{"toggle", []string{"Relay is now off"}},
	} {
		if err := pause(ctx, typing); err != nil {
			return err
		}
		answer, err := s.say(ctx, talk.text)
		if err != nil {
			return err
		}
		for _, want := range talk.want {
			if !strings.Contains(answer, want) {
				return check(false, "to %q the lamp says %q", talk.text, answer)
			}
		}
	}
	lit, err := s.isLit(ctx)
	return errors.Join(err, check(!lit, "the lamp is still on"))
}

// typing is how long somebody takes to write a word. A thing does not answer who writes faster: that is another machine.
const typing = 300 * time.Millisecond

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// say returns what the lamp answers.
func (s *Show) say(ctx context.Context, text string) (string, error) {
	mark := s.Wire.mark()
	body := xmlstream.New(stanza.Client, "body", xmlstream.Text(text))
	if err := s.alice.Send(ctx, stanza.NewMessage(s.lamp.JID(), stanza.Chat, body)); err != nil {
		return "", err
	}
	answer, err := s.Wire.wait(ctx, mark, func(st *stanza.Stanza) bool {
		return st.Kind == stanza.Message && st.From.Bare() == s.lamp.JID() && st.To.Bare() == s.alice.Account && st.Body() != ""
	})
	if err != nil {
		return "", fmt.Errorf("the lamp does not answer %q: %w", text, err)
	}
	return answer.Body(), nil
}

// search is step 9.
func (s *Show) search(ctx context.Context) error {
	look := registry.Client{Requester: s.bob, Registry: s.service()}
	found, err := look.Page(ctx, registry.Search{Operators: []registry.Operator{
		registry.Where("CLASS", registry.Equal, s.machine.about.Class), registry.WhereNum("V", registry.GreaterOrEqual, 1),
	}})
	if err != nil {
		return fmt.Errorf("bob searches: %w", err)
	}
	if len(found.Things) != 1 || found.Things[0].Thing.JID != s.machine.JID() {
		return check(false, "%d things are found, not the machine", len(found.Things))
	}
	if _, told := found.Things[0].Tags.Get(registry.KeyTag); told {
		return check(false, "the search tells the KEY")
	}
	found, err = look.Page(ctx, registry.Search{Operators: []registry.Operator{registry.Where("MAN", registry.Equal, maker)}})
	if err != nil {
		return fmt.Errorf("bob searches: %w", err)
	}
	s.note("The thermometer and the lamp were claimed as private: who does not own them does not find them.")
	return check(len(found.Things) == 0, "%d private things are found", len(found.Things))
}
