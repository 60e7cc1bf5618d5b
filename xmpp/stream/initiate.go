package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NSRegister is the stream feature of in-band registration, XEP-0077#streamfeature.
const NSRegister = "http://jabber.org/features/iq-register"

// Initiator is a client about to turn a connection into a session of its account.
type Initiator struct {
	// JID is the account. Its resourcepart, if any, is asked for; the server decides.
	JID      jid.JID
	Password string

	// TLS is used as TLSFor says; nil is for the defaults of crypto/tls.
	TLS *tls.Config
	// AllowPlaintext goes without TLS where the server does not insist, if the peer is on this very machine: loopback, a
	// Unix socket, a pipe. Everywhere else TLS is required.
	AllowPlaintext bool

	// Register, if not nil, is called once where the account may be missing: the login failed with not-authorized and the
	// server offers in-band registration (XEP-0077). It creates the account with requests to r, which go to the server of
	// this stream and have no address. If it returns nil the login is tried once more on the same stream, else Negotiate
	// fails with its error.
	Register func(ctx context.Context, r stanza.Requester) error

	// Resume, if not nil, is asked for in place of a resource, where the server offers stream management. If the server refuses,
	// a resource is bound after all.
	Resume *Resumption
}

// Result is what was negotiated.
type Result struct {
	JID       jid.JID            // the session's full address; zero where Resumed.OK
	StreamID  string             // as the server named the stream
	Mechanism string             // of the login
	Features  *xmlstream.Element // what the server offered after the login
	Resumed   Resumed            // what became of the Initiator's Resume
}

// Errors of Negotiate, by errors.Is.
var (
	// ErrNoTLS: the server does not offer TLS, or someone between the two removed the offer.
	ErrNoTLS = errors.New("stream: no TLS")
	// ErrClosed: the server closed the stream in good order.
	ErrClosed = errors.New("stream: closed by the server")
	// ErrNoBind: the server does not let the client bind a resource.
	ErrNoBind = errors.New("stream: no resource binding")
)

// Negotiate logs in on a connection that was just opened and binds a resource (RFC 6120 §4–7): STARTTLS unless the
// connection has TLS already, SASL, the new stream, the resource, and the session of RFC 3921 where an old server requires
// one; or the earlier session (XEP-0198) in place of a resource. Every step ends when ctx does.
//
// The error is, by errors.As or errors.Is: *Error, which the server sent or, wrapped in what it did wrong, was sent to it;
// *AuthError for a login that the server refused; *stanza.Error for a resource that it refused; an error of package sasl, of
// crypto/tls or of the network; transport.ErrInjected; or one of this package. A *Error of SeeOtherHost names the host to
// try instead, under the same JID and with the same demands. After an error the stream is over, and the caller closes conn.
func (in Initiator) Negotiate(ctx context.Context, conn transport.Conn) (Result, error) {
	n := &negotiation{Initiator: in, conn: conn}
	if err := n.run(ctx); err != nil {
		n.farewell(err)
		return Result{}, err
	}
	return n.result, nil
}

// negotiation is one stream on its way.
type negotiation struct {
	Initiator
	conn     transport.Conn
	opened   bool               // a header was sent
	over     bool               // the server has ended the stream
	lost     bool               // the network has failed, or the caller's patience ended
	features *xmlstream.Element // what the server offers at this stage
	result   Result
}

// run goes through the stages in their one order, so that no server can lead it in a circle.
func (n *negotiation) run(ctx context.Context) error {
	if n.conn.TLS() == nil {
		if err := n.open(ctx); err != nil {
			return err
		}
		if err := n.secure(ctx); err != nil {
			return err
		}
	}
	if n.features == nil {
		if err := n.open(ctx); err != nil {
			return err
		}
	}
	if err := n.login(ctx); err != nil {
		return err
	}
	if err := n.restart(ctx); err != nil {
		return err
	}
	n.result.Features = n.features
	if err := n.resume(ctx); err != nil || n.result.Resumed.OK {
		return err
	}
	if err := n.bind(ctx); err != nil {
		return err
	}
	return n.session(ctx)
}

