package transport_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// TLS 1.3 numbers. RFC 8446 §4, §5.1
const (
	recordHandshake   = 22
	recordApplication = 23
	messageKeyUpdate  = 24
)

// records writes the client's records in place of crypto/tls, which never sends a KeyUpdate. RFC 8446 §5.2, §7
type records struct {
	hash   func() hash.Hash
	keyLen int
	secret []byte
	sent   uint64 // with this secret
}

// records takes over from the client, which has sent that many records since its handshake.
func (l *link) records(t *testing.T, sent uint64) *records {
	t.Helper()
	r := &records{hash: sha256.New, keyLen: 16, sent: sent}
	switch suite := l.client.TLS().CipherSuite; suite {
	case tls.TLS_AES_128_GCM_SHA256:
	case tls.TLS_AES_256_GCM_SHA384:
		r.hash, r.keyLen = sha512.New384, 32
	default:
		t.Fatalf("the two have agreed on %s", tls.CipherSuiteName(suite))
	}
	for line := range strings.Lines(l.keys.String()) {
		if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			var err error
			if r.secret, err = hex.DecodeString(f[2]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return r
}

// expand is HKDF-Expand-Label without context. RFC 8446 §7.1
func (r *records) expand(t *testing.T, label string, n int) []byte {
	label = "tls13 " + label
	info := append([]byte{byte(n >> 8), byte(n), byte(len(label))}, label...)
	key, err := hkdf.Expand(r.hash, r.secret, string(append(info, 0)), n)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (r *records) seal(t *testing.T, kind byte, content []byte) []byte {
	block, err := aes.NewCipher(r.expand(t, "key", r.keyLen))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := r.expand(t, "iv", aead.NonceSize())
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], r.sent)
	for i, b := range n {
		nonce[len(nonce)-8+i] ^= b
	}
	r.sent++
	plain := append(content, kind)
	head := binary.BigEndian.AppendUint16([]byte{recordApplication, 3, 3}, uint16(len(plain)+aead.Overhead()))
	return aead.Seal(head, nonce, plain, head)
}

// update writes a KeyUpdate that asks for the other side's, and goes on with the next secret. RFC 8446 §4.6.3
func (r *records) update(t *testing.T) []byte {
	sealed := r.seal(t, recordHandshake, []byte{messageKeyUpdate, 0, 0, 1, 1})
	r.secret, r.sent = r.expand(t, "traffic upd", r.hash().Size()), 0
	return sealed
}

// A key update comes byte by byte between two elements, and between two halves of one; ours comes back and is understood.
func TestKeyUpdateInDrips(t *testing.T) {
	l := secure(t, tls.VersionTLS13)
	l.client.Write(raw(header))
	expect(t, l.server, xmlstream.Header, "")
	if l.client.TLS().CipherSuite == tls.TLS_CHACHA20_POLY1305_SHA256 && !strings.Contains(os.Getenv("GODEBUG"), onlyAES) {
		withAES(t)
		return
	}
	r := l.records(t, 1)
	l.serverRaw.size = one
	l.server.Write(raw(header))
	expect(t, l.client, xmlstream.Header, "")
	for range 3 {
		var wire []byte
		wire = append(wire, r.update(t)...)
		wire = append(wire, r.seal(t, recordApplication, []byte("<message>"))...)
		wire = append(wire, r.update(t)...)
		wire = append(wire, r.seal(t, recordApplication, []byte("</message>"))...)
		if _, err := l.there.Write(wire); err != nil {
			t.Fatal(err)
		}
		if n := through(t, l.server, xmlstream.Complete); n < len(wire)-1 {
			t.Errorf("%d timeouts for %d bytes", n, len(wire))
		}
		l.server.Write(raw("<a/>")) // behind two updates of its own
		expect(t, l.client, xmlstream.Complete, "a")
	}
}

// onlyAES is a setting of Go with which TLS knows no other cipher.
const onlyAES = "fips140=on"

// withAES runs the test in a process of its own. Without AES in hardware TLS chooses a cipher that the standard library does not have by
// itself.
func withAES(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "GODEBUG="+strings.TrimPrefix(os.Getenv("GODEBUG")+","+onlyAES, ","))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%s", err, out)
	}
}
