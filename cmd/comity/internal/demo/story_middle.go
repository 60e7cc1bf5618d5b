package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// befriend is step 4.
func (s *Show) befriend(ctx context.Context) (err error) {
	if s.bob, err = s.enter(ctx, "bob"); err != nil {
		return err
	}
	if err := s.friendship(ctx, s.thermometer); err != nil {
		return err
	}
	s.note("The thermometer refuses whom it does not know, and asks the broker. The broker knows no rule, says no too, and asks the owner. " +
		"Her answer is a rule from then on; the thing forgets what it had remembered, and turns to the neighbour.")
	return nil
}

// friendship is bob's way to a thing of alice's.
func (s *Show) friendship(ctx context.Context, d *device) error {
	mark := s.Wire.mark()
	if err := s.bob.Send(ctx, roster.Subscribe(d.JID())); err != nil {
		return err
	}
	if _, err := s.Wire.wait(ctx, mark, presence(d.JID(), s.bob.Account, stanza.Unsubscribed)); err != nil {
		return fmt.Errorf("the %s does not refuse: %w", d.name, err)
	}
	q, err := s.question(ctx, mark, provisioning.Befriend, d)
	if err != nil {
		return err
	}
	if err := s.answer(ctx, q, true); err != nil {
		return err
	}
	if err := s.forgotten(ctx, mark, d); err != nil {
		return err
	}
	if _, err := s.Wire.wait(ctx, mark, between(s.service(), d.JID(), provisioning.DeviceSpace, "friend")); err != nil {
		return fmt.Errorf("the %s is not advised: %w", d.name, err)
	}
	return s.meet(ctx, mark, s.bob, d)
}

// question waits for what alice is asked.
func (s *Show) question(ctx context.Context, mark int, op provisioning.Operation, d *device) (provisioning.Question, error) {
	var q provisioning.Question
	_, err := s.Wire.wait(ctx, mark, func(st *stanza.Stanza) bool {
		el := child(st, provisioning.OwnerSpace)
		if el == nil || st.Kind != stanza.Message || st.To.Bare() != s.alice.Account {
			return false
		}
		var err error
		q, err = provisioning.ParseQuestion(el)
		return err == nil && q.Op == op && q.Thing.JID == d.JID() && q.Remote == s.bob.Account
	})
	if err != nil {
		return q, fmt.Errorf("alice is not asked whether bob may %s the %s: %w", op, d.name, err)
	}
	return q, nil
}

// answer is alice's: for bob alone, and of what was asked for these fields or parameters, or all where there are none.
func (s *Show) answer(ctx context.Context, q provisioning.Question, allow bool, names ...string) error {
	a, _ := q.Answer(allow, provisioning.FromCaller)
	if len(names) > 0 {
		a.Scope.Names = names
	}
	own := provisioning.OwnerClient{Requester: s.alice, Service: s.service()}
	if err := own.Answer(ctx, a); err != nil {
		return fmt.Errorf("alice answers: %w", err)
	}
	return nil
}

// forgotten waits until a thing has confirmed that it forgot.
func (s *Show) forgotten(ctx context.Context, mark int, d *device) error {
	if err := s.acknowledged(ctx, mark, d, provisioning.DeviceSpace, "clearCache"); err != nil {
		return fmt.Errorf("the %s has not forgotten: %w", d.name, err)
	}
	return nil
}

// read is step 5.
func (s *Show) read(ctx context.Context) error {
	mark := s.Wire.mark()
	both := sensordata.Request{Fields: []string{"Temperature", "Humidity"}}
	at := s.full(ctx, s.bob, s.thermometer)
	if _, err := sensordata.Read(ctx, s.bob, at, both); !errors.Is(err, stanza.Forbidden) {
		return check(false, "bob is not refused but told %v", err)
	}
	q, err := s.question(ctx, mark, provisioning.Read, s.thermometer)
	if err != nil {
		return err
	}
	if err := s.answer(ctx, q, true, "Temperature"); err != nil {
		return err
	}
	if err := s.forgotten(ctx, mark, s.thermometer); err != nil {
		return err
	}
	report, err := sensordata.Read(ctx, s.bob, at, both)
	if err != nil {
		return fmt.Errorf("bob reads: %w", err)
	}
	temperature, ok := report.Latest("Temperature")
	if !ok {
		return check(false, "no Temperature came")
	}
	if err := s.checkGiven(temperature); err != nil {
		return err
	}
	if _, leaked := report.Latest("Humidity"); leaked {
		return check(false, "Humidity came too")
	}
	s.note("Bob asked for both and has got what he may have: %s %s.", temperature.Value, temperature.Unit)
	return nil
}

// control is step 6.
func (s *Show) control(ctx context.Context) error {
	if err := s.friendship(ctx, s.lamp); err != nil {
		return err
	}
	mark := s.Wire.mark()
	on := control.Command{Values: []control.Value{control.NewBool("Relay", true)}}
	at := s.full(ctx, s.bob, s.lamp)
	if _, err := control.Set(ctx, s.bob, at, on); !errors.Is(err, stanza.Forbidden) {
		return check(false, "bob is not refused but told %v", err)
	}
	if lit, err := s.isLit(ctx); err != nil || lit {
		return errors.Join(err, check(!lit, "the lamp is on"))
	}
	q, err := s.question(ctx, mark, provisioning.Control, s.lamp)
	if err != nil {
		return err
	}
	if err := s.answer(ctx, q, true); err != nil {
		return err
	}
	if err := s.forgotten(ctx, mark, s.lamp); err != nil {
		return err
	}
	if _, err := control.Set(ctx, s.bob, at, on); err != nil {
		return fmt.Errorf("bob switches the lamp: %w", err)
	}
	lit, err := s.isLit(ctx)
	s.note("The lamp belongs to Alice, so she sees what was done with it.")
	return errors.Join(err, check(lit, "the lamp is off"))
}

// isLit is what alice sees of the lamp.
func (s *Show) isLit(ctx context.Context) (bool, error) {
	report, err := sensordata.Read(ctx, s.alice, s.full(ctx, s.alice, s.lamp), sensordata.Request{Fields: []string{"Relay"}})
	if err != nil {
		return false, fmt.Errorf("alice reads the lamp: %w", err)
	}
	relay, ok := report.Latest("Relay")
	if !ok {
		return false, check(false, "the lamp does not tell its Relay")
	}
	return relay.Bool()
}
