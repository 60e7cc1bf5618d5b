package xmlstream

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

const clientHeader = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'` +
	` to='capulet.example' version='1.0' xml:lang='en'>`

// chatMessage is what a client sends for a line of chat: 330 bytes.
var chatMessage = `<message to='juliet@capulet.example/balcony' from='romeo@montague.example/orchard' id='b4c6ad01'` +
	` type='chat'><body>` + strings.Repeat("But soft, what light? ", 5) + `</body>` +
	`<request xmlns='urn:xmpp:receipts'/><active xmlns='http://jabber.org/protocol/chatstates'/></message>`

// sensorResult is an answer of a thing with nested fields: 600 bytes. XEP-0323#usecases
var sensorResult = `<iq type='result' from='device@clayster.example/thing' to='master@clayster.example/amr' id='S0001'>` +
	`<fields xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='true'><node nodeId='Device01'>` +
	`<timestamp value='2013-03-07T16:24:30'>` +
	strings.Repeat(`<numeric name='Temperature' momentary='true' automaticReadout='true' value='23.4' unit='C'/>`, 3) +
	`<string name='Status' momentary='true' value='ok, since 12 days'/></timestamp></node></fields></iq>`

// bigPresence is a presence with much in it: 4 KiB.
var bigPresence = `<presence from='juliet@capulet.example/balcony'><show>away</show><status>not to be &amp; found</status>` +
	`<priority>1</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://comity.example'` +
	` ver='QgayPKawpkPSDYmwT/WM94uAlu0='/><photo xmlns='vcard-temp:x:update'>` + strings.Repeat("sha1-hash ", 372) +
	`</photo></presence>`

// benchmarkStream reads one element again and again from a stream.
func benchmarkStream(b *testing.B, element string, use func(*Tokenizer)) {
	t := NewTokenizer(Limits{})
	t.Filled(copy(t.Space(len(clientHeader)), clientHeader))
	if kind, err := t.Next(); kind != Header || err != nil {
		b.Fatal(kind, err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(element)))
	for b.Loop() {
		t.Filled(copy(t.Space(4096), element))
		if kind, err := t.Next(); kind != Complete || err != nil {
			b.Fatal(kind, err)
		}
		use(t)
	}
}

func benchmarkElement(b *testing.B, element string) {
	b.Run("validate", func(b *testing.B) { benchmarkStream(b, element, func(*Tokenizer) {}) })
	b.Run("take", func(b *testing.B) {
		benchmarkStream(b, element, func(t *Tokenizer) { t.Take(new(Taken)) })
	})
	b.Run("tree", func(b *testing.B) {
		benchmarkStream(b, element, func(t *Tokenizer) { t.Element() })
	})
	b.Run("encoding-xml", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(element)))
		for b.Loop() {
			d := xml.NewDecoder(strings.NewReader(element))
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

func BenchmarkMessage(b *testing.B)  { benchmarkElement(b, chatMessage) }
func BenchmarkSensorIQ(b *testing.B) { benchmarkElement(b, sensorResult) }
func BenchmarkPresence(b *testing.B) { benchmarkElement(b, bigPresence) }
