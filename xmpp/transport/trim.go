package transport

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"reflect"
	"sync"
	"time"
	"unsafe"
)

// crypto/tls keeps for the life of a connection the buffers that its handshake has grown: some 3.5 KiB, the half of all that an idle
// session holds. They are private, so this file is all there is that reaches for them, only while nothing reads and only where they are
// empty, and only after it has proved on a connection of its own that the fields are what they are thought to be and that TLS goes on
// without them. Where the proof fails, as it may with another version of Go, nothing is trimmed.

// tlsBuffers are the fields of tls.Conn that hold what was read and is not used yet.
var tlsBuffers = [...]string{"rawInput", "hand"}

// trimTLS frees the empty buffers of a connection on which no read is under way, and reports whether one is not empty: there part of
// a record waits for its rest.
func trimTLS(c *tls.Conn) (partial bool) {
	at, ok := trimmable()
	return ok && trim(c, at)
}

// offsets say where in a tls.Conn the buffers are.
type offsets [len(tlsBuffers)]uintptr

func trim(c *tls.Conn, at offsets) (partial bool) {
	for _, offset := range at {
		b := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), offset))
		switch {
		case b.Len() > 0:
			partial = true
		case b.Cap() > 0:
			*b = bytes.Buffer{}
		}
	}
	return partial
}

// trimmable returns where the buffers are, and whether the proof has succeeded. It is made once, when the first connection is to be
// trimmed.
var trimmable = sync.OnceValues(func() (at offsets, ok bool) {
	conn := reflect.TypeFor[tls.Conn]()
	for i, name := range tlsBuffers {
		f, ok := conn.FieldByName(name)
		if !ok || len(f.Index) != 1 || f.Type != reflect.TypeFor[bytes.Buffer]() {
			return at, false
		}
		at[i] = f.Offset
	}
	return at, proveTrim(at) == nil
})

// proveTrim trims one end of a connection in memory, several times, and talks over it in between.
func proveTrim(at offsets) error {
	cert, err := throwAway()
	if err != nil {
		return err
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	deadline := time.Now().Add(5 * time.Second)
	a.SetDeadline(deadline)
	b.SetDeadline(deadline)
	client := tls.Client(a, &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.CurveP256}})
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(client, client) // until b is closed
		done <- err
	}()
	server := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{cert}})
	if err := server.HandshakeContext(context.Background()); err != nil {
		return err
	}
	sent := bytes.Repeat([]byte("trim"), 200) // one record: nobody reads while both write
	got := make([]byte, len(sent))
	for range 3 {
		trim(server, at)
		if _, err := server.Write(sent); err != nil {
			return err
		}
		if _, err := io.ReadFull(server, got); err != nil {
			return err
		}
		if !bytes.Equal(sent, got) {
			return errors.New("transport: trimmed connection garbles")
		}
	}
	server.Close()
	a.Close()
	<-done
	return nil
}

// throwAway makes a certificate that nobody is to trust.
func throwAway() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
