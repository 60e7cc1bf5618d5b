package roster

import (
	"slices"
	"strconv"
	"strings"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// item is a contact as it is kept in memory, where most have neither name nor groups.
type item struct {
	jid    jid.JID // bare
	about  *about  // nil for neither name nor groups
	state  state
	listed bool // in the roster; else the contact has only asked to subscribe (RFC 6121 §A.1, "None + Pending In")
}

type about struct {
	name   string
	groups []string
}

func (i *item) describe(name string, groups []string) {
	i.about = nil
	if name != "" || len(groups) > 0 {
		i.about = &about{name, groups}
	}
}

func (i *item) name() string {
	if i.about == nil {
		return ""
	}
	return i.about.name
}

func (i *item) groups() []string {
	if i.about == nil {
		return nil
	}
	return i.about.groups
}

// looks reports whether the owner's clients see the two alike. They do not see requests. RFC 6121 §2.1.2
func (i *item) looks(like *item) bool {
	if !i.listed || !like.listed {
		return i.listed == like.listed
	}
	return i.state&^pendingIn == like.state&^pendingIn && i.name() == like.name() && slices.Equal(i.groups(), like.groups())
}

// element is the item in a roster or, where it is not listed, in the push of its removal.
func (i *item) element() *xmlstream.Element {
	if !i.listed {
		return Item{JID: i.jid, Subscription: Remove}.Element()
	}
	return Item{
		JID: i.jid, Name: i.name(), Groups: i.groups(), Subscription: i.state.subscription(),
		Ask: i.state.has(pendingOut), Approved: i.state.has(approved),
	}.Element()
}

func (i *item) contact() module.Contact {
	return module.Contact{
		JID: i.jid, Name: i.name(), Groups: slices.Clone(i.groups()),
		To: i.state.has(to), From: i.state.has(from), Ask: i.state.has(pendingOut),
	}
}

// snapshot is a roster between two changes. It is immutable, so that it can be read without a lock.
type snapshot struct {
	revision int64  // of the last change
	version  int64  // of the last change that clients can see
	items    []item // in the order of their addresses, listed or not
}

func (s *snapshot) find(contact jid.JID) (int, bool) {
	return slices.BinarySearchFunc(s.items, contact, func(i item, c jid.JID) int {
		return strings.Compare(i.jid.String(), c.String())
	})
}

// item gives an empty item where the contact is unknown.
func (s *snapshot) item(contact jid.JID) item {
	if i, ok := s.find(contact); ok {
		return s.items[i]
	}
	return item{jid: contact}
}

// with is the roster after a change.
func (s *snapshot) with(it item, revision, version int64) *snapshot {
	i, had := s.find(it.jid)
	rest := s.items[i:]
	if had {
		rest = rest[1:]
	}
	next := &snapshot{revision: revision, version: version, items: make([]item, 0, len(s.items)+1)}
	next.items = append(next.items, s.items[:i]...)
	if it.exists() {
		next.items = append(next.items, it)
	}
	next.items = append(next.items, rest...)
	return next
}

// exists reports whether there is anything to keep.
func (i *item) exists() bool { return i.listed || i.state != none }

// element is the answer to a request for the roster.
func (s *snapshot) element() *xmlstream.Element {
	var listed []*xmlstream.Element
	for i := range s.items {
		if s.items[i].listed {
			listed = append(listed, s.items[i].element())
		}
	}
	return query(formatVersion(s.version), listed...)
}

// formatVersion is the version as clients keep it. RFC 6121 §2.6.1
func formatVersion(v int64) string { return strconv.FormatInt(v, 10) }
