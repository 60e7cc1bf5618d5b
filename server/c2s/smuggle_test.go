package c2s_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/server/router"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
	"github.com/comity-iot/comity/xmpp/xmlstream/xmlstreamtest"
)

// N stanzas that one client sends, written as nastily as XML allows, are N stanzas at another, each from the first and each with what
// it held; what the server cannot deliver it answers, once. A stanza in another's name ends the stream, and neither it nor what is
// behind it gets anywhere. All that the server writes is read with encoding/xml. The receiver is kept from reading until all is said:
// what it is sent has waited in its queue while the sender's window was used again, or overwritten in builds that poison it.
func TestNothingIsSmuggled(t *testing.T) {
	w := newSmuggling(t)
	rapid.Check(t, func(t *rapid.T) {
		writing := xmlstreamtest.New(t, stanza.Client)
		juliet := w.overhear(t, "juliet", writing.Header(goodHeader))
		romeo := w.overhear(t, "romeo", header(domain))
		writing.Forged = []string{romeo.jid.String(), "romeo@example.com", domain, juliet.account()}
		hold := w.plug(t, romeo)
		var all []said
		script, forged := "", false
		for i := range rapid.IntRange(1, 5).Draw(t, "stanzas") {
			all = append(all, w.say(t, writing, juliet, romeo, i))
			script += all[i].xml
		}
		if forged = rapid.IntRange(0, 3).Draw(t, "forged") == 0; forged {
			script += w.forge(t, writing, romeo) + w.say(t, writing, juliet, romeo, len(all)).xml
		}
		juliet.write(t, script+juliet.message(last))
		juliet.hearLast(t, forged)
		romeo.session().Send(w.note(romeo.jid, last))
		romeo.hearLast(t, false)

		toJuliet, toRomeo := []*tree{}, []*tree{hold}
		sent, err := read([]byte(writing.Header("") + script + end))
		if err != nil {
			t.Fatalf("the generator is wrong: %v, in\n%s", err, script)
		}
		for i, s := range all {
			switch e := sent.nodes[i].(*tree); {
			case s.answered:
				toJuliet = append(toJuliet, refusal(e, s.to, juliet.jid))
			case s.to == romeo.jid.String():
				toRomeo = append(toRomeo, relayed(e, juliet.jid, s.to))
			default:
				toJuliet = append(toJuliet, relayed(e, juliet.jid, s.to))
			}
		}
		if forged {
			toJuliet = append(toJuliet, streamError(stream.InvalidFrom))
		} else {
			toJuliet = append(toJuliet, inItalian(hollow("message", juliet.jid.String(), juliet.jid, last)))
		}
		toRomeo = append(toRomeo, hollow("message", domain, romeo.jid, last))
		juliet.heard(t, script, toJuliet)
		romeo.heard(t, script, toRomeo)
	})
}

