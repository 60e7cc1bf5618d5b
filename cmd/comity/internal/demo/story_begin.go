package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/comity-iot/comity/cmd/comity/internal/qrtext"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// quota is how many accounts the key is good for: the three things', and two for who joins.
const quota = 5

// makeKey is step 1.
func (s *Show) makeKey(ctx context.Context) (err error) {
	if s.apiKey, err = s.Operator.NewKey(ctx, "The makers of the demo", quota, module.Thing); err != nil {
		return err
	}
	k, err := s.key(ctx)
	if err != nil {
		return err
	}
	s.note("Key %s, good for %d accounts of things, of which %d are used. Its secret is known to the makers of the things only.", k.ID, k.Limit, k.Used)
	return check(k.Limit == quota && k.Used == 0, "the key has used %d of %d", k.Used, k.Limit)
}

// key returns what the broker has of the key.
func (s *Show) key(ctx context.Context) (module.APIKey, error) {
	all, err := s.Operator.ListKeys(ctx)
	if err != nil {
		return module.APIKey{}, err
	}
	for _, k := range all {
		if k.ID == s.apiKey.ID {
			return k, nil
		}
	}
	return module.APIKey{}, check(false, "no key %s", s.apiKey.ID)
}

// register is step 2.
func (s *Show) register(ctx context.Context) error {
	mark := s.Wire.mark()
	s.startThings()
	for _, d := range s.things() {
		at, err := get(ctx, d, d.online, "address")
		if err != nil {
			return err
		}
		asked := func(st *stanza.Stanza) bool {
			_, items := st.Content.Find(disco.NSItems, "query")
			return st.From.Bare() == at && st.To == s.Domain && items
		}
		if _, err := s.Wire.wait(ctx, mark, asked); err != nil {
			return fmt.Errorf("%s has not asked which services there are: %w", d.name, err)
		}
		st, err := s.Wire.wait(ctx, mark, between(at, s.service(), registry.Space, "register"))
		if err != nil {
			return fmt.Errorf("%s has not registered: %w", d.name, err)
		}
		if err := s.checkRegistration(d, st); err != nil {
			return err
		}
	}
	if err := s.checkAccounts(ctx); err != nil {
		return err
	}
	for _, d := range s.things() {
		claim, err := get(ctx, d, d.claim, "QR code")
		if err != nil {
			return err
		}
		put(d.claim, claim)
		if err := s.showCode(d, claim); err != nil {
			return err
		}
	}
	return nil
}

// checkRegistration looks for what a thing must say of itself. XEP-0347#register
func (s *Show) checkRegistration(d *device, st *stanza.Stanza) error {
	r, err := registry.ParseRegister(child(st, registry.Space))
	if err != nil {
		return err
	}
	for name, want := range map[string]string{"SN": d.about.Serial, "MAN": d.about.Maker, "MODEL": d.about.Model} {
		if tag, _ := r.Tags.Get(name); tag.Text != want {
			return check(false, "the %s has registered %s %q", d.name, name, tag.Text)
		}
	}
	key, _ := r.Tags.Get(registry.KeyTag)
	return check(len(key.Text) >= 26, "the %s has a KEY of %d characters", d.name, len(key.Text))
}

// checkAccounts holds against the quota what accounts there are by the key.
func (s *Show) checkAccounts(ctx context.Context) error {
	all, err := s.Operator.List(ctx, "", 100)
	if err != nil {
		return err
	}
	made := 0
	for _, a := range all {
		if a.APIKey == s.apiKey.ID && a.Kind == module.Thing {
			made++
		}
	}
	k, err := s.key(ctx)
	if err != nil {
		return err
	}
	s.note("%d accounts were made, by forms that were signed with the key: %d of %d are used.", made, k.Used, k.Limit)
	return check(made == len(s.things()) && k.Used == made, "%d accounts, and %d of the key are used", made, k.Used)
}

// showCode prints what is on the thing's sticker.
func (s *Show) showCode(d *device, claim string) error {
	style := qrtext.Plain
	switch {
	case s.Style.ASCII:
		style = qrtext.ASCII
	case s.Style.Colours:
		style = qrtext.Colours
	}
	code, err := qrtext.Draw(claim, style)
	if err != nil {
		return err
	}
	s.line(func(t *teller) { t.code(d.name, claim, code) })
	return nil
}

// claim is step 3. The machine is the only one that she lets everybody find.
func (s *Show) claim(ctx context.Context) (err error) {
	if s.alice, err = s.enter(ctx, "alice"); err != nil {
		return err
	}
	for _, d := range s.things() {
		if err := s.claimOne(ctx, d, d == s.machine); err != nil {
			return err
		}
	}
	report, err := sensordata.Read(ctx, s.alice, s.full(ctx, s.alice, s.machine), sensordata.Request{})
	if err != nil {
		return fmt.Errorf("alice reads the machine: %w", err)
	}
	s.note("The owner needs nobody's leave: these are values of the very machine that this runs on.")
	return check(report.Len() > 0, "the machine told nothing")
}

func (s *Show) claimOne(ctx context.Context, d *device, public bool) error {
	mark := s.Wire.mark()
	text, err := get(ctx, d, d.claim, "QR code")
	if err != nil {
		return err
	}
	uri, err := registry.ParseURI(text)
	if err != nil {
		return err
	}
	own := registry.Client{Requester: s.alice, Registry: uri.Registry}
	got, err := own.Claim(ctx, uri.Claim, public)
	if err != nil {
		return fmt.Errorf("alice claims the %s: %w", d.name, err)
	}
	if _, err := s.Wire.wait(ctx, mark, between(s.service(), d.JID(), registry.Space, "claimed")); err != nil {
		return fmt.Errorf("the %s is not told: %w", d.name, err)
	}
	owner, err := get(ctx, d, d.owned, "owner")
	if err != nil {
		return err
	}
	if err := check(got.JID == d.JID() && owner == s.alice.Account, "%s owns the %s, and %s was claimed", owner, d.name, got); err != nil {
		return err
	}
	return s.meet(ctx, s.alice, d)
}

// meet makes an owner and a thing friends. Each asks the other, and neither needs anybody's leave.
func (s *Show) meet(ctx context.Context, p *person, d *device) error {
	mark := s.Wire.mark()
	for _, st := range []*stanza.Stanza{roster.Approve(d.JID()), roster.Subscribe(d.JID())} {
		if err := p.Send(ctx, st); err != nil {
			return err
		}
	}
	if _, err := s.Wire.wait(ctx, mark, presence(d.JID(), p.Account, stanza.Subscribed)); err != nil {
		return fmt.Errorf("the %s does not let its owner see it: %w", d.name, err)
	}
	return nil
}

// full returns the full address of a thing that a person sees, zero where its presence does not come.
func (s *Show) full(ctx context.Context, p *person, d *device) jid.JID {
	st, err := s.Wire.wait(ctx, 0, func(st *stanza.Stanza) bool {
		return presence(d.JID(), p.Account, stanza.Available)(st) && st.From.IsFull() && !strings.Contains(st.ID, "probe")
	})
	if err != nil {
		return jid.JID{}
	}
	return st.From
}
