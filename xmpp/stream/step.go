package stream

import (
	"context"
	"fmt"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// do runs one step, and ends its reading and writing when ctx does.
func (n *negotiation) do(ctx context.Context, step func() error) error {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		setDeadline(n.conn, time.Unix(1, 0))
	})
	err := step()
	n.lost = n.lost || err != nil && AsError(err) == nil
	if !stop() {
		<-interrupted
		setDeadline(n.conn, time.Time{})
	}
	return cause(ctx, err)
}

func setDeadline(conn transport.Conn, t time.Time) {
	conn.SetReadDeadline(t)
	conn.SetWriteDeadline(t)
}

// cause returns why a step failed: the end of ctx, where it is that, and not the timeout that it looks like.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (n *negotiation) write(ctx context.Context, items ...xmlstream.Appender) error {
	return n.do(ctx, func() error { return n.conn.Write(items...) })
}

// header waits for the server's header.
func (n *negotiation) header(ctx context.Context) error {
	kind, err := n.read(ctx)
	if err == nil && kind != xmlstream.Header {
		return broken(BadFormat, "sent no header")
	}
	return err
}

// next waits for one element. A stream error is returned as error.
func (n *negotiation) next(ctx context.Context) (*xmlstream.Element, error) {
	kind, err := n.read(ctx)
	switch {
	case err != nil:
		return nil, err
	case kind == xmlstream.End:
		n.over = true
		return nil, ErrClosed
	}
	el := n.conn.Tokens().Element()
	if el.Is(NS, "error") {
		n.over = true
		return nil, ParseError(el)
	}
	return el, nil
}

func (n *negotiation) read(ctx context.Context) (kind xmlstream.Kind, err error) {
	err = n.do(ctx, func() error {
		kind, err = n.conn.Next()
		return err
	})
	return kind, err
}

// Request implements stanza.Requester while there is no session: one request at a time, of which the answer must come next.
func (n *negotiation) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	request := iq.Stanza()
	request.ID = NewID()
	if err := n.write(ctx, request); err != nil {
		return nil, err
	}
	el, err := n.next(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := stanza.FromElement(el)
	switch {
	case err != nil, !answer.IsResponse(), answer.ID != request.ID:
		return nil, unexpected(el, "its answer")
	case answer.Type == stanza.ErrorType:
		return nil, stanza.ParseError(answer.Child(stanza.Client, "error"))
	}
	result, err := answer.IQ()
	if err != nil {
		return nil, broken(BadFormat, "answered with more than one payload")
	}
	return result.Payload, nil
}

// patience bounds the farewell to a server that does not read.
const patience = 2 * time.Second

// farewell ends the stream in good order: with a stream error where the server broke the rules. RFC 6120 §4.4. A stream that the
// network has failed is not ended, for the server may have given it the session that was to be resumed. XEP-0198#closure
func (n *negotiation) farewell(err error) {
	if !n.opened || n.lost {
		return
	}
	n.conn.SetWriteDeadline(time.Now().Add(patience))
	if told := AsError(err); told != nil && !n.over && n.conn.Write(told.Element()) != nil {
		return
	}
	n.conn.End()
}

// broken makes the error for a server that breaks the rules.
func broken(c Condition, format string, args ...any) error {
	return fmt.Errorf("stream: the server %s: %w", fmt.Sprintf(format, args...), c)
}

func unexpected(el *xmlstream.Element, instead string) error {
	return broken(UnsupportedStanzaType, "sent <%.40s/> where %s is due", el.Local(), instead)
}
