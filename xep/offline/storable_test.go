package offline

import (
	"testing"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
)

func TestStorable(t *testing.T) {
	for _, c := range []struct {
		name, typ, content string
		want               bool
	}{
		{"XEP-0160#types: normal", "normal", `<body>x</body>`, true},
		{"XEP-0160#types: no type", "", `<body>x</body>`, true},
		{"XEP-0160#types: chat", "chat", `<body>x</body>`, true},
		{"XEP-0160#types: groupchat", "groupchat", `<body>x</body>`, false},
		{"XEP-0160#types: headline", "headline", `<body>x</body>`, false},
		{"XEP-0160#types: error", "error", `<body>x</body><error type='cancel'/>`, false},
		{"XEP-0160#types: chat states only", "chat", `<composing xmlns='http://jabber.org/protocol/chatstates'/><thread>t</thread>`, false},
		{"a chat state beside a body", "chat", `<body>x</body><active xmlns='http://jabber.org/protocol/chatstates'/>`, true},
		{"nothing", "", ``, false},
		{"a subject", "", `<subject>x</subject>`, true},
		{"a receipt", "", `<received xmlns='urn:xmpp:receipts' id='1'/>`, true},
		{"XEP-0334#no-store", "chat", `<body>x</body><no-store xmlns='urn:xmpp:hints'/>`, false},
		{"XEP-0334: store", "chat", `<gone xmlns='http://jabber.org/protocol/chatstates'/><store xmlns='urn:xmpp:hints'/>`, true},
		{"a hint only", "chat", `<no-copy xmlns='urn:xmpp:hints'/>`, false},
		{"a question to an owner", "", `<isFriend xmlns='urn:nf:iot:prov:o:1.0' jid='thing@example.org' remoteJid='bob@b.example'/>`, true},
		{"a package of software", "", `<packageInfo xmlns='urn:ieee:iot:swu:1.0' fileName='a.bin'/>`, true},
		{"sensor data", "", `<fields xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='true'/>`, false},
		{"sensor data with a body", "", `<body>21 C</body><fields xmlns='urn:xmpp:iot:sensordata' seqnr='1'/>`, false},
		{"sensor data with a hint", "", `<resp xmlns='urn:nf:iot:sd:1.0' id='1'/><store xmlns='urn:xmpp:hints'/>`, false},
		{"sensor data, IEEE", "", `<resp xmlns='urn:ieee:iot:sd:1.0' id='1'/>`, false},
		{"sensor data, NFI", "", `<resp xmlns='urn:nfi:iot:sd:1.0' id='1'/>`, false},
		{"control", "", `<set xmlns='urn:xmpp:iot:control'><boolean name='Relay' value='true'/></set>`, false},
		{"control, NF", "", `<set xmlns='urn:nf:iot:ctr:1.0'><b n='Relay' v='true'/></set>`, false},
		{"an event", "", `<resp xmlns='urn:nf:iot:events:1.0'/>`, false},
		{"a concentrator's event", "", `<nodeUpdated xmlns='urn:ieee:iot:concentrator:1.0' id='1'/>`, false},
		{"what may be any of them, encrypted", "", `<aes xmlns='urn:nf:iot:e2e:1.0' r='ed448'/>`, false},
		{
			"sensor data that was published", "",
			`<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='t'><item><resp xmlns='urn:nf:iot:sd:1.0'/></item></items></event>`,
			false,
		},
		{"talk of sensor data", "chat", `<body>urn:nf:iot:sd:1.0 is a namespace</body>`, true},
	} {
		s, err := moduletest.Parse(`<message type='` + c.typ + `' to='juliet@example.org'>` + c.content + `</message>`)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := storable(s); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// What goes into the database comes out of it.
func FuzzStored(f *testing.F) {
	f.Add(`<message from='romeo@montague.net/orchard' to='juliet@capulet.com' xml:lang='en'><body>
		O blessed, blessed night! I am afeard.</body></message>`)
	f.Add(`<message to='juliet@example.org' type='chat' id='a&amp;"'><x xmlns='urn:a' p:b='c' xmlns:p='urn:p'><![CDATA[<]]>&#13;</x></message>`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := moduletest.Parse(text)
		if err != nil {
			return
		}
		again, err := row{text: s.String()}.stanza()
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if again.String() != s.String() {
			t.Fatalf("%s\ncomes back as\n%s", s, again)
		}
	})
}

// Each message for an account passes here.
func BenchmarkIncoming(b *testing.B) {
	st, err := moduletest.Parse(`<message from='romeo@montague.net/orchard' to='juliet@example.org' type='chat' id='1'>
		<body>O blessed, blessed night!</body><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>
		</message>`)
	if err != nil {
		b.Fatal(err)
	}
	s := &service{host: &module.Host{Domain: moduletest.Domain}}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.incoming(b.Context(), st.To, st); err != nil {
			b.Fatal(err)
		}
	}
}
