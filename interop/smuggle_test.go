//go:build interop

package interop

import (
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/xmpp/xmlstream/xmlstreamtest"
)

// TestExpatFindsNothingSmuggled: hundreds of stanzas that one client writes as nastily as XML allows are as many at another, each from
// the first and each with what it held; and a stanza in another's name ends its stream and gets nowhere. What was sent and what came is
// read with expat.
func TestExpatFindsNothingSmuggled(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice", "bob"}, plaintext)
	r := record(t, b)
	header, _ := nasty(0, "alice@localhost", "bob@localhost") // it is the same for all
	bob, alice := speak(t, r.port, "bob", ""), speak(t, r.port, "alice", header)
	sent := header
	const n = 300
	for i := range n {
		_, xml := nasty(i, alice.jid, bob.jid)
		sent += xml
		alice.say(t, xml)
	}
	alice.say(t, "<message to='"+alice.jid+"' id='last'/>")
	alice.hear(t, "id='last'")
	for name, c := range map[string]struct{ attributes, condition string }{
		"another's":         {"from='{bob}'", "invalid-from"},
		"another's account": {"from='bob@localhost'", "invalid-from"},
		"in references":     {"from='" + references("bob@localhost") + "'", "invalid-from"},
		"the broker's":      {"from='localhost'", "invalid-from"},
		"another resource":  {"from='alice@localhost/other'", "invalid-from"},
		"twice":             {"from='alice@localhost' from='{bob}'", "not-well-formed"},
		"twice by prefixes": {"xmlns:a='urn:a' xmlns:b='urn:a' a:from='{bob}' b:from='{bob}'", "not-well-formed"},
		"no such prefix":    {"a:from='{bob}'", "bad-namespace-prefix"},
	} {
		forger := speak(t, r.port, "alice", "")
		stanza := "<message to='" + bob.jid + "' id='forged' " + c.attributes + "><body>forged</body></message>"
		forger.say(t, strings.ReplaceAll(stanza, "{bob}", bob.jid)+"<message to='"+bob.jid+"' id='behind'/>")
		if rest := forger.hear(t, end); !strings.Contains(rest, "<"+c.condition+" xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>") {
			t.Errorf("%s: want %s, got %s", name, c.condition, rest)
		}
	}
	alice.say(t, "<message to='"+bob.jid+"' id='last'/>")
	bob.hear(t, "id='last'")
	for _, c := range []*speaker{alice, bob} {
		c.say(t, end)
		c.hear(t, end)
	}
	file := filepath.Join(t.TempDir(), "sent.xml")
	if err := os.WriteFile(file, []byte(sent+end), 0o600); err != nil {
		t.Fatal(err)
	}
	read := judge(t, append(r.end(), file)...)
	toBob, original := read[0].stanzas(), read[len(read)-1].stanzas()
	if toBob = toBob[1:]; len(toBob) != n+1 || len(original) != n { // without the result of binding, with the last
		t.Fatalf("%d sent, %d arrived", len(original), len(toBob)-1)
	}
	for i, e := range original {
		e = inContent(e)
		e.Attributes = maps.Clone(e.Attributes)
		e.Attributes["from"], e.Attributes["to"] = alice.jid, bob.jid
		if lang := "http://www.w3.org/XML/1998/namespace lang"; e.Attributes[lang] == "" {
			e.Attributes[lang] = "it"
		}
		if !reflect.DeepEqual(toBob[i], e) {
			_, xml := nasty(i, alice.jid, bob.jid)
			t.Errorf("%s\narrived as\n%v\nnot\n%v", xml, toBob[i], e)
		}
	}
	for _, j := range read {
		if !j.Ended {
			t.Errorf("%s does not end in good order", j.File)
		}
	}
}

const end = "</stream:stream>"

// nasty writes a stanza for bob, and the header that it needs; always the same of that number.
func nasty(number int, alice, bob string) (header, xml string) {
	gen := rapid.Custom(func(t *rapid.T) [2]string {
		writing := xmlstreamtest.New(t, "jabber:client")
		header := writing.Header("to='localhost' from='alice@localhost' id='sent' version='1.0' xml:lang='it'")
		writing.Forged = []string{bob, "bob@localhost", "localhost", "alice@localhost"}
		attrs := []xmlstreamtest.Attr{{Name: "id", Value: strconv.Itoa(number)}, {Name: "to", Value: bob}}
		if own := rapid.SampledFrom([]string{"", alice, "alice@localhost"}).Draw(t, "own"); own != "" {
			attrs = append(attrs, xmlstreamtest.Attr{Name: "from", Value: own})
		}
		kind := rapid.SampledFrom([]string{"message", "iq"}).Draw(t, "kind")
		types := map[string][]string{"message": {"chat", "headline", "error"}, "iq": {"get", "set", "result", "error"}}[kind]
		attrs = append(attrs, xmlstreamtest.Attr{Name: "type", Value: rapid.SampledFrom(types).Draw(t, "type")})
		return [2]string{header, writing.Stanza(kind, attrs...)}
	})
	both := gen.Example(number)
	return both[0], both[1]
}

// inContent returns a stanza as it is where it comes: what is in a content namespace among its own children is in that of clients.
func inContent(e tree) tree {
	space, local, _ := strings.Cut(e.Name, " ")
	switch space {
	case "jabber:client", "jabber:server", "jabber:component:accept":
		e.Name = "jabber:client " + local
	default:
		return e
	}
	content := make([]tree, len(e.Content))
	for i, c := range e.Content {
		content[i] = inContent(c)
	}
	e.Content = content
	return e
}

// speaker is a client without a parser.
type speaker struct {
	conn net.Conn
	jid  string
}

// speak logs in without TLS, and goes on with the header given, if there is one.
func speak(t *testing.T, port int, account, header string) *speaker {
	t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &speaker{conn: conn}
	const plain = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>"
	if header == "" {
		header = plain
	}
	login := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "\x00%s\x00%s", account, password(account)))
	c.say(t, plain)
	c.hear(t, "</stream:features>")
	c.say(t, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"+login+"</auth>")
	c.hear(t, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
	c.say(t, header)
	c.hear(t, "</stream:features>")
	c.say(t, "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
	_, rest, _ := strings.Cut(c.hear(t, "</jid>"), "<jid>")
	c.jid, _, _ = strings.Cut(rest, "</jid>")
	return c
}

func (c *speaker) say(t *testing.T, text string) {
	t.Helper()
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, text); err != nil {
		t.Fatal(err)
	}
}

// hear reads until the broker has said something, and returns what it said. After the end of the stream nothing may come.
func (c *speaker) hear(t *testing.T, what string) string {
	t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(patience))
	var heard strings.Builder
	for buf := make([]byte, 4096); what == end || !strings.Contains(heard.String(), what); {
		n, err := c.conn.Read(buf)
		heard.Write(buf[:n])
		if err == io.EOF && what == end && strings.HasSuffix(heard.String(), end) {
			break
		}
		if err != nil {
			t.Fatalf("%v before %s, having read %s", err, what, heard.String())
		}
	}
	return heard.String()
}
