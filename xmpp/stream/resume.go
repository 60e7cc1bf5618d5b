package stream

import (
	"context"
	"strconv"

	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NSSM is the namespace of stream management, XEP-0198.
const NSSM = "urn:xmpp:sm:3"

// Resumption is an earlier session that a client wants to go on with. XEP-0198#resumption
type Resumption struct {
	ID      string // which the server gave the session in <enabled/>
	Handled uint32 // stanzas of the server that the client has handled in it
}

// Resumed is what became of a Resumption.
type Resumed struct {
	OK      bool   // the session goes on, under its own address; else a new one has begun
	Handled uint32 // stanzas of the client that the server had handled in the earlier session
	Counted bool   // Handled is known: always where the session goes on, and where the server remembers it
}

// resume asks for the earlier session. Where the server refuses, a resource can be bound as if nothing had been asked.
func (n *negotiation) resume(ctx context.Context) error {
	if n.Resume == nil || n.features.Child(NSSM, "sm") == nil {
		return nil
	}
	request := xmlstream.New(NSSM, "resume", Count("h", n.Resume.Handled), xmlstream.A("previd", n.Resume.ID))
	if err := n.write(ctx, request); err != nil {
		return err
	}
	el, err := n.next(ctx)
	if err != nil {
		return err
	}
	h, counted := ParseCount(el, "h")
	switch {
	case el.Is(NSSM, "failed"):
		n.result.Resumed = Resumed{Handled: h, Counted: counted}
		return nil
	case !el.Is(NSSM, "resumed"):
		return unexpected(el, "its answer to resume")
	case !counted || el.Attr("previd") != n.Resume.ID:
		return broken(BadFormat, "resumed something else")
	}
	n.result.Resumed = Resumed{OK: true, Handled: h, Counted: true}
	return nil
}

// Count writes a counter of stanzas, which wraps at 2^32. XEP-0198#acking
func Count(attr string, n uint32) xmlstream.Attr {
	return xmlstream.A(attr, strconv.FormatUint(uint64(n), 10))
}

// ParseCount reads a counter of stanzas. XEP-0198#schemas
func ParseCount(el *xmlstream.Element, attr string) (n uint32, ok bool) {
	v, err := strconv.ParseUint(el.Attr(attr), 10, 32)
	return uint32(v), err == nil
}
