package transport

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NSStream is the namespace of streams (RFC 6120 §4.8.1).
const NSStream = "http://etherx.jabber.org/streams"

// minRead is the least room offered to a read: a TLS record of an ordinary stanza fits.
const minRead = 2048

// TCP is a Conn over a socket, RFC 6120 §3.
type TCP struct {
	raw     net.Conn // below TLS
	conn    net.Conn // what is read and written: raw, or tls over it
	tls     *tls.Conn
	tokens  *xmlstream.Tokenizer
	header  Header
	content string // default namespace of what is sent
	failed  error  // of a write; nil while all went well
}

var _ Conn = (*TCP)(nil)

// NewTCP makes a Conn of a connected socket.
func NewTCP(c net.Conn, limits xmlstream.Limits) *TCP {
	return &TCP{raw: c, conn: c, tokens: xmlstream.NewTokenizer(limits)}
}

// Next implements Conn.
func (c *TCP) Next() (xmlstream.Kind, error) {
	for {
		kind, err := c.tokens.Next()
		if err != nil {
			return kind, err
		}
		switch kind {
		case xmlstream.More:
		case xmlstream.Header:
			return kind, c.readHeader()
		default:
			return kind, nil
		}
		n, err := c.conn.Read(c.tokens.Space(minRead))
		c.tokens.Filled(n)
		if n == 0 && err != nil {
			return xmlstream.More, err
		}
	}
}

func (c *TCP) readHeader() error {
	name := c.tokens.Name()
	c.header = Header{Content: c.tokens.DefaultSpace()}
	for a := range c.tokens.Attrs() {
		switch a.Name {
		case xmlstream.Name{Local: "to"}:
			c.header.To = a.Value
		case xmlstream.Name{Local: "from"}:
			c.header.From = a.Value
		case xmlstream.Name{Local: "id"}:
			c.header.ID = a.Value
		case xmlstream.Name{Local: "version"}:
			c.header.Version = a.Value
		case xmlstream.Name{Space: xmlstream.SpaceXML, Local: "lang"}:
			c.header.Lang = a.Value
		}
	}
	if name != (xmlstream.Name{Space: NSStream, Local: "stream"}) {
		return ErrNotStream
	}
	return nil
}

// Tokens implements Conn.
func (c *TCP) Tokens() *xmlstream.Tokenizer { return c.tokens }

// Header implements Conn.
func (c *TCP) Header() Header { return c.header }

// Restart implements Conn.
func (c *TCP) Restart() error { return c.tokens.Reset() }

// Open implements Conn.
func (c *TCP) Open(h Header) error {
	c.content = h.Content
	return c.write(func(b []byte) []byte {
		b = append(b, "<?xml version='1.0'?><stream:stream xmlns='"...)
		b = append(b, h.Content...)
		b = append(b, "' xmlns:stream='"+NSStream+"'"...)
		for _, a := range [...][2]string{
			{"to", h.To}, {"from", h.From}, {"id", h.ID}, {"version", h.Version}, {"xml:lang", h.Lang},
		} {
			if a[1] != "" {
				b = xmlstream.AppendAttr(b, a[0], a[1])
			}
		}
		return append(b, '>')
	})
}

// Write implements Conn.
func (c *TCP) Write(items ...xmlstream.Appender) error {
	return c.write(func(b []byte) []byte {
		for _, it := range items {
			b = it.AppendXML(b, c.content)
		}
		return b
	})
}

// End implements Conn.
func (c *TCP) End() error {
	return c.write(func(b []byte) []byte { return append(b, "</stream:stream>"...) })
}

// buffers hold what is being written, so that an idle connection holds none. One that grew large is not kept.
var buffers = sync.Pool{New: func() any { return new(make([]byte, 0, 4096)) }}

const keepBuffer = 64 << 10

// write sends what fill appends. A write that failed may have gone in part: whatever came behind it would be read as its end, so
// nothing does.
func (c *TCP) write(fill func([]byte) []byte) error {
	if c.failed != nil {
		return c.failed
	}
	buf := buffers.Get().(*[]byte)
	b := fill((*buf)[:0])
	_, c.failed = c.conn.Write(b)
	if cap(b) <= keepBuffer {
		*buf = b
		buffers.Put(buf)
	}
	return c.failed
}

// Secure implements Conn.
func (c *TCP) Secure(ctx context.Context, cfg *tls.Config, server bool) error {
	if c.tokens.Buffered() > 0 {
		return ErrInjected
	}
	if server {
		c.tls = tls.Server(c.raw, cfg)
	} else {
		c.tls = tls.Client(c.raw, cfg)
	}
	if err := c.tls.HandshakeContext(ctx); err != nil {
		return err
	}
	c.conn = c.tls
	return nil
}

// Rest implements Rester. No read is under way.
func (c *TCP) Rest(trim bool) (idle, partial bool) {
	if !c.tokens.Release() {
		return false, false
	}
	if c.tls != nil && trim {
		partial = trimTLS(c.tls)
	}
	return true, partial
}

// TLS implements Conn.
func (c *TCP) TLS() *tls.ConnectionState {
	if c.tls == nil {
		return nil
	}
	s := c.tls.ConnectionState()
	return &s
}

// SetReadDeadline implements Conn.
func (c *TCP) SetReadDeadline(t time.Time) error { return c.raw.SetReadDeadline(t) }

// SetWriteDeadline implements Conn.
func (c *TCP) SetWriteDeadline(t time.Time) error { return c.raw.SetWriteDeadline(t) }

// RemoteAddr implements Conn.
func (c *TCP) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// Close implements Conn. It does not wait for a blocked write, so the alert of TLS may be left out.
func (c *TCP) Close() error { return c.raw.Close() }
