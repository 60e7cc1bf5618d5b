//go:build interop

package interop

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const plaintext = "--set=c2s.plaintext_loopback=true"

// payloads are children of a stanza whose meaning a relay may spoil. %s in a stanza stands for them; those that begin with a
// stanza of their own say how that is written.
var payloads = map[string]string{
	"characters":          `<body>&lt;&amp;&gt; ]]&gt; &quot;&apos; &#x1F600; &#xE9; e&#x301; &#xFEFF;</body>`,
	"white space":         "<body> \t\n  two\r\nlines\rand &#13; a return </body>",
	"attributes":          "<a xmlns='urn:example:a' b='&#9;&#10;&#13; \t\n&lt;&gt;&quot;&apos;&amp;' c=\"'\"/>",
	"cdata":               `<body><![CDATA[<not a="tag">&amp;]]>]]<![CDATA[>]]></body>`,
	"prefixes":            `<x:a xmlns:x='urn:example:x' xmlns:y='urn:example:y'><x:b x:c='1' y:c='2' c='3'/><y:b/></x:a>`,
	"shadowed prefix":     `<x:a xmlns:x='urn:example:one'><x:a xmlns:x='urn:example:two' x:b='1'><x:c/></x:a><x:d/></x:a>`,
	"no namespace":        `<a xmlns='urn:example:a'><b xmlns=''><c/></b></a>`,
	"client namespace":    `<a xmlns='urn:example:a'><message xmlns='jabber:client'><body>inside</body></message></a>`,
	"xml attributes":      `<a xmlns='urn:example:a' xml:lang='de' xml:space='preserve'> <b xml:lang=''/> </a>`,
	"stream prefix":       `<a xmlns='urn:example:a'><stream:error/></a>`,
	"header prefix":       `<hdr:a hdr:b='1'><hdr:c xmlns='urn:example:c'><d/></hdr:c></hdr:a>`,
	"header attribute":    `<a xmlns='urn:example:a' hdr:b='1'/>`,
	"many children":       strings.Repeat(`<a xmlns='urn:example:a'/><body xml:lang='fr'>un</body>text`, 20),
	"deep":                strings.Repeat(`<a xmlns='urn:example:a'>`, 40) + strings.Repeat(`</a>`, 40),
	"large":               `<body>` + strings.Repeat("0123456789 ", 9000) + `</body>`,
	"stanza prefix":       `<p:body>one</p:body><p:a xmlns='urn:example:a'><b/></p:a><c xmlns='urn:example:c'/>`,
	"stanza declarations": `<q:a q:b='1'/><r:a xmlns:r='urn:example:other'/>`,
	"forwarded":           `<f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='bob@localhost/x' to='alice@localhost'/></f>`,
	"stanza in a stanza":  `<message from='bob@localhost/x'><body>inside</body></message><body/>`,
	"end of the stream":   `<body>&lt;/stream:stream&gt;<![CDATA[</message></stream:stream>]]></body>`,
	"text alone":          `]]&gt; &lt;`,
	"own from":            `<body/>`,
	"own account":         `<body/>`,
	"from by a prefix":    `<body/>`,
	"from by two":         `<body/>`,
	"from of the stream":  `<body/>`,
	"to in references":    `<body/>`,
}

// wrapped is how the payload of that name is sent, where not as the child of an ordinary message.
var wrapped = map[string]string{
	"stanza prefix":       `<p:message xmlns:p='jabber:client' id='%s' to='%s'>%s</p:message>`,
	"stanza declarations": `<message xmlns:q='urn:example:q' xmlns:r='urn:example:r' id='%s' to='%s'>%s</message>`,
	"own from":            `<message id='%s' to='%s' from='{alice}'>%s</message>`,
	"own account":         `<message from='&#97;lice@LOCALHOST' id='%s' to='%s'>%s</message>`,
	"from by a prefix":    `<message hdr:from='{bob}' id='%s' to='%s'>%s</message>`,
	"from by two":         `<message xmlns:a='urn:example:a' a:from='{bob}' id='%s' to='%s' from='{alice}' hdr:from='{bob}'>%s</message>`,
	"from of the stream":  `<message stream:from='{bob}' id='%s' to='%s' xml:from='{bob}'>%s</message>`,
}