// What no stanza may hold ends the stream, and what comes close goes through under its sender's name. RFC 6120 §8.1.2.1
func TestFromByOtherMeans(t *testing.T) {
	w := newSmuggling(t)
	for name, c := range map[string]struct {
		attrs string
		want  stream.Condition // "" where it is delivered
	}{
		"none":                   {``, ""},
		"own":                    {`from='{juliet}'`, ""},
		"account":                {`from='&#106;uliet@EXAMPLE.com'`, ""},
		"twice":                  {`from='{juliet}' from='{juliet}'`, stream.NotWellFormed},
		"twice, the second":      {`from='{juliet}' from="{romeo}"`, stream.NotWellFormed},
		"twice by prefixes":      {`xmlns:a='urn:a' xmlns:b='urn:a' a:from='{romeo}' b:from='{romeo}'`, stream.NotWellFormed},
		"undeclared prefix":      {`a:from='{romeo}'`, stream.BadNamespacePrefix},
		"prefix":                 {`xmlns:x='urn:x' x:from='{romeo}'`, ""},
		"prefix of stanzas":      {`xmlns:x='jabber:client' x:from='{romeo}'`, ""},
		"prefix of the stream":   {`stream:from='{romeo}'`, ""},
		"xml":                    {`xml:from='{romeo}'`, ""},
		"empty prefix":           {`xmlns:x='' x:from='{romeo}'`, stream.NotWellFormed},
		"another's":              {`from='{romeo}'`, stream.InvalidFrom},
		"another's account":      {`from='romeo@example.com'`, stream.InvalidFrom},
		"another's, spelled":     {`from='&#x72;omeo&#64;example.com'`, stream.InvalidFrom},
		"another's, capital":     {`from='ROMEO@example.com'`, stream.InvalidFrom},
		"another resource":       {`from='juliet@example.com/other'`, stream.InvalidFrom},
		"domain":                 {`from='example.com'`, stream.InvalidFrom},
		"behind its own element": {`/><message from='{romeo}' to='{romeo}'`, stream.InvalidFrom},
	} {
		t.Run(name, func(t *testing.T) {
			juliet, romeo := w.overhearOver(t, "juliet", false, header(domain)), w.overhearOver(t, "romeo", false, header(domain))
			attrs := strings.NewReplacer("{juliet}", juliet.jid.String(), "{romeo}", romeo.jid.String()).Replace(c.attrs)
			juliet.write(t, "<message to='"+romeo.jid.String()+"' "+attrs+"/>"+juliet.message(last))
			juliet.hearLast(t, c.want != "")
			romeo.session().Send(w.note(romeo.jid, last))
			romeo.hearLast(t, false)
			toJuliet := hollow("message", juliet.jid.String(), juliet.jid, last)
			if c.want != "" {
				toJuliet = streamError(c.want)
			}
			juliet.heard(t, attrs, []*tree{toJuliet})
			doc, err := read(romeo.ended(t))
			if err != nil {
				t.Fatal(err)
			}
			got := doc.nodes[romeo.first:]
			if delivered := c.want == "" || strings.HasPrefix(attrs, "/>"); delivered {
				if from := got[0].(*tree).attrs[xml.Name{Local: "from"}]; from != juliet.jid.String() {
					t.Errorf("from %q", from)
				}
				got = got[1:]
			}
			if len(got) != 1 || !reflect.DeepEqual(got[0], hollow("message", domain, romeo.jid, last)) {
				t.Errorf("romeo got %v", got)
			}
		})
	}
}

// The header of who sends; stanzas without a language have that of it. RFC 6120 §4.7.4
const goodHeader = "to='" + domain + "' version='1.0' xml:lang='it'"

const (
	last = "the-last-of-all" // id of a message behind all others
	end  = "</stream:stream>"
)

// smuggling is a world whose clients may say anything at any pace, and where presence goes where it is directed.
type smuggling struct{ *world }

func newSmuggling(t *testing.T) *smuggling {
	to := &directed{}
	w := newWorld(t, options{hooks: &module.Hooks{Presence: to}, settings: func(s *c2s.Settings) {
		plaintext(s)
		s.Unlimited()
	}})
	to.router = w.Router
	return &smuggling{w}
}

// directed is presence that is only ever sent to somebody. RFC 6121 §4.6
type directed struct {
	presence
	router *router.Router
}

func (d *directed) Out(ctx context.Context, _ module.Session, p *stanza.Stanza) error {
	d.router.Send(ctx, p)
	return nil
}

// said is a stanza that a client sends.
type said struct {
	xml      string
	to       string // as the server is to understand it
	answered bool   // with an error, because it cannot be delivered
}