// restart begins a new stream on the connection. RFC 6120 §4.3.3
func (n *negotiation) restart(ctx context.Context) error {
	if err := n.conn.Restart(); err != nil {
		return err
	}
	return n.open(ctx)
}

// open exchanges headers and takes the server's features.
func (n *negotiation) open(ctx context.Context) error {
	domain := n.JID.DomainJID()
	h := transport.Header{To: domain.String(), Version: "1.0", Content: stanza.Client, Lang: "en"}
	if n.conn.TLS() != nil {
		h.From = n.JID.Bare().String() // not before, lest it be overheard. RFC 6120 §4.7.1
	}
	if err := n.do(ctx, func() error { return n.conn.Open(h) }); err != nil {
		return err
	}
	n.opened = true
	if err := n.header(ctx); err != nil {
		return err
	}
	// An error may come from a server that does not know the domain, so the header is judged only behind it.
	el, err := n.next(ctx)
	if err != nil {
		return err
	}
	got := n.conn.Header()
	from, err := jid.Parse(got.From)
	switch {
	case got.Content != stanza.Client:
		return broken(InvalidNamespace, "speaks %.40q", got.Content)
	case got.Version != "1.0": // RFC 6120 §4.7.5: what is older has no features
		return broken(UnsupportedVersion, "speaks version %.10q", got.Version)
	case got.From != "" && (err != nil || from != domain):
		return broken(InvalidFrom, "answers for another domain")
	case !el.Is(NS, "features"):
		return unexpected(el, "its features")
	}
	n.features, n.result.StreamID = el, got.ID
	return nil
}

// secure turns on TLS. RFC 6120 §5.4
func (n *negotiation) secure(ctx context.Context) error {
	offer := n.features.Child(NSTLS, "starttls")
	if n.AllowPlaintext && isLocal(n.conn.RemoteAddr()) && offer.Child(NSTLS, "required") == nil {
		return nil
	}
	if offer == nil {
		return ErrNoTLS
	}
	if err := n.write(ctx, xmlstream.New(NSTLS, "starttls")); err != nil {
		return err
	}
	el, err := n.next(ctx)
	switch {
	case err != nil:
		return err
	case el.Is(NSTLS, "failure"): // §5.4.2.2
		return fmt.Errorf("%w: the server failed to begin it", ErrNoTLS)
	case !el.Is(NSTLS, "proceed"):
		return unexpected(el, "its answer to starttls")
	}
	config, err := TLSFor(n.TLS, n.JID)
	if err != nil {
		return err
	}
	n.opened, n.features = false, nil // from here on the connection speaks TLS, or nothing
	if err := n.conn.Secure(ctx, config, false); err != nil {
		return cause(ctx, err)
	}
	return n.conn.Restart()
}

// bind asks for a resource and takes the one that the server gives. RFC 6120 §7
func (n *negotiation) bind(ctx context.Context) error {
	if n.features.Child(NSBind, "bind") == nil {
		return ErrNoBind
	}
	request := xmlstream.New(NSBind, "bind")
	if r := n.JID.Resource(); r != "" {
		request = request.With(xmlstream.New(NSBind, "resource", xmlstream.Text(r)))
	}
	answer, err := n.Request(ctx, &stanza.IQ{Type: stanza.Set, Payload: request})
	if err != nil {
		return fmt.Errorf("stream: bind: %w", err)
	}
	full, err := jid.Parse(answer.ChildText(NSBind, "jid"))
	if err != nil || !full.IsFull() || full.DomainJID() != n.JID.DomainJID() {
		return broken(UndefinedCondition, "bound no address of its domain")
	}
	n.result.JID = full.Clone()
	return nil
}

// session begins what RFC 3921 §3 called a session, where the server does not say that it is optional.
func (n *negotiation) session(ctx context.Context) error {
	offer := n.features.Child(NSSession, "session")
	if offer == nil || offer.Child(NSSession, "optional") != nil {
		return nil
	}
	_, err := n.Request(ctx, &stanza.IQ{Type: stanza.Set, Payload: xmlstream.New(NSSession, "session")})
	if err != nil {
		return fmt.Errorf("stream: session: %w", err)
	}
	return nil
}