// TestExpatAgrees: what one client says means the same to another, and expat can read all that the broker sends.
func TestExpatAgrees(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice", "bob"}, plaintext)
	r := record(t, b)
	const header = "xmlns:hdr='urn:example:header'"
	var clients []*slixmpp
	for _, name := range []string{"alice", "bob"} {
		c := newSlixmpp(t, name, password(name))
		c.do(t, "header", map[string]any{"declare": header})
		c.connect(t, r.port, "", "none")
		clients = append(clients, c)
	}
	alice, bob := clients[0], clients[1]
	befriend(t, alice, bob)
	for name, payload := range payloads {
		stanza := `<message id='%s' to='%s'>%s</message>`
		if w := wrapped[name]; w != "" {
			stanza = w
		}
		to := bob.jid
		if name == "to in references" {
			to = references(to)
		}
		stanza = strings.NewReplacer("{alice}", alice.jid, "{bob}", bob.jid).Replace(fmt.Sprintf(stanza, name, to, payload))
		alice.do(t, "raw", map[string]any{"xml": stanza})
		got := bob.await(t, name, func(e event) bool { return e.Event == "message" && e.Stanza == name })
		sent := alice.do(t, "canonical", map[string]any{"declare": header, "xml": stanza})
		if !slices.Equal(got.Children, sent.Children) {
			t.Errorf("%s: sent\n%s\nwhich is\n%q\nand arrived as\n%q", name, stanza, sent.Children, got.Children)
		}
		if got.From != alice.jid || got.To != bob.jid {
			t.Errorf("%s: from %s to %s", name, got.From, got.To)
		}
	}
	for _, to := range []string{domain, "nobody@" + domain, bob.account, bob.jid, "elsewhere.invalid", "a@@b"} {
		alice.try(t, "iq", map[string]any{"to": to, "type": "get", "xml": "<a xmlns='urn:example:a' b='&lt;&#10;'/>"})
	}
	alice.do(t, "close", nil)
	bob.await(t, "alice's end", presence(alice.jid, "unavailable"))
	b.stop(t)
	bob.await(t, "stream error", is("stream-error"))
	bob.await(t, "end", is("disconnected"))
	messages := map[string]int{}
	for _, j := range judge(t, r.end()...) {
		if j.Streams != 2 || !j.Ended || j.Seen["presence"] == 0 || j.Seen["iq"] == 0 {
			t.Errorf("expat read %+v: not a whole session", j.Seen)
		}
		for _, e := range j.stanzas() {
			// Requests to nobody were answered in that nobody's name, and all else is from the two or from the broker.
			from, _, _ := strings.Cut(e.Attributes["from"], "/")
			if !slices.Contains([]string{"", alice.account, bob.account, domain, "nobody@" + domain, "elsewhere.invalid"}, from) {
				t.Errorf("expat read a stanza from %q", from)
			}
			if id := e.Attributes["id"]; e.Name == "jabber:client message" {
				messages[id]++
				if e.Attributes["from"] != alice.jid || e.Attributes["to"] != bob.jid {
					t.Errorf("expat read %s from %s to %s", id, e.Attributes["from"], e.Attributes["to"])
				}
			}
		}
	}
	for name := range payloads {
		if messages[name] != 1 {
			t.Errorf("expat read %q %d times", name, messages[name])
		}
	}
	if len(messages) != len(payloads) {
		t.Errorf("expat read %v, of which not all were sent", messages)
	}
}

// references writes each character of a value as a reference.
func references(value string) string {
	var b strings.Builder
	for _, r := range value {
		fmt.Fprintf(&b, "&#x%x;", r)
	}
	return b.String()
}

// TestExpatReadsRefusals: who sends what is no XMPP gets an answer that is. RFC 6120 §4.9
func TestExpatReadsRefusals(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice"}, plaintext)
	const open = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>`
	const auth = `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism=`
	cases := map[string]struct{ send, condition string }{
		"http":           {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "not-well-formed"},
		"tls":            {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "not-well-formed"},
		"tag soup":       {open + "<a></b>", "not-well-formed"},
		"no prefix":      {open + "<a:b/>", "bad-namespace-prefix"},
		"entity":         {open + "<a>&nbsp;</a>", "restricted-xml"},
		"comment":        {open + "<!-- a -->", "restricted-xml"},
		"doctype":        {"<!DOCTYPE a [<!ENTITY b 'c'>]>" + open, "restricted-xml"},
		"instruction":    {open + "<?php ?>", "restricted-xml"},
		"utf-16":         {"\xff\xfe<\x00s\x00", "unsupported-encoding"},
		"not utf-8":      {open + "<a>\xff</a>", "unsupported-encoding"},
		"text":           {open + "hello", "bad-format"},
		"namespace":      {strings.Replace(open, "jabber:client", "jabber:server", 1), "invalid-namespace"},
		"stream":         {strings.Replace(open, "etherx", "ether", 1), "invalid-namespace"},
		"version":        {strings.Replace(open, " version='1.0'", "", 1), "unsupported-version"},
		"host":           {strings.Replace(open, "localhost", "elsewhere.invalid", 1), "host-unknown"},
		"host <&'>":      {strings.Replace(open, "localhost", "&lt;&amp;&apos;&gt;", 1), "host-unknown"},
		"message":        {open + "<message to='alice@localhost'><body>hello</body></message>", "not-authorized"},
		"unknown":        {open + "<a xmlns='urn:example:a'/>", "not-authorized"},
		"large":          {open + "<a b='" + strings.Repeat("x", 1<<17), "policy-violation"},
		"deep":           {open + strings.Repeat("<a>", 1000), "policy-violation"},
		"many logins":    {open + strings.Repeat(auth+"'NONE'/>", 12), "policy-violation"},
		"login and away": {open + auth + "'PLAIN'>=</auth></stream:stream>", ""},
	}
	folder := t.TempDir()
	var files []string
	for name, c := range cases {
		answer := exchange(t, b.starttls, c.send)
		if c.condition != "" && !strings.Contains(answer, "<"+c.condition+" xmlns='urn:ietf:params:xml:ns:xmpp-streams'") {
			t.Errorf("%s: want %s, got %s", name, c.condition, answer)
		}
		file := filepath.Join(folder, fmt.Sprintf("%d.xml", len(files)))
		if err := os.WriteFile(file, []byte(answer), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for _, j := range judge(t, files...) {
		if !j.Ended {
			t.Errorf("not ended in good order: %+v", j)
		}
	}
}

// exchange sends all there is and returns what comes back until the broker closes the connection.
func exchange(t *testing.T, port int, send string) string {
	t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	go io.WriteString(c, send) // the broker need not read it all
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("after %.80q: %v, having read %q", send, err, answer)
	}
	return string(answer)
}