// say writes a stanza that has to arrive or to be answered.
func (w *smuggling) say(t *rapid.T, writing *xmlstreamtest.Writing, from, romeo *overheard, i int) said {
	draw := func(label string, choice ...string) string { return rapid.SampledFrom(choice).Draw(t, label) }
	kind := draw("kind", "message", "message", "presence", "iq")
	types := map[string][]string{
		"message":  {"", "normal", "chat", "groupchat", "headline", "error", "unknown"},
		"presence": {"", "unavailable", "error"},
		"iq":       {"get", "set", "result", "error"},
	}[kind]
	s := said{to: romeo.jid.String()}
	to := draw("to", s.to, s.to, strings.Replace(s.to, "romeo@example.com", "ROMEO@Example.COM", 1), from.jid.String(), "")
	switch to {
	case "":
		s.answered = true
		if types = []string{"", "chat", "groupchat"}; kind != "message" {
			kind, types = "iq", []string{"get", "set"}
		}
		s.to = draw("nobody", "nobody@example.com/at'home", domain, "elsewhere.example", "a@@b", "@", "")
		to = s.to
	case from.jid.String():
		s.to = to
	}
	attrs := []xmlstreamtest.Attr{{Name: "to", Value: to}, {Name: "id", Value: draw("id", "", "<'", "]]>") + strconv.Itoa(i)}}
	if typ := draw("type", types...); typ != "" {
		attrs = append(attrs, xmlstreamtest.Attr{Name: "type", Value: typ})
	}
	own := draw("from", "", "", from.jid.String(), from.account(), "Juliet@example.COM")
	if own != "" {
		attrs = append(attrs, xmlstreamtest.Attr{Name: "from", Value: own})
	}
	s.xml = writing.Stanza(kind, attrs...)
	return s
}

// forge writes a stanza that is not from whom it says.
func (w *smuggling) forge(t *rapid.T, writing *xmlstreamtest.Writing, romeo *overheard) string {
	from := rapid.SampledFrom([]string{romeo.jid.String(), "romeo@example.com", domain, "juliet@example.com/else"}).Draw(t, "forged from")
	return writing.Stanza(rapid.SampledFrom([]string{"message", "presence"}).Draw(t, "forged kind"),
		xmlstreamtest.Attr{Name: "to", Value: romeo.jid.String()}, xmlstreamtest.Attr{Name: "from", Value: from})
}

// note is a message of the server.
func (w *smuggling) note(to jid.JID, id string) *stanza.Stanza {
	m := stanza.NewMessage(to, stanza.Normal)
	m.From, m.ID = jid.MustParse(domain), id
	return m
}

// plug sends more than a pipe holds, so that the server cannot write more until the client reads on. It returns what that is.
func (w *smuggling) plug(t fatal, c *overheard) *tree {
	t.Helper()
	text := strings.Repeat("x", 100<<10)
	m := w.note(c.jid, "plug").With(xmlstream.New(stanza.Client, "body", xmlstream.Text(text)))
	c.session().Send(m)
	c.hearUntil(t, "id='plug'>")
	want := hollow("message", domain, c.jid, "plug")
	want.nodes = []any{element(stanza.Client, "body", text)}
	return want
}

// fatal is what tests and properties have in common.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// overheard is a client with a session whose stream is kept as it came.
type overheard struct {
	*client
	tap   *tap
	begun int // in what the tap has, where the session's stream begins
	first int // elements before those that others cause
}

// tap keeps what is read from a connection, behind TLS.
type tap struct {
	net.Conn
	got []byte
}

func (c *tap) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.got = append(c.got, p[:n]...)
	return n, err
}

// overhear is a client that logs in with or without TLS and goes on with the header given.
func (w *smuggling) overhear(t *rapid.T, user, header string) *overheard {
	return w.overhearOver(t, user, rapid.Bool().Draw(t, user+"'s TLS"), header)
}

func (w *smuggling) overhearOver(t fatal, user string, secure bool, header string) *overheard {
	t.Helper()
	conn := w.connect()
	if secure {
		c := w.over(conn)
		c.open()
		c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
		c.expect("proceed")
		conn = tls.Client(conn, w.tls)
	}
	tap := &tap{Conn: conn}
	c := &overheard{client: w.over(tap), tap: tap, first: len([]string{"features", "bind"})}
	c.open()
	if el := c.plain(user, "secret"); el.Local() != "success" {
		t.Fatalf("login: %v", el)
	}
	c.conn.Restart()
	c.begun = len(tap.got)
	c.send(header)
	c.hear()
	c.expect("features")
	c.bind()
	return c
}

