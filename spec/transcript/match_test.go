package transcript

import (
	"maps"
	"testing"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func TestCompare(t *testing.T) {
	known := values{"domain": "example.org", "bob": "bob@example.org", "g": "urn:nf:iot"}
	for _, c := range []struct {
		name      string
		want, got string
		bound     values // nil where they differ
	}{
		{"same", `<a xmlns='n' b='1'>x</a>`, `<p:a b="1" xmlns:p="n">x</p:a>`, values{}},
		{"order of attributes", `<a b='1' c='2'/>`, `<a c='2' b='1'/>`, values{}},
		{"name", `<a/>`, `<b/>`, nil},
		{"namespace", `<a xmlns='n'/>`, `<a xmlns='m'/>`, nil},
		{"namespace of a value", `<a xmlns='{g}:disco:1.0'/>`, `<a xmlns='urn:nf:iot:disco:1.0'/>`, values{}},
		{"attribute differs", `<a b='1'/>`, `<a b='2'/>`, nil},
		{"attribute missing", `<a b='1'/>`, `<a/>`, nil},
		{"attribute too many", `<a/>`, `<a b='1'/>`, nil},
		{"attribute in a namespace", `<a x:b='1' xmlns:x='n'/>`, `<a b='1'/>`, nil},
		{"any", `<a b='{any}'>{any}</a>`, `<a b='1'>2</a>`, values{}},
		{"any is there", `<a b='{any}'/>`, `<a/>`, nil},
		{"capture", `<a b='{x}'>{y}</a>`, `<a b='1'>2</a>`, values{"x": "1", "y": "2"}},
		{"capture of nothing", `<a b='{x}'/>`, `<a b=''/>`, nil},
		{"capture twice alike", `<a b='{x}' c='{x}'/>`, `<a b='1' c='1'/>`, values{"x": "1"}},
		{"capture twice otherwise", `<a b='{x}' c='{x}'/>`, `<a b='1' c='2'/>`, nil},
		{"capture in text", `<a>{bob}/{r} at {domain}</a>`, `<a>bob@example.org/phone at example.org</a>`, values{"r": "phone"}},
		{"known value differs", `<a b='{bob}'/>`, `<a b='eve@example.org'/>`, nil},
		{"dots are dots", `<a b='{domain}'/>`, `<a b='exampleXorg'/>`, nil},
		{"children in order", `<a><b/><c/></a>`, "<a>\n <b/> <c/></a>", values{}},
		{"children out of order", `<a><b/><c/></a>`, `<a><c/><b/></a>`, nil},
		{"child missing", `<a><b/><c/></a>`, `<a><b/></a>`, nil},
		{"child too many", `<a><b/></a>`, `<a><b/><b/></a>`, nil},
		{"text between children", `<a><b/></a>`, `<a>x<b/></a>`, nil},
		{"space counts in text", `<a>x</a>`, `<a> x</a>`, nil},
		{"more", `<a>{more}<c/><b x='{x}'/></a>`, `<a>t<b x='1'/><d/><c/></a>`, values{"x": "1"}},
		{"more, but one is missing", `<a>{more}<c/><b/></a>`, `<a><b/><d/></a>`, nil},
		{"more, each once", `<a>{more}<b/><b/></a>`, `<a><b/></a>`, nil},
		{"more, what does not fit binds nothing", `<a>{more}<b x='{x}'><c/></b></a>`, `<a><b x='1'/><b x='2'><c/></b></a>`, values{"x": "2"}},
		{"more has attributes as written", `<a>{more}</a>`, `<a b='1'/>`, nil},
		{
			"error", `<iq type='error' id='1'>{error cancel/item-not-found}</iq>`,
			`<iq type='error' id='1'><q xmlns='n'/><error type='cancel' code='404' by='x'><item-not-found xmlns='` + stanza.NSErrors +
				`'/><text xmlns='` + stanza.NSErrors + `'>Gone.</text></error></iq>`,
			values{},
		},
		{
			"error of another type", `<iq type='error'>{error cancel/item-not-found}</iq>`,
			`<iq type='error'><error type='modify'><item-not-found xmlns='` + stanza.NSErrors + `'/></error></iq>`, nil,
		},
		{
			"error of any type", `<iq type='error'>{error any/item-not-found}</iq>`,
			`<iq type='error'><error type='modify'><item-not-found xmlns='` + stanza.NSErrors + `'/></error></iq>`,
			values{},
		},
		{"order in a message", `<message><body>x</body><a/></message>`, `<message><a/><body>x</body></message>`, values{}},
		{"more in a message", `<message><body>x</body></message>`, `<message><body>x</body><a/></message>`, nil},
		{"less in a message", `<message><a/><body>x</body></message>`, `<message><body>x</body></message>`, nil},
		{"age of presence", `<presence/>`, `<presence><delay xmlns='urn:xmpp:delay' stamp='2026-05-04T12:00:00Z'/></presence>`, values{}},
		{"age of a message", `<message/>`, `<message><delay xmlns='urn:xmpp:delay' stamp='2026-05-04T12:00:00Z'/></message>`, nil},
		{
			"words of a failed login", `<failure xmlns='` + stream.NSSASL + `'><not-authorized/></failure>`,
			`<failure xmlns='` + stream.NSSASL + `'><not-authorized/><text xml:lang='en'>No.</text></failure>`,
			values{},
		},
		{"to left out", `<message/>`, `<message to='alice@example.org/phone' xml:lang='en'/>`, values{}},
		{"to of another", `<message/>`, `<message to='bob@example.org'/>`, nil},
		{"from left out", `<message/>`, `<message from='bob@example.org'/>`, values{}},
		{"answer of who was asked", `<iq type='result' id='q'/>`, `<iq type='result' id='q' from='bob@example.org'/>`, values{}},
		{"answer of another", `<iq type='result' id='q'/>`, `<iq type='result' id='q' from='eve@example.org'/>`, nil},
		{"answer of nobody", `<iq type='result' id='q'/>`, `<iq type='result' id='q'/>`, values{}},
		{"answer of the account", `<iq type='result' id='own'/>`, `<iq type='result' id='own' from='alice@example.org'/>`, values{}},
		{"answer in the account's place", `<iq type='result' id='own'/>`, `<iq type='result' id='own' from='bob@example.org'/>`, nil},
		{"a message is normal", `<message type='normal'/>`, `<message/>`, values{}},
		{"and says so", `<message/>`, `<message type='normal'/>`, values{}},
		{"language of what is forwarded", `<a><message/></a>`, `<a><message xml:lang='en'/></a>`, values{}},
		{
			"preferences for a resumption", `<enabled xmlns='urn:xmpp:sm:3' resume='true'/>`,
			`<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true' max='60' location='a:1'/>`,
			values{},
		},
		{"a resumption not asked for", `<enabled xmlns='urn:xmpp:sm:3'/>`, `<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true'/>`, nil},
		{"id of an archive", `<message><body>x</body></message>`, `<message><body>x</body><stanza-id xmlns='urn:xmpp:sid:0' id='1' by='x'/></message>`, values{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &party{
				jid: jid.MustParse("alice@example.org/phone"), account: &login{},
				asked: map[string]string{"q": "bob@example.org", "own": ""},
			}
			want, err := parsePatterns(c.want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := xmlstream.ParseIn(stanza.Client, []byte(c.got), xmlstream.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			bound, err := p.compare(known, want[0], got)
			switch {
			case (err == nil) != (c.bound != nil):
				t.Errorf("%s and %s: %v", c.want, c.got, err)
			case err == nil && !maps.Equal(bound, c.bound):
				t.Errorf("bound %v, want %v", bound, c.bound)
			}
		})
	}
}

// What is put in cannot become markup, unless the file says so.
func TestFill(t *testing.T) {
	v := values{"x": `<&'">`}
	for text, want := range map[string]string{
		"<a b='{x}'>{x}</a>": "<a b='&lt;&amp;&apos;&quot;&gt;'>&lt;&amp;&apos;&quot;&gt;</a>",
		"{!x}":               `<&'">`,
		"{} {x y} {X} {{x}}": "{} {x y} {X} {&lt;&amp;&apos;&quot;&gt;}",
	} {
		tmpl, err := parseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tmpl.fill(v, true); err != nil || got != want {
			t.Errorf("%s becomes %s, %v", text, got, err)
		}
	}
	tmpl, err := parseTemplate("{unknown}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tmpl.fill(v, true); err == nil {
		t.Error("a reference without a value was filled")
	}
}
