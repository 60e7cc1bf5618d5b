package transcript

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Namespaces of what servers put into stanzas.
const (
	nsStanzaID = "urn:xmpp:sid:0" // ids of messages
	nsDelay    = "urn:xmpp:delay" // when presence was sent that is told again
)

var errorShort = regexp.MustCompile(`\{error ([a-z]+)/([a-z-]+)\}`)

// pattern is an element that is expected.
type pattern struct{ *xmlstream.Element }

// parsePatterns reads elements as they could stand in a client's stream.
func parsePatterns(text string) ([]pattern, error) {
	text = errorShort.ReplaceAllStringFunc(text, func(short string) string {
		of := errorShort.FindStringSubmatch(short)
		if of[1] == anyValue {
			of[1] = "{" + anyValue + "}"
		}
		return "<error type='" + of[1] + "'>{more}<" + of[2] + " xmlns='" + stanza.NSErrors + "'/></error>{more}"
	})
	doc := "<stream:stream xmlns='" + stanza.Client + "' xmlns:stream='" + stream.NS + "'>" + text + "</stream:stream>"
	root, err := xmlstream.Parse([]byte(doc), xmlstream.Limits{})
	if err != nil {
		return nil, fmt.Errorf("what is received must be XML: %w", err)
	}
	var all []pattern
	for el := range root.Children() {
		all = append(all, pattern{el})
	}
	if len(all) == 0 {
		return nil, errors.New("no element")
	}
	return all, nil
}

// matcher compares what came with what is expected, and collects new values.
type matcher struct {
	known values
	bound values
}

func newMatcher(known values) *matcher { return &matcher{maps.Clone(known), values{}} }

// value compares an attribute or text.
func (m *matcher) value(want, got string) bool {
	bound, ok := m.known.match(want, got)
	if ok {
		maps.Copy(m.known, bound)
		maps.Copy(m.bound, bound)
	}
	return ok
}

// element returns nil, or how the two differ. optional are attributes and children that may come without being expected.
func (m *matcher) element(want, got *xmlstream.Element, optional func(xmlstream.Attr) bool) error {
	if want.Local() != got.Local() || !m.value(want.Space(), got.Space()) {
		return fmt.Errorf("<%s xmlns='%s'/> instead of <%s xmlns='%s'/>", got.Local(), got.Space(), want.Local(), want.Space())
	}
	for a := range want.Attrs() {
		v, ok := got.LookupAttr(a.Name.Space, a.Name.Local)
		switch {
		case !ok && a.Name.Local == "type" && got.Is(stanza.Client, "message") && a.Value == string(stanza.Normal):
		case !ok:
			return fmt.Errorf("<%s/> without %s", got.Local(), a.Name.Local)
		case !m.value(a.Value, v):
			return fmt.Errorf("<%s/> has %s=%q instead of %q", got.Local(), a.Name.Local, v, a.Value)
		}
	}
	for a := range got.Attrs() {
		_, expected := want.LookupAttr(a.Name.Space, a.Name.Local)
		if !expected && !(optional != nil && optional(a)) && !isIncidental(got, a) {
			return fmt.Errorf("<%s/> has %s=%q too", got.Local(), a.Name.Local, a.Value)
		}
	}
	open := strings.Contains(want.Text(), "{"+moreValue+"}")
	if !open {
		if err := m.text(want, got); err != nil {
			return err
		}
	}
	return m.children(want, got, open)
}

// isIncidental reports whether an attribute is one that servers may add: who reports an error (RFC 6120 §8.3.2) and its code, the
// version of a roster (RFC 6121 §2.6), the language of a message that is forwarded (RFC 6120 §8.1.5), and what a server prefers for a
// resumption (XEP-0198#enable, XEP-0198#resumption).
func isIncidental(of *xmlstream.Element, a xmlstream.Attr) bool {
	return of.Is(stanza.Client, "error") && (a.Name.Local == "by" || a.Name.Local == "code") ||
		of.Is("jabber:iq:roster", "query") && a.Name.Local == "ver" ||
		of.Is(stanza.Client, "message") && a.Name == xmlstream.Name{Space: xmlstream.SpaceXML, Local: "lang"} ||
		of.Is(stream.NSSM, "enabled") && (a.Name.Local == "id" || a.Name.Local == "max" || a.Name.Local == "location")
}

// text compares character data. White space around elements does not matter.
func (m *matcher) text(want, got *xmlstream.Element) error {
	expected, is := want.Text(), got.Text()
	if got.First() != nil || want.First() != nil {
		expected, is = strings.TrimSpace(expected), strings.TrimSpace(is)
	}
	if !m.value(expected, is) {
		return fmt.Errorf("<%s/> holds the text %q instead of %q", got.Local(), is, expected)
	}
	return nil
}

// children compares in order, but for the children of a message, which have none, and where there may be more.
func (m *matcher) children(want, got *xmlstream.Element, open bool) error {
	wanted, came := slices.Collect(want.Children()), slices.Collect(got.Children())
	came = slices.DeleteFunc(came, func(c *xmlstream.Element) bool {
		return mayHold(got, c) && want.Child(c.Space(), c.Local()) == nil
	})
	if open || got.Is(stanza.Client, "message") {
		return m.unordered(wanted, came, got, open)
	}
	for i, w := range wanted {
		if i >= len(came) {
			return fmt.Errorf("<%s/> holds no %s", got.Local(), w)
		}
		if err := m.element(w, came[i], nil); err != nil {
			return err
		}
	}
	if len(came) > len(wanted) {
		return fmt.Errorf("<%s/> holds %s too", got.Local(), came[len(wanted)])
	}
	return nil
}

// unordered finds each of the expected somewhere, and nothing else where there may be no more.
func (m *matcher) unordered(wanted, came []*xmlstream.Element, got *xmlstream.Element, open bool) error {
	for _, w := range wanted {
		i := slices.IndexFunc(came, func(c *xmlstream.Element) bool { return m.try(w, c) })
		if i < 0 {
			return fmt.Errorf("<%s/> does not hold %s", got.Local(), w)
		}
		came = slices.Delete(came, i, i+1)
	}
	if !open && len(came) > 0 {
		return fmt.Errorf("<%s/> holds %s too", got.Local(), came[0])
	}
	return nil
}

// mayHold reports whether a child is one that servers may add: ids in messages (XEP-0359), the age of presence (XEP-0203), and words for
// people in a failed login (RFC 6120 §6.5).
func mayHold(el, child *xmlstream.Element) bool {
	return el.Is(stanza.Client, "message") && child.Space() == nsStanzaID ||
		el.Is(stanza.Client, "presence") && child.Is(nsDelay, "delay") ||
		el.Is(stream.NSSASL, "failure") && child.Is(stream.NSSASL, "text")
}

// try matches without leaving values behind where it does not.
func (m *matcher) try(want, got *xmlstream.Element) bool {
	t := newMatcher(m.known)
	if t.element(want, got, nil) != nil {
		return false
	}
	maps.Copy(m.known, t.bound)
	maps.Copy(m.bound, t.bound)
	return true
}
