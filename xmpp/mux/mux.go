// Package mux matches received stanzas to handlers, at a client, a component or wherever else stanzas arrive, as
// net/http.ServeMux does requests to paths. It obeys RFC 6120 §8 (exactly one answer to each request) and RFC 6121 §5 and §4.
//
// Missing: matching by sender, and by anything below a stanza's children.
package mux

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// IQFunc answers a request: with the payload of the result, which may be nil, or with an error, of which the peer sees what
// stanza.AsError makes of it. Exactly one answer is sent, by whoever called Serve.
type IQFunc func(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error)

// Mux matches stanzas to handlers. The zero Mux has none and is ready for use. It is safe for concurrent use, and handlers may
// be added and removed at any time, by handlers too.
//
// Each method that adds a handler returns a function that removes it: once that has returned, no call of the handler begins. One
// that is under way is not waited for, so that handlers may remove themselves.
type Mux struct {
	mu       sync.RWMutex
	iq       map[request]IQFunc
	messages map[xmlstream.Name][]*handler
	presence map[stanza.Type][]*handler
	others   []*handler
}

type request struct {
	typ  stanza.Type
	name xmlstream.Name
}

// handler has an address, so that it can be found again.
type handler struct {
	handle  func(*stanza.Stanza)
	stopped atomic.Bool
}

// HandleIQ lets fn answer requests of a type, stanza.Get or stanza.Set, whose payload has that name. It panics on another type
// and where the requests have a handler already: both are mistakes of the program, as with http.ServeMux.
func (m *Mux) HandleIQ(typ stanza.Type, space, local string, fn IQFunc) (stop func()) {
	if typ != stanza.Get && typ != stanza.Set {
		panic(fmt.Sprintf("mux: %q is no request", string(typ)))
	}
	key := request{typ, xmlstream.Name{Space: space, Local: local}}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.iq[key] != nil {
		panic(fmt.Sprintf("mux: two handlers for %s of {%s}%s", string(typ), space, local))
	}
	if m.iq == nil {
		m.iq = map[request]IQFunc{}
	}
	m.iq[key] = fn
	return sync.OnceFunc(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.iq, key)
	})
}

// HandleMessage calls fn for messages that have a child of that name, once for each such message. Several handlers of one name
// are called in the order in which they were added. Of a message of type error only its <error/> counts, in stanza.Client: the
// rest came from us.
func (m *Mux) HandleMessage(space, local string, fn func(*stanza.Stanza)) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.messages == nil {
		m.messages = map[xmlstream.Name][]*handler{}
	}
	return add(m, m.messages, xmlstream.Name{Space: space, Local: local}, fn)
}

// HandlePresence calls fn for presence of that type. Several handlers of one type are called in the order in which they were
// added.
func (m *Mux) HandlePresence(typ stanza.Type, fn func(*stanza.Stanza)) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.presence == nil {
		m.presence = map[stanza.Type][]*handler{}
	}
	return add(m, m.presence, typ, fn)
}

// HandleOther calls fn for messages and presence that no other handler takes.
func (m *Mux) HandleOther(fn func(*stanza.Stanza)) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := &handler{handle: fn}
	m.others = append(m.others, h)
	return func() {
		h.stopped.Store(true)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.others = without(m.others, h)
	}
}

// add is called with mu held.
func add[K comparable](m *Mux, of map[K][]*handler, key K, fn func(*stanza.Stanza)) (stop func()) {
	h := &handler{handle: fn}
	of[key] = append(of[key], h)
	return func() {
		h.stopped.Store(true)
		m.mu.Lock()
		defer m.mu.Unlock()
		if of[key] = without(of[key], h); len(of[key]) == 0 {
			delete(of, key)
		}
	}
}

func without(list []*handler, h *handler) []*handler {
	return slices.DeleteFunc(list, func(x *handler) bool { return x == h })
}
