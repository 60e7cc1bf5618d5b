package transcript

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// patience is how long a server may take for one step.
const patience = 5 * time.Second

// party is one stream. It reads only when a step wants something, and keeps what came before its time.
type party struct {
	name    string
	jid     jid.JID // full; zero for a raw stream
	account *login  // nil for a raw stream
	conn    transport.Conn
	queue   []*xmlstream.Element
	asked   map[string]string // to whom a request went, by its id

	features *xmlstream.Element // of the stream, behind the login; nil for a raw stream
}

// Errors of reading that are no failure of the network.
var (
	errHeader = errors.New("a header came")
	errEnd    = errors.New("the server ended the stream")
)

// raw is XML as it is sent.
type raw string

// AppendXML implements xmlstream.Appender.
func (r raw) AppendXML(dst []byte, _ string) []byte { return append(dst, r...) }

func (p *party) send(text string) error {
	p.note(text)
	p.conn.SetWriteDeadline(time.Now().Add(patience))
	return p.conn.Write(raw(text))
}

// note keeps in mind whom a request is for, so that the answer can be known to be theirs.
func (p *party) note(text string) {
	el, err := xmlstream.ParseIn(stanza.Client, []byte(text), xmlstream.Limits{})
	if err == nil && el.Is(stanza.Client, "iq") && el.Attr("id") != "" {
		p.asked[el.Attr("id")] = el.Attr("to")
	}
}

// next returns the element that comes next, errHeader or errEnd.
func (p *party) next() (*xmlstream.Element, error) {
	if len(p.queue) > 0 {
		el := p.queue[0]
		p.queue = p.queue[1:]
		return el, nil
	}
	return p.read()
}

// read waits for what the server sends, but for its requests for acknowledgements, which may come at any time. XEP-0198#acking
func (p *party) read() (*xmlstream.Element, error) {
	for {
		el, err := p.readAny()
		if err != nil || !el.Is(stream.NSSM, "r") {
			return el, err
		}
	}
}

func (p *party) readAny() (*xmlstream.Element, error) {
	p.conn.SetReadDeadline(time.Now().Add(patience))
	kind, err := p.conn.Next()
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil, fmt.Errorf("nothing came within %v", patience)
	case err != nil:
		return nil, fmt.Errorf("the connection ended: %w", err)
	case kind == xmlstream.Header:
		return nil, errHeader
	case kind == xmlstream.End:
		return nil, errEnd
	}
	return p.conn.Tokens().Element(), nil
}

// reached waits until the server has answered a ping at each address: all that the party sent before was handled, and what that
// led to for others is on its way before anything that they send later is handled.
func (p *party) reached(addresses []string) error {
	for i, to := range addresses {
		id := fmt.Sprintf("reached-%d", i)
		ping := fmt.Sprintf("<iq type='get' id='%s' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>", id, to)
		p.conn.SetWriteDeadline(time.Now().Add(patience))
		if err := p.conn.Write(raw(ping)); err != nil {
			return err
		}
		for {
			el, err := p.read()
			if err != nil {
				return fmt.Errorf("%s asked whether all has come: %w", p.name, err)
			}
			if isAnswer(el) && el.Attr("id") == id {
				break
			}
			p.queue = append(p.queue, el)
		}
	}
	return nil
}

func isAnswer(el *xmlstream.Element) bool {
	t := el.Attr("type")
	return el.Is(stanza.Client, "iq") && (t == string(stanza.Result) || t == string(stanza.ErrorType))
}

// optional reports whether an attribute of a stanza may come without being expected; see the package comment.
func (p *party) optional(got *xmlstream.Element) func(xmlstream.Attr) bool {
	return func(a xmlstream.Attr) bool {
		switch a.Name {
		case xmlstream.Name{Space: xmlstream.SpaceXML, Local: "lang"}:
			return true
		case xmlstream.Name{Local: "to"}:
			return p.account == nil || a.Value == p.jid.String() || a.Value == p.jid.Bare().String()
		case xmlstream.Name{Local: "from"}:
			to, known := p.asked[got.Attr("id")]
			if !isAnswer(got) || !known {
				return true
			}
			return a.Value == to || to == "" && p.account != nil && // RFC 6120 §8.1.2.1, and servers that say who they are
				(a.Value == p.jid.Bare().String() || a.Value == p.jid.Domain()) || to == "" && p.account == nil
		case xmlstream.Name{Local: "type"}:
			return got.Is(stanza.Client, "message") && a.Value == string(stanza.Normal)
		}
		return false
	}
}

// compare holds an element against what is expected.
func (p *party) compare(known values, want pattern, got *xmlstream.Element) (values, error) {
	m := newMatcher(known)
	err := m.element(want.Element, got, p.optional(got))
	return m.bound, err
}

// close ends the stream in good order, and reads until the server has too.
func (p *party) close() error {
	defer p.conn.Close()
	p.conn.SetWriteDeadline(time.Now().Add(patience))
	if err := p.conn.End(); err != nil {
		return err
	}
	for {
		if _, err := p.read(); err != nil {
			if errors.Is(err, errEnd) || errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// login is an account that was made for a file.
type login struct {
	bare     jid.JID
	password string
}

func (r *runner) session(ctx context.Context, who string) (*party, error) {
	account, resource, _ := strings.Cut(who, "/")
	l := r.accounts[account]
	conn, err := r.dial(ctx)
	if err != nil {
		return nil, err
	}
	p, err := enter(ctx, conn, r.peer.TLS, l, resource)
	if err != nil {
		conn.Close()
		return nil, err
	}
	p.name = who
	return p, nil
}
