package transport_test

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// through reads the next thing, however often reading times out, and returns how often it did. In between the connection rests.
func through(t interface{ Fatalf(string, ...any) }, c *transport.TCP, want xmlstream.Kind) (timeouts int) {
	for {
		kind, err := c.Next()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			timeouts++
			c.Rest(true)
			continue
		}
		if err != nil || kind != want {
			t.Fatalf("after %d timeouts: kind %d, %v", timeouts, kind, err)
		}
		return timeouts
	}
}

// crypto/tls goes on after a time-out at every byte of its records, whichever side it is: what the broker relies on when it parks a
// stream. Tickets, key updates and alerts are records too.
func TestTLSReadsOnAfterEveryByte(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			for _, side := range []string{"server", "client"} {
				l := secure(t, version)
				reader, writer, raws := l.server, l.client, l.serverRaw
				if side == "client" {
					reader, writer, raws = l.client, l.server, l.clientRaw
				}
				raws.size = one
				writer.Write(raw(header), raw("<message/>"))
				through(t, reader, xmlstream.Header)
				through(t, reader, xmlstream.Complete)
				writer.Write(raw("<presence/>"))
				writer.Write(raw("<iq/>")) // a record behind a record
				n := through(t, reader, xmlstream.Complete) + through(t, reader, xmlstream.Complete)
				if least := len("<presence/><iq/>") + 2*5; n < least {
					t.Errorf("%s: %d timeouts, fewer than the %d bytes that came", side, n, least)
				}
			}
		})
	}
}

func TestTLSReadsOnAfterEverySplit(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			l := secure(t, version)
			l.client.Write(raw(header))
			expect(t, l.server, xmlstream.Header, "")
			rapid.Check(t, func(t *rapid.T) {
				l.serverRaw.size = func() int { return rapid.SampledFrom([]int{1, 2, 4, 5, 6, 20, 1000}).Draw(t, "size") }
				n := rapid.IntRange(1, 5).Draw(t, "elements")
				for i := range n {
					text := strings.Repeat("x", rapid.SampledFrom([]int{0, 10, 3000}).Draw(t, "text"))
					if err := l.client.Write(raw("<message id='" + strconv.Itoa(i) + "'>" + text + "</message>")); err != nil {
						t.Fatal(err)
					}
				}
				for i := range n {
					through(t, l.server, xmlstream.Complete)
					if got := l.server.Tokens().Element().Attr("id"); got != strconv.Itoa(i) {
						t.Fatalf("element %q, want %d", got, i)
					}
				}
			})
		})
	}
}

// The end of a connection is the end, at whatever byte it comes.
func TestTLSEndsInDrips(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			l := secure(t, version)
			l.serverRaw.size = one
			l.client.Write(raw(header))
			through(t, l.server, xmlstream.Header)
			l.there.Write([]byte{23, 3, 3}) // half the head of a record
			l.there.Close()
			for {
				_, err := l.server.Next()
				if errors.Is(err, os.ErrDeadlineExceeded) {
					continue
				}
				if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
					t.Errorf("at the end: %v", err)
				}
				break
			}
		})
	}
}
