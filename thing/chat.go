package thing

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Bounds of chats.
const (
	maxChat     = 256                    // bytes of a text that the thing reads
	maxGreeting = 20                     // bytes behind a "hi" that is no more than that
	maxChats    = 64                     // addresses whose last text is remembered
	typing      = 200 * time.Millisecond // that people need for the next text, at least
)

// nsHints is the namespace of what a sender wishes to become of a message (XEP-0334).
const nsHints = "urn:xmpp:hints"

// chats remembers who said something, so that two things cannot keep each other talking.
type chats struct {
	mu   sync.Mutex
	last map[jid.JID]said
}

type said struct {
	at         time.Time
	understood bool
}

// answers reports whether to answer a text: not faster than people write, nor a second one in a row that makes no sense.
func (c *chats) answers(who jid.JID, understood bool) bool {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	last, met := c.last[who]
	if met && (now.Sub(last.at) < typing || !understood && !last.understood) {
		return false
	}
	if c.last == nil || len(c.last) >= maxChats && !met {
		c.last = map[jid.JID]said{}
	}
	c.last[who.Clone()] = said{now, understood}
	return true
}

// chat answers what somebody writes, with the same permissions as in the protocols. What was said while the thing was away is not
// for now.
func (o *online) chat(ctx context.Context, m *stanza.Stanza) {
	text := strings.TrimSpace(m.Body())
	if m.Type != stanza.Chat && m.Type != stanza.Normal || text == "" || len(text) > maxChat || isLate(m) || !o.mayAsk(m.From) {
		return
	}
	o.spawn(ctx, "chat", m.From, func(ctx context.Context) {
		say := o.understand(text)
		if o.chats.answers(m.From.Bare(), say != nil) {
			if say == nil {
				say = puzzled
			}
			o.send(ctx, reply(m, say(ctx, &talk{online: o, from: m.From})))
		}
	})
}

// reply makes the answer to a message, in its thread. RFC 6121 §5.2.5
//
// It may hold readings, and is for now: if who asked has gone meanwhile, no broker is to keep it for later. XEP-0334#no-store
// Other devices of who asked may see it, as they see the question, so there is no wish against copies. XEP-0280#avoiding
func reply(m *stanza.Stanza, text string) *stanza.Stanza {
	body := xmlstream.New(stanza.Client, "body", xmlstream.Text(text))
	answer := stanza.NewMessage(m.From, m.Type, body, xmlstream.New(nsHints, "no-store"))
	if thread := m.Child(stanza.Client, "thread"); thread != nil {
		answer = answer.With(thread)
	}
	return answer
}

// talk is what is said to one person.
type talk struct {
	*online
	from jid.JID
}

// speech says something, having done what it says.
type speech func(ctx context.Context, t *talk) string

func puzzled(context.Context, *talk) string { return "I do not understand that. Send ? for what I do." }

// understand returns what a text asks for, nil for nothing that makes sense:
//
//	hi, ?, toggle, toggle NAME, on, off, NAME, NAME VALUE, NAME=VALUE
func (o *online) understand(text string) speech {
	word, rest := text, ""
	if i := strings.IndexAny(text, " \t\r\n"); i >= 0 {
		word, rest = text[:i], strings.TrimSpace(text[i:])
	}
	switch strings.ToLower(word) {
	case "hi", "hello", "hej", "hey":
		if len(rest) <= maxGreeting {
			return greet
		}
	case "?", "help":
		if rest == "" {
			return explain
		}
	case "toggle":
		if p := o.theSwitch(rest); p != nil {
			return toggle(p)
		}
	case "on", "off":
		if p := o.theSwitch(""); p != nil && rest == "" {
			return setTo(p, word)
		}
	}
	return o.understandName(text)
}

// understandName is for the names of fields and parameters, the longest that fits.
func (o *online) understandName(text string) speech {
	var found speech
	longest := 0
	consider := func(name string, with func(value string) speech) {
		if value, ok := cutName(text, name); ok && len(name) > longest {
			if s := with(value); s != nil {
				found, longest = s, len(name)
			}
		}
	}
	for i := range o.fields {
		f := &o.fields[i]
		consider(f.Name, func(value string) speech {
			if value == "" {
				return tell(f)
			}
			return nil
		})
	}
	for i := range o.parameters {
		p := &o.parameters[i]
		consider(p.Name, func(value string) speech {
			if value == "" {
				return describe(p)
			}
			return setTo(p, value)
		})
	}
	return found
}

// cutName returns what stands behind a name, in any case, as in "NAME VALUE" and "NAME=VALUE".
func cutName(text, name string) (value string, ok bool) {
	if len(text) < len(name) || !strings.EqualFold(text[:len(name)], name) {
		return "", false
	}
	rest := text[len(name):]
	if rest != "" && !strings.ContainsAny(rest[:1], " \t\r\n=:") {
		return "", false
	}
	return strings.TrimLeft(rest, " \t\r\n=:"), true
}
