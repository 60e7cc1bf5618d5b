package demo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/comity-iot/comity/xep/ping"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

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
		answer, err := s.say(ctx, s.lamp, talk.text)
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
	if err := errors.Join(err, check(!lit, "the lamp is still on")); err != nil {
		return err
	}
	if err := s.askReadings(ctx); err != nil {
		return err
	}
	return s.leaveEarly(ctx)
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

// say returns what a thing answers to alice.
func (s *Show) say(ctx context.Context, d *device, text string) (string, error) {
	mark := s.Wire.mark()
	if err := s.write(ctx, d, text); err != nil {
		return "", err
	}
	answer, err := s.Wire.wait(ctx, mark, inWords(d.JID(), s.alice.Account))
	if err != nil {
		return "", fmt.Errorf("the %s does not answer %q: %w", d.name, text, err)
	}
	return answer.Body(), nil
}

// write sends what alice writes, when she has written it.
func (s *Show) write(ctx context.Context, d *device, text string) error {
	if err := pause(ctx, typing); err != nil {
		return err
	}
	return s.alice.Send(ctx, stanza.NewMessage(d.JID(), stanza.Chat, xmlstream.New(stanza.Client, "body", xmlstream.Text(text))))
}

// inWords matches messages for people to read.
func inWords(from, to jid.JID) func(*stanza.Stanza) bool {
	return func(st *stanza.Stanza) bool {
		return st.Kind == stanza.Message && st.Type != stanza.ErrorType && st.From.Bare() == from && st.To.Bare() == to && st.Body() != ""
	}
}

// askReadings has alice ask for readings in words.
func (s *Show) askReadings(ctx context.Context) error {
	before := len(s.given.all())
	answer, err := s.say(ctx, s.thermometer, "?")
	if err != nil {
		return err
	}
	measured := s.given.all()[before:]
	for _, v := range measured {
		if text := strconv.FormatFloat(v, 'f', decimals, 64); !strings.Contains(answer, text) {
			return check(false, "the thermometer has measured %s and says %q", text, answer)
		}
	}
	return check(len(measured) == 2, "%d values were measured", len(measured))
}

// leaveEarly has alice ask the same and log out, before the thermometer has measured. The answer says that it is not to be kept, so it
// is not waiting for her when she is back: it went back to who sent it.
func (s *Show) leaveEarly(ctx context.Context) error {
	s.note("Alice asks again, and logs out before it is measured. The broker keeps messages for who is away, but not those that say that they are not to " +
		"be kept, as a thing says in all its words. So the answer goes back to the thermometer, in her name:")
	before, mark := len(s.given.all()), s.Wire.mark()
	if err := s.askAndLeave(ctx, mark); err != nil {
		return err
	}
	_, err := s.Wire.wait(ctx, mark, func(st *stanza.Stanza) bool {
		return st.Kind == stanza.Message && st.Type == stanza.ErrorType && st.From.Bare() == s.alice.Account && st.To.Bare() == s.thermometer.JID()
	})
	if err != nil {
		return fmt.Errorf("the thermometer's answer does not come back: %w", err)
	}
	if n := len(s.given.all()) - before; n != 2 {
		return check(false, "%d values were measured for who has left", n)
	}
	if err := s.login(ctx, s.alice); err != nil {
		return fmt.Errorf("alice comes back: %w", err)
	}
	// What is kept for somebody is handed over before the next request is answered.
	if _, err := ping.Ping(ctx, s.alice, s.Domain); err != nil {
		return fmt.Errorf("alice comes back: %w", err)
	}
	s.note("When she is back, nothing is waiting for her.")
	return check(!s.Wire.any(mark, inWords(s.thermometer.JID(), s.alice.Account)), "what the thermometer said to nobody was kept for alice")
}

// askAndLeave returns when alice has asked and is gone. Until then nothing is measured.
func (s *Show) askAndLeave(ctx context.Context, mark int) error {
	s.given.mu.Lock()
	defer s.given.mu.Unlock()
	if err := s.write(ctx, s.thermometer, "?"); err != nil {
		return err
	}
	if _, err := s.Wire.wait(ctx, mark, inWords(s.alice.Account, s.thermometer.JID())); err != nil {
		return fmt.Errorf("the thermometer does not hear alice: %w", err)
	}
	if err := s.alice.Close(ctx); err != nil {
		return fmt.Errorf("alice leaves: %w", err)
	}
	if _, err := s.Wire.wait(ctx, mark, presence(s.alice.Account, s.thermometer.JID(), stanza.Unavailable)); err != nil {
		return fmt.Errorf("alice does not leave: %w", err)
	}
	return nil
}
