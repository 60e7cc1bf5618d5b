package thing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

const (
	// retryFirst and retryLast bound the wait between attempts to register.
	retryFirst, retryLast = time.Minute, time.Hour
	// afterDisowned is how long the registry gets to finish what it does when an owner lets go of a thing: it waits for us to
	// acknowledge that before it forgets the owner.
	afterDisowned = 5 * time.Second
)

// find looks for the registry and decision support, which are one service in many brokers. What is not found is where it was.
func (o *online) find(ctx context.Context) {
	broker := o.session.JID().DomainJID()
	found, info, err := disco.Find(ctx, o.session, broker, all(registry.Space)...)
	if err != nil {
		o.log.Warn("no registry found", "broker", broker, "err", err)
	}
	if info.Has(all(provisioning.DeviceSpace)...) {
		o.found(o.service(found, info, registry.Space), o.service(found, info, provisioning.DeviceSpace))
		return
	}
	first := o.service(found, info, registry.Space)
	found, info, err = disco.Find(ctx, o.session, broker, all(provisioning.DeviceSpace)...)
	if err != nil {
		o.log.Warn("no decision support found", "broker", broker, "err", err)
	}
	o.found(first, o.service(found, info, provisioning.DeviceSpace))
}

// all returns the namespaces of a protocol.
func all(f iot.Family) []string {
	var spaces []string
	for _, space := range f.All() {
		spaces = append(spaces, space)
	}
	return spaces
}

// service says how to speak to one. XSF comes behind IEEE only: both are open documents, and the later of them says more.
func (o *online) service(at jid.JID, info *disco.Info, f iot.Family) services {
	s := services{JID: at.Clone(), Generation: o.config.Generation}
	if s.Generation != 0 {
		return s
	}
	for _, g := range []iot.Generation{iot.IEEE, iot.XSF, iot.NF, iot.NFI} {
		if _, space := f.For(g); info.Has(space) {
			s.Generation = g
			break
		}
	}
	return s
}

// found keeps where the services are.
func (o *online) found(reg, decisions services) {
	k := o.state.view()
	if reg.JID.IsZero() {
		reg = k.Registry
	}
	if decisions.JID.IsZero() {
		decisions = k.Decisions
	}
	if reg == k.Registry && decisions == k.Decisions {
		return
	}
	if err := o.state.change(func(k *kept) { k.Registry, k.Decisions = reg, decisions }); err != nil {
		o.log.Error("state not saved", "err", err)
	}
}

// stayRegistered registers, and does so again whenever that is wanted, until ctx ends.
func (o *online) stayRegistered(ctx context.Context) {
	retry := retryFirst
	for ctx.Err() == nil {
		if !o.tryRegister(ctx) {
			sleepUnless(ctx, o.again, retry)
			retry = min(2*retry, retryLast)
			if ctx.Err() == nil {
				o.find(ctx)
			}
			continue
		}
		retry = retryFirst
		select {
		case delay := <-o.again:
			sleep(ctx, delay)
		case <-ctx.Done():
		}
	}
}

// sleepUnless waits, at most until something is wanted.
func sleepUnless(ctx context.Context, wanted <-chan time.Duration, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case delay := <-wanted:
		sleep(ctx, delay)
	case <-t.C:
	case <-ctx.Done():
	}
}

// wish wants the thing to be registered anew, after a while.
func (r *run) wish(after time.Duration) {
	select {
	case r.again <- after:
	default:
	}
}

// tryRegister registers, and reports whether that is done.
func (o *online) tryRegister(ctx context.Context) (done bool) {
	at := o.state.view().Registry
	if at.JID.IsZero() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := o.register(ctx, &registry.Client{Requester: o.session, Registry: at.JID, Generation: at.Generation})
	if err != nil && ctx.Err() == nil {
		o.log.Warn("not registered", "registry", at.JID, "err", err)
	}
	return err == nil
}

// register puts the thing into the registry, or learns there whose it is. XEP-0347#register
func (o *online) register(ctx context.Context, c *registry.Client) error {
	tags, err := o.tagsWithKey()
	if err != nil {
		return err
	}
	before := o.state.heard()
	claimed, err := c.Register(ctx, registry.Register{SelfOwned: o.config.SelfOwned, Tags: tags})
	if err != nil {
		return err
	}
	var owner jid.JID
	public := o.config.SelfOwned
	switch {
	case claimed != nil:
		owner, public = claimed.Owner, claimed.Public
	case o.config.SelfOwned:
		owner = o.session.JID().Bare()
	}
	if err := o.owned(ctx, owner, public, before); err != nil { // a push since then is newer than the answer
		return err
	}
	if claimed != nil {
		return o.update(ctx, c)
	}
	if told := o.config.Events.Unclaimed; told != nil && o.state.view().Owner.IsZero() {
		told(o.claim())
	}
	return o.told()
}

// update tells the registry which tags are others than it was told before. XEP-0347#update
func (o *online) update(ctx context.Context, c *registry.Client) error {
	if bytes.Equal(o.state.view().Tags, o.digest()) {
		return nil
	}
	switch err := c.Update(ctx, iot.Node{}, o.tags); {
	case errors.Is(err, registry.ErrDisowned):
		o.wish(afterDisowned)
		return nil
	case errors.Is(err, stanza.ItemNotFound): // the owner has taken it out of the registry
	case err != nil:
		return err
	}
	return o.told()
}

// told remembers which tags the registry has.
func (o *online) told() error {
	digest := o.digest()
	if bytes.Equal(o.state.view().Tags, digest) {
		return nil
	}
	return o.state.change(func(k *kept) { k.Tags = digest })
}

func (r *run) digest() []byte {
	sum := sha256.Sum256(r.tags.CanonicalKey())
	return sum[:]
}

// tagsWithKey returns what a claim must say.
func (r *run) tagsWithKey() (registry.Tags, error) {
	with := append(slices.Collect(r.tags.All()), registry.Str(registry.KeyTag, r.state.view().Key))
	return registry.NewTags(with...)
}

// claim returns the text for a claim, empty as long as it is not known where to claim.
func (r *run) claim() string {
	tags, err := r.tagsWithKey()
	at := r.state.view().Registry
	if err != nil || at.JID.IsZero() {
		return ""
	}
	text, err := registry.URI{Registry: at.JID, Claim: tags}.Format()
	if err != nil {
		return ""
	}
	return text
}

// owned notes whose thing it is, as of a time of heard, or now.
func (o *online) owned(ctx context.Context, owner jid.JID, public bool, since uint64) error {
	changed, err := o.state.own(owner.Clone(), public, since)
	if err != nil || !changed {
		return err
	}
	o.log.Info("owner", "jid", owner)
	if !owner.IsZero() && owner != o.session.JID().Bare() {
		o.befriend(ctx, owner)
	}
	if told := o.config.Events.Owned; told != nil {
		told(owner)
	}
	return nil
}