func (c *overheard) session() module.Session { return c.w.Router.Get(c.jid) }

func (c *overheard) account() string { return c.jid.Bare().String() }

// write sends the script in pieces of some size.
func (c *overheard) write(t fatal, script string) {
	t.Helper()
	size := len(script)
	if t, ok := t.(*rapid.T); ok {
		size = rapid.SampledFrom([]int{1, 7, 100, 1000, 1 << 20}).Draw(t, "piece")
	}
	for len(script) > 0 {
		n := min(size, len(script))
		if _, err := io.WriteString(c.tap, script[:n]); err != nil {
			return // what the server says tells why
		}
		script = script[n:]
	}
}

// patience is for what takes no time on a machine that does nothing else.
const patience = 10 * time.Second

// hearUntil reads until the server has said something, or to the end of the connection.
func (c *overheard) hearUntil(t fatal, what string) {
	t.Helper()
	c.tap.SetReadDeadline(time.Now().Add(patience))
	for buf := make([]byte, 1<<10); what == end || !bytes.Contains(c.tap.got, []byte(what)); {
		_, err := c.tap.Read(buf)
		switch {
		case err == nil:
		case what == end && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
			return // of TCP or, without the alert of TLS, of TLS
		default:
			t.Fatalf("%v before %s, in\n%s", err, what, c.tap.got[c.begun:])
		}
	}
}

// hearLast reads until the last message or, where the stream ends before, its end.
func (c *overheard) hearLast(t fatal, ends bool) {
	t.Helper()
	if ends {
		c.hearUntil(t, end)
		return
	}
	c.hearUntil(t, "id='"+last+"'")
}

// ended closes the stream, and returns all that the server has said on it.
func (c *overheard) ended(t fatal) []byte {
	t.Helper()
	c.write(t, end)
	c.hearUntil(t, end)
	c.tap.Close()
	return c.tap.got[c.begun:]
}

// heard ends the stream and compares what came on it, behind what each stream begins with.
func (c *overheard) heard(t fatal, script string, want []*tree) {
	t.Helper()
	all := c.ended(t)
	doc, err := read(all)
	if err != nil {
		t.Fatalf("%v, in\n%s\nwhich came of\n%s", err, all, script)
	}
	got := doc.nodes[c.first:]
	for i, e := range got {
		if i < len(want) && !e.(*tree).is(want[i]) {
			t.Fatalf("%s\nbecomes\n%v\nnot\n%v", script, e, want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s\nbecomes %d elements, not %d:\n%s", script, len(got), len(want), all)
	}
}

// tree is an element as encoding/xml reads it. White space in values is blurred, for encoding/xml does not do what XML 1.0 §3.3.3 asks.
type tree struct {
	name  xml.Name
	attrs map[xml.Name]string // without declarations
	nodes []any               // *tree and string, no two strings beside each other
	open  bool                // of what is wanted: only the name of the first node is known
}

func (e *tree) is(want *tree) bool {
	if !want.open {
		return reflect.DeepEqual(e, want)
	}
	if e.name != want.name || !maps.Equal(e.attrs, want.attrs) || len(e.nodes) == 0 {
		return false
	}
	first, ok := e.nodes[0].(*tree)
	return ok && first.name == want.nodes[0].(*tree).name
}

func element(space, local string, nodes ...any) *tree {
	return &tree{name: xml.Name{Space: space, Local: local}, attrs: map[xml.Name]string{}, nodes: nodes}
}

// read reads a document that is one stream, to its very end.
func read(doc []byte) (*tree, error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	root := &tree{}
	for open := []*tree{root}; ; {
		tok, err := d.Token()
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		top := open[len(open)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			e, err := begin(tok)
			if err != nil {
				return nil, err
			}
			top.nodes = append(top.nodes, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) < 3 {
				return nil, fmt.Errorf("text %q beside stanzas", tok)
			}
			top.text(string(tok))
		case xml.ProcInst:
			if tok.Target != "xml" || d.InputOffset() > 30 {
				return nil, errors.New("a processing instruction")
			}
		default:
			return nil, fmt.Errorf("a %T", tok)
		}
	}
	if len(root.nodes) != 1 {
		return nil, fmt.Errorf("%d documents", len(root.nodes))
	}
	return root.nodes[0].(*tree), nil
}

var blur = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

func begin(el xml.StartElement) (*tree, error) {
	e := &tree{name: el.Name, attrs: map[xml.Name]string{}}
	for _, a := range el.Attr {
		if a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}) {
			continue
		}
		if _, twice := e.attrs[a.Name]; twice {
			return nil, fmt.Errorf("two attributes %v", a.Name)
		}
		e.attrs[a.Name] = blur.Replace(a.Value)
	}
	return e, nil
}

