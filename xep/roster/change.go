package roster

import (
	"context"
	"errors"
	"slices"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// errRequests says that too many strangers wait for the owner already. It is not told to them.
var errRequests = errors.New("roster: too many requests to subscribe")

// change is a contact before and after a transaction.
type change struct{ before, after item }

// change edits one contact of a roster in one transaction, after which the roster in memory is as new. The pushes that
// follow wait for flush. The edit may run several times; it is given an empty record where there is none, and its error
// undoes the change.
func (s *service) change(ctx context.Context, owner, contact jid.JID, edit func(*record) error) (change, error) {
	// What changes nothing costs no transaction: whoever likes may send us subscription stanzas.
	was, err := s.item(ctx, owner, contact)
	if err != nil {
		return change{}, err
	}
	try := record{item: was}
	if err := edit(&try); err != nil || !try.told && was.equal(&try.item) {
		return change{was, was}, err
	}
	var c change
	err = s.host.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := readRecord(tx, owner, contact)
		if err != nil {
			return err
		}
		c.before = r.item
		err = edit(&r)
		c.after = r.item
		if err != nil || !r.told && c.before.equal(&c.after) {
			return err
		}
		return s.write(tx, owner, c.before, r)
	})
	return c, err
}

// write puts a record in the place of another, within the limits, and counts.
func (s *service) write(tx *store.Tx, owner jid.JID, before item, r record) error {
	l, err := readLedger(tx, owner)
	if err != nil {
		return err
	}
	l.count(&before, -1)
	l.count(&r.item, 1)
	limit := s.settings.Contacts
	if isService(owner) {
		limit = s.settings.Subscribers
	}
	switch {
	case r.listed && !before.listed && l.contacts > limit:
		return stanza.ResourceConstraint.With("more than %d contacts", limit)
	case !r.listed && r.exists() && !before.exists() && l.requests > s.settings.Requests:
		return errRequests
	}
	// As a version is never older than its time, an account that is removed and made anew does not use one again.
	l.revision = max(l.revision+1, store.Micros(s.host.Now()))
	visible := r.told || !before.looks(&r.item)
	if visible {
		l.version = l.revision
	}
	if err := writeLedger(tx, owner, l); err != nil {
		return err
	}
	if !r.exists() {
		err = deleteRecord(tx, owner, r.jid)
	} else {
		err = writeRecord(tx, owner, r)
	}
	tx.AfterCommit(func() { s.committed(owner, r.item, l, visible) })
	return err
}

func (l *ledger) count(i *item, n int) {
	switch {
	case i.listed:
		l.contacts += n
	case i.exists():
		l.requests += n
	}
}

// committed takes a change over into memory. Commits come in their order.
func (s *service) committed(owner jid.JID, it item, l ledger, visible bool) {
	a := s.account(owner)
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revision = l.revision
	if a.roster != nil && a.roster.revision < l.revision {
		a.roster = a.roster.with(it, l.revision, l.version)
	}
	if visible {
		a.pushes = append(a.pushes, push{l.version, xmlstream.NewContent(query(formatVersion(l.version), it.element()))})
	}
}

// equal reports whether two are the same in all that is kept.
func (i *item) equal(o *item) bool {
	return i.listed == o.listed && i.state == o.state && i.name() == o.name() && slices.Equal(i.groups(), o.groups())
}
