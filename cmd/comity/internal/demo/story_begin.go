package demo

import (
	"context"
	"fmt"
	"slices"

	"github.com/comity-iot/comity/cmd/comity/internal/qrtext"
	"github.com/comity-iot/comity/iot"
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
	for _, begin := range []func(){s.startThermometer, s.startLamp, s.startMachine} {
		mark := s.Wire.mark()
		begin()
		if err := s.seeRegistration(ctx, mark, s.things()[len(s.things())-1]); err != nil {
			return err
		}
	}
	s.note("SN is the serial number, MAN the maker, V the version. KEY is a secret that a thing makes up, and shows on its sticker only: *** here. " +
		"Whoever knows it can claim the thing.")
	if err := s.checkAccounts(ctx); err != nil {
		return err
	}
	for _, d := range s.things() {
		if err := s.showCode(d); err != nil {
			return err
		}
	}
	return nil
}

// seeRegistration waits until a thing has found the registry, and is in it.
func (s *Show) seeRegistration(ctx context.Context, mark int, d *device) (err error) {
	at, err := get(ctx, d, d.online, "address")
	if err != nil {
		return err
	}
	_, err = s.Wire.wait(ctx, mark, func(st *stanza.Stanza) bool {
		_, items := st.Content.Find(disco.NSItems, "query")
		return st.From.Bare() == at && st.To == s.Domain && items
	})
	if err != nil {
		return fmt.Errorf("the %s has not asked which services there are: %w", d.name, err)
	}
	st, err := s.Wire.wait(ctx, mark, between(at, s.service(), registry.Space, "register"))
	if err != nil {
		return fmt.Errorf("the %s has not registered: %w", d.name, err)
	}
	if d.claimed, err = get(ctx, d, d.claim, "QR code"); err != nil {
		return err
	}
	return s.checkRegistration(d, st)
}

// checkRegistration looks for what a thing must say of itself. XEP-0347#register
func (s *Show) checkRegistration(d *device, st *stanza.Stanza) error {
	r, err := registry.ParseRegister(child(st, registry.Space))
	if err != nil {
		return err
	}
	about := d.About()
	for name, want := range map[string]string{"SN": about.Serial, "MAN": about.Maker, "MODEL": about.Model} {
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
func (s *Show) showCode(d *device) error {
	style := qrtext.Plain
	switch {
	case s.Style.ASCII:
		style = qrtext.ASCII
	case s.Style.Colours:
		style = qrtext.Colours
	}
	code, err := qrtext.Draw(d.claimed, style)
	if err != nil {
		return err
	}
	s.line(func(t *teller) { t.code(d.name, d.claimed, code) })
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
	s.note("Alice reads what is hers. Nobody is asked whether she may: a thing knows its owner, who may do everything.")
	report, err := s.readAll(ctx, s.thermometer)
	if err != nil {
		return err
	}
	for _, name := range []string{"Temperature", "Humidity"} {
		told, ok := report.Latest(name)
		if !ok {
			return check(false, "the thermometer does not tell its %s", name)
		}
		if err := s.checkGiven(told); err != nil {
			return err
		}
	}
	if report, err = s.readAll(ctx, s.machine); err != nil {
		return err
	}
	s.told = slices.Collect(report.Samples())
	s.note("The last are values of the very machine that this runs on.")
	return check(len(s.told) > 0, "the machine told nothing")
}

// readAll is what alice reads of a thing of hers.
func (s *Show) readAll(ctx context.Context, d *device) (sensordata.Report, error) {
	report, err := sensordata.Read(ctx, s.alice, s.full(ctx, s.alice, d), sensordata.Request{})
	if err != nil {
		err = fmt.Errorf("alice reads the %s: %w", d.name, err)
	}
	return report, err
}

func (s *Show) claimOne(ctx context.Context, d *device, public bool) error {
	mark := s.Wire.mark()
	uri, err := registry.ParseURI(d.claimed)
	if err != nil {
		return err
	}
	own := registry.Client{Requester: s.alice, Registry: uri.Registry}
	got, err := own.Claim(ctx, uri.Claim, public)
	if err != nil {
		return fmt.Errorf("alice claims the %s: %w", d.name, err)
	}
	owner, err := get(ctx, d, d.owned, "owner")
	if err != nil {
		return err
	}
	if err := check(got.JID == d.JID() && owner == s.alice.Account, "%s owns the %s, and %s was claimed", owner, d.name, got); err != nil {
		return err
	}
	if err := s.acknowledged(ctx, mark, d, registry.Space, "claimed"); err != nil {
		return fmt.Errorf("the %s is not told: %w", d.name, err)
	}
	return s.meet(ctx, mark, s.alice, d)
}

// acknowledged waits until a thing has answered what the broker has told it.
func (s *Show) acknowledged(ctx context.Context, mark int, d *device, f iot.Family, local string) error {
	st, err := s.Wire.wait(ctx, mark, between(s.service(), d.JID(), f, local))
	if err != nil {
		return err
	}
	_, err = s.Wire.wait(ctx, mark, func(r *stanza.Stanza) bool {
		return r.Kind == stanza.IQKind && r.Type == stanza.Result && r.ID == st.ID && r.From == st.To && r.To == st.From
	})
	return err
}

// meet makes a person the friend of a thing that has asked for it. The thing lets the person see it without being asked again.
func (s *Show) meet(ctx context.Context, mark int, p *person, d *device) error {
	if _, err := s.Wire.wait(ctx, mark, presence(d.JID(), p.Account, stanza.Subscribe)); err != nil {
		return fmt.Errorf("the %s sends no friend request: %w", d.name, err)
	}
	for _, st := range []*stanza.Stanza{roster.Approve(d.JID()), roster.Subscribe(d.JID())} {
		if err := p.Send(ctx, st); err != nil {
			return err
		}
	}
	for _, pair := range [][2]jid.JID{{p.Account, d.JID()}, {d.JID(), p.Account}} {
		if _, err := s.Wire.wait(ctx, mark, presence(pair[0], pair[1], stanza.Subscribed)); err != nil {
			return fmt.Errorf("%s does not let %s see it: %w", s.tells.name(pair[0]), s.tells.name(pair[1]), err)
		}
	}
	return nil
}

// full returns the full address of a thing that a person sees, zero where its presence does not come.
func (s *Show) full(ctx context.Context, p *person, d *device) jid.JID {
	st, err := s.Wire.wait(ctx, 0, func(st *stanza.Stanza) bool {
		return presence(d.JID(), p.Account, stanza.Available)(st) && st.From.IsFull()
	})
	if err != nil {
		return jid.JID{}
	}
	return st.From
}