func (e *tree) text(s string) {
	if n := len(e.nodes); s == "" {
	} else if before, ok := e.lastText(); ok {
		e.nodes[n-1] = before + s
	} else {
		e.nodes = append(e.nodes, s)
	}
}

func (e *tree) lastText() (string, bool) {
	if len(e.nodes) == 0 {
		return "", false
	}
	s, ok := e.nodes[len(e.nodes)-1].(string)
	return s, ok
}

// String is for a failed test's eyes.
func (e *tree) String() string {
	s := fmt.Sprintf("{%v", e.name)
	for name, value := range e.attrs {
		s += fmt.Sprintf(" %v=%q", name, value)
	}
	for _, n := range e.nodes {
		if text, ok := n.(string); ok {
			n = strconv.Quote(text)
		}
		s += fmt.Sprintf(" %v", n)
	}
	return s + "}"
}

// relayed is what a stanza becomes on another's stream: its sender, receiver and language are stamped, a type that is the default or
// unknown to RFC 6121 §5.2.2 is left out, and whatever is in a content namespace where stanzas' own children are is in that of clients.
func relayed(e *tree, from jid.JID, to string) *tree {
	r := inContent(e)
	r.attrs = maps.Clone(e.attrs)
	r.attrs[xml.Name{Local: "from"}], r.attrs[xml.Name{Local: "to"}] = from.String(), to
	switch typ := (xml.Name{Local: "type"}); r.attrs[typ] {
	case "normal", "unknown":
		delete(r.attrs, typ)
	}
	return inItalian(r)
}

// inItalian is a stanza with the language of goodHeader, if it has none of its own.
func inItalian(e *tree) *tree {
	lang := xml.Name{Space: xmlstream.SpaceXML, Local: "lang"}
	if _, ok := e.attrs[lang]; !ok {
		e.attrs[lang] = "it"
	}
	return e
}

func inContent(e *tree) *tree {
	switch e.name.Space {
	default:
		return e
	case "jabber:client", "jabber:server", "jabber:component:accept":
	}
	r := &tree{name: xml.Name{Space: stanza.Client, Local: e.name.Local}, attrs: e.attrs}
	for _, n := range e.nodes {
		if child, ok := n.(*tree); ok {
			n = inContent(child)
		}
		r.nodes = append(r.nodes, n)
	}
	return r
}

// refusal is the server's answer to what reaches nobody. Of the error it is open which.
func refusal(e *tree, from string, to jid.JID) *tree {
	if _, err := jid.Parse(from); err != nil {
		from = to.Bare().String()
	}
	r := hollow(e.name.Local, from, to, e.attrs[xml.Name{Local: "id"}])
	r.attrs[xml.Name{Local: "type"}] = "error"
	r.nodes, r.open = []any{element(stanza.Client, "error")}, true
	return r
}

// hollow is a stanza without content.
func hollow(kind, from string, to jid.JID, id string) *tree {
	e := element(stanza.Client, kind)
	e.attrs[xml.Name{Local: "from"}], e.attrs[xml.Name{Local: "to"}], e.attrs[xml.Name{Local: "id"}] = from, to.String(), id
	return e
}

func streamError(c stream.Condition) *tree {
	e := element(stream.NS, "error", element(stream.NSErrors, string(c)))
	e.open = true
	return e
}
