package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/comity-iot/comity/examples/home"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xmpp/stanza"
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

// look is step 9.
func (s *Show) look(ctx context.Context) error {
	bob := registry.Client{Requester: s.bob, Registry: s.service()}
	found, err := bob.Page(ctx, registry.Search{Operators: []registry.Operator{
		registry.Where("CLASS", registry.Equal, s.machine.About().Class), registry.WhereNum("V", registry.GreaterOrEqual, 1),
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
	found, err = bob.Page(ctx, registry.Search{Operators: []registry.Operator{registry.Where("MAN", registry.Equal, home.Maker)}})
	if err != nil {
		return fmt.Errorf("bob searches: %w", err)
	}
	s.note("The thermometer and the lamp were claimed as private: who does not own them does not find them.")
	return check(len(found.Things) == 0, "%d private things are found", len(found.Things))
}
