package xmlstream

import (
	"slices"
	"testing"
)

// seeds are documents of every kind, and the examples that stanzas are in the RFCs.
func seeds() []string {
	return append(append(wellFormed(), malformed()...), chatMessage, sensorResult,
		// RFC 6120 §8.3.1, §9.1
		`<iq from='juliet@im.example.com/balcony' id='z51c8d4y' to='romeo@example.net' type='error'><error type='cancel'>`+
			`<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
		`<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>`,
		// RFC 6121 §5.2.3
		"<message\n    from='juliet@example.com/balcony'\n    xml:lang='en'>\n  <body>I implore thee!</body>\n"+
			"  <body xml:lang='cs'>Úpěnlivě prosím!</body>\n</message>")
}

// FuzzTokenizer compares with the oracle, and one way to arrive with another.
func FuzzTokenizer(f *testing.F) {
	for i, s := range seeds() {
		f.Add(s, i)
	}
	f.Fuzz(func(t *testing.T, doc string, at int) {
		checkAgainstOracle(t, doc)
		for _, header := range []string{"", clientHeader} {
			input := header + doc
			whole := events([]string{input}, Limits{})
			cut := split(input, []int{at & 0xffff % (len(input) + 1), at >> 16 & 0xffff % (len(input) + 1)})
			if got := events(cut, Limits{}); !slices.Equal(got, whole) {
				t.Fatalf("%q\nwhole: %q\ncut:   %q", input, whole, got)
			}
			if len(input) < 1000 {
				if got := events(letters(input), Limits{}); !slices.Equal(got, whole) {
					t.Fatalf("%q\nwhole:  %q\nsingle: %q", input, whole, got)
				}
			}
		}
	})
}

// FuzzElement reads, writes and reads again; as a tree, and as content.
func FuzzElement(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		e, err := ParseIn(SpaceClient, []byte(doc), Limits{})
		if err != nil {
			return
		}
		again, err := Parse(e.AppendXML(nil, ""), Limits{Bytes: 1 << 20})
		if err != nil || !again.Equal(e) {
			t.Fatalf("%q\nis\n%v, then\n%v, %v", doc, e, again, err)
		}
		var taken Taken
		tok := inStream(t, doc)
		if kind, err := tok.Next(); kind != Complete || err != nil {
			return // as what comes first in a document only
		}
		tok.Take(&taken)
		want := relayed(e, SpaceClient)
		raw := "<a xmlns='jabber:client'>" + taken.Content.Raw() + "</a>"
		inside, err := Parse([]byte(raw), Limits{Bytes: 1 << 20})
		if err != nil || !inside.Equal(&Element{name: inside.name, nodes: want.nodes}) {
			t.Fatalf("%q\nbecomes\n%s, %v", doc, raw, err)
		}
		checkIndex(t, taken.Content, inside)
	})
}
