package transcript

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Peer is a server that files run against. Its functions may be called by several files at a time.
type Peer struct {
	Domain   string
	Services map[string]string // addresses by label: "discovery"
	TLS      *tls.Config       // as stream.TLSFor takes it
	Dial     func(context.Context) (net.Conn, error)
	// Account makes a new account whose name begins as given, Unused such a name that no account has.
	Account func(ctx context.Context, name string) (bare jid.JID, password string, err error)
	Unused  func(ctx context.Context, name string) (bare jid.JID, password string, err error)
	// Key makes an API key for so many accounts. It may be nil.
	Key func(ctx context.Context, limit int) (id, secret string, err error)
	// Functions are for "let", besides those that every file has. They may be nil.
	Functions map[string]Function
	// Deviations are the files, by name, that the server is known not to pass, and why.
	Deviations map[string]string
}

// runner is a file under way.
type runner struct {
	ctx      context.Context
	peer     *Peer
	file     *File
	values   values
	accounts map[string]*login
	parties  map[string]*party
}

// Run plays all parties of a transcript, which was expanded. The error is an *Error where a step does not go as it is written.
func (f *File) Run(ctx context.Context, peer *Peer) error {
	r := &runner{
		ctx: ctx, peer: peer, file: f,
		values: values{"domain": peer.Domain}, accounts: map[string]*login{}, parties: map[string]*party{},
	}
	maps.Copy(r.values, peer.Services)
	maps.Copy(r.values, f.preset)
	defer r.end()
	if err := r.prepare(); err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	for _, s := range f.steps {
		if err := s.run(r); err != nil {
			return &Error{f.Name, s.line, s.text, err}
		}
	}
	return nil
}

// prepare makes what the header asks for.
func (r *runner) prepare() error {
	for _, name := range r.file.Accounts {
		bare, password, err := r.peer.Account(r.ctx, name)
		if err != nil {
			return fmt.Errorf("account %s: %w", name, err)
		}
		r.know(name, bare, password)
	}
	for _, name := range r.file.Unused {
		bare, password, err := r.peer.Unused(r.ctx, name)
		if err != nil {
			return fmt.Errorf("unused name %s: %w", name, err)
		}
		r.know(name, bare, password)
	}
	for _, k := range r.file.Keys {
		if r.peer.Key == nil {
			return errors.New("the peer has no API keys")
		}
		id, secret, err := r.peer.Key(r.ctx, k.Limit)
		if err != nil {
			return fmt.Errorf("key %s: %w", k.Name, err)
		}
		r.values[k.Name+".id"], r.values[k.Name+".secret"] = id, secret
	}
	return nil
}

func (r *runner) know(name string, bare jid.JID, password string) {
	r.accounts[name] = &login{bare, password}
	r.values[name] = bare.String()
	r.values[name+".name"] = bare.Local()
	r.values[name+".password"] = password
}

// end closes what the file left open.
func (r *runner) end() {
	for _, p := range r.parties {
		p.conn.Close()
	}
}

func (r *runner) dial(ctx context.Context) (transport.Conn, error) {
	c, err := r.peer.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return transport.NewTCP(c, xmlstream.Limits{}), nil
}

// enter logs in on a connection.
func enter(ctx context.Context, conn transport.Conn, config *tls.Config, l *login, resource string) (*party, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	as := l.bare
	if resource != "" {
		var err error
		if as, err = l.bare.WithResource(resource); err != nil {
			return nil, err
		}
	}
	result, err := stream.Initiator{JID: as, Password: l.password, TLS: config}.Negotiate(ctx, conn)
	if err != nil {
		return nil, err
	}
	conn.SetReadDeadline(time.Time{})
	return &party{jid: result.JID, account: l, conn: conn, asked: map[string]string{}, features: result.Features}, nil
}

// join adds a party that has connected.
func (r *runner) join(p *party) {
	r.parties[p.name] = p
	if p.account == nil {
		return
	}
	name := p.name
	if !strings.Contains(name, "/") {
		name += "/"
	}
	r.values[name] = p.jid.String()
}

// leave takes a party out.
func (r *runner) leave(p *party) {
	p.conn.Close()
	delete(r.parties, p.name)
}

// party returns one that is connected.
func (r *runner) party(name string) (*party, error) {
	if p := r.parties[name]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s is not connected", name)
}

// sessions are the parties that have a resource, in the order of their names.
func (r *runner) sessions() []*party {
	var all []*party
	for _, name := range slices.Sorted(maps.Keys(r.parties)) {
		if p := r.parties[name]; p.account != nil {
			all = append(all, p)
		}
	}
	return all
}

// addresses are those at which the server works in an order of its own for each sender.
func (r *runner) addresses() []string {
	all := []string{r.peer.Domain}
	for _, n := range r.file.Needs {
		t, err := parseTemplate(n.At)
		if err != nil {
			continue
		}
		if at, err := t.fill(r.values, false); err == nil && at != "" && !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	return all
}

// quiesce waits until all that any session sent has been handled, and what that led to has come.
func (r *runner) quiesce() error {
	for range 2 { // the second round is behind what the first has put on its way
		for _, p := range r.sessions() {
			if err := p.reached(r.addresses()); err != nil {
				return err
			}
		}
	}
	return nil
}
