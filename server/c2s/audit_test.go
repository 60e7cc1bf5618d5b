package c2s_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
)

// audit reads all that a server said on one connection with an XML parser that is not ours, and returns what is wrong with it; and
// how many logins were told that they have succeeded. It ends where the server said proceed: what comes then are records of TLS.
func audit(heard []byte) (logins int, err error) {
	for len(heard) > 0 {
		d := &auditor{Decoder: xml.NewDecoder(bytes.NewReader(heard)), all: heard}
		if err := d.stream(); err != nil {
			return logins, err
		}
		heard = heard[d.InputOffset():]
		switch {
		case d.restarts: // RFC 6120 §6.4.6
			logins++
		case d.secures:
			return logins, records(heard)
		case d.cut || len(heard) == 0:
			return logins, nil
		default:
			return logins, fmt.Errorf("%q behind the end of the stream", heard)
		}
	}
	return logins, nil
}

// auditor reads one stream, up to where another begins on the same connection.
type auditor struct {
	*xml.Decoder
	all               []byte
	scopes            [][]string // namespaces that the open elements declare
	failed            bool       // a stream error was sent
	restarts, secures bool
	cut               bool
}

func (d *auditor) stream() error {
	if err := d.head(); err != nil {
		return err
	}
	for len(d.scopes) > 0 {
		if len(d.scopes) == 1 && int(d.InputOffset()) == len(d.all) {
			d.cut = true
			if d.failed {
				return errors.New("a stream error, and the stream does not end")
			}
			return nil
		}
		tok, err := d.Token()
		if err != nil {
			var syntax *xml.SyntaxError
			if errors.As(err, &syntax) && strings.Contains(syntax.Msg, "invalid XML name") {
				d.cut = true // encoding/xml knows the names of the 4th edition only
				return nil
			}
			if len(d.all) >= mostHeld && d.InputOffset() == int64(len(d.all)) {
				d.cut = true // the pipe was full when it was closed
				return nil
			}
			return err
		}
		if err := d.token(tok); err != nil || d.restarts || d.secures {
			return err
		}
	}
	return nil
}

// mostHeld is what a pipe holds: a client that closes it may find it closed in the middle of what is more.
const mostHeld = 64 << 10

// head reads the XML declaration and the header. RFC 6120 §4.7, §11.5
func (d *auditor) head() error {
	tok, err := d.Token()
	if err != nil {
		return err
	}
	if p, ok := tok.(xml.ProcInst); !ok || p.Target != "xml" {
		return fmt.Errorf("the stream begins with %T %v", tok, tok)
	}
	if tok, err = d.Token(); err != nil {
		return err
	}
	root, ok := tok.(xml.StartElement)
	if !ok || root.Name != (xml.Name{Space: stream.NS, Local: "stream"}) {
		return fmt.Errorf("the stream begins with %T %v", tok, tok)
	}
	has := map[string]string{}
	for _, a := range root.Attr {
		has[a.Name.Local] = a.Value
	}
	if has["xmlns"] != stanza.Client || has["version"] != "1.0" || has["id"] == "" || has["from"] != domain {
		return fmt.Errorf("header %v", root.Attr)
	}
	return d.declare(root)
}

func (d *auditor) token(tok xml.Token) error {
	switch tok := tok.(type) {
	case xml.StartElement:
		if d.failed && len(d.scopes) == 1 {
			return fmt.Errorf("%v behind a stream error", tok)
		}
		d.failed = d.failed || len(d.scopes) == 1 && tok.Name == xml.Name{Space: stream.NS, Local: "error"}
		return d.declare(tok)
	case xml.EndElement:
		d.scopes = d.scopes[:len(d.scopes)-1]
		if len(d.scopes) == 1 {
			d.restarts = tok.Name == xml.Name{Space: stream.NSSASL, Local: "success"}
			d.secures = tok.Name == xml.Name{Space: stream.NSTLS, Local: "proceed"}
		}
		return nil
	case xml.CharData:
		if len(d.scopes) == 1 {
			return fmt.Errorf("text between elements: %q", tok)
		}
		return nil
	}
	return fmt.Errorf("%T %s", tok, tok) // RFC 6120 §11.1
}

// declare opens an element. It checks what encoding/xml does not: that attributes differ, and that prefixes are declared. Where one is
// not, it stands in the place of the namespace.
func (d *auditor) declare(el xml.StartElement) error {
	declares := []string{"", "http://www.w3.org/XML/1998/namespace"}
	seen := map[xml.Name]bool{}
	for _, a := range el.Attr {
		if a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}) {
			declares = append(declares, a.Value)
		}
		if seen[a.Name] {
			return fmt.Errorf("two attributes %v in %v", a.Name, el)
		}
		seen[a.Name] = true
	}
	d.scopes = append(d.scopes, declares)
	for _, name := range append([]xml.Name{el.Name}, keys(seen)...) {
		if name.Space != "xmlns" && !slices.ContainsFunc(d.scopes, func(s []string) bool { return slices.Contains(s, name.Space) }) {
			return fmt.Errorf("prefix %q is not declared, in %v", name.Space, el)
		}
	}
	return nil
}

func keys(m map[xml.Name]bool) []xml.Name {
	var all []xml.Name
	for k := range m {
		all = append(all, k)
	}
	return all
}

// records checks that these are TLS records. RFC 8446 §5.1
func records(b []byte) error {
	for len(b) > 0 {
		if len(b) < 5 || b[0] < 20 || b[0] > 23 || b[1] != 3 || len(b) < 5+int(b[3])<<8+int(b[4]) {
			return fmt.Errorf("no TLS behind proceed: %q", b)
		}
		b = b[5+int(b[3])<<8+int(b[4]):]
	}
	return nil
}

func TestAudit(t *testing.T) {
	const head = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' " +
		"from='example.com' version='1.0'>"
	const failed = "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
	const success = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
	const proceed = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
	const end = "</stream:stream>"
	for heard, logins := range map[string]int{
		"": 0, head: 0, head + end: 0, head + failed + end: 0, head + "<message><body>text</body></message>" + end: 0,
		head + success: 1, head + success + head + "<iq/>": 1, head + proceed: 0,
		head + proceed + "\x15\x03\x01\x00\x02\x02\x28":                      0,
		head + "<p:a xmlns:p='urn:x' p:b='' b='' xml:lang='en'><p:c/></p:a>": 0,
	} {
		if got, err := audit([]byte(heard)); got != logins || err != nil {
			t.Errorf("%s: %d logins, %v", heard, got, err)
		}
	}
	for _, heard := range []string{
		"<a/>", head[len("<?xml version='1.0'?>"):], strings.Replace(head, "from='example.com'", "", 1),
		head + failed, head + failed + "<iq/>" + end, head + failed + failed + end, head + end + " ", head + end + head, head + head,
		head + "<iq>", head + "<iq></message>", head + "text", head + "\n", head + "<!-- -->", head + "<?pi?>", head + "<iq><!-- --></iq>",
		head + "<iq a='' a=''/>", head + "<p:a/>", head + "<a p:b=''/>", head + "<a xmlns:p='urn:x'/><p:a/>", head + "<iq a='\xff'/>",
		head + success + "<iq/>", head + success + head + failed, head + proceed + head, head + proceed + "\x15\x03\x01\x00\x02\x02",
	} {
		if _, err := audit([]byte(heard)); err == nil {
			t.Errorf("%s: nothing is wrong", heard)
		}
	}
}
