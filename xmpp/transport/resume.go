package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// ReadsResume returns nil where Next can go on after a time-out over TLS, which the documentation of crypto/tls does not say. It is
// found out once, on connections in memory, in a few milliseconds.
var ReadsResume = sync.OnceValue(func() error {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		if err := proveResume(version); err != nil {
			return fmt.Errorf("transport: %s does not go on after a time-out: %w", tls.VersionName(version), err)
		}
	}
	return nil
})

// proveResume talks over a connection whose records come byte by byte, with a time-out before each.
func proveResume(version uint16) error {
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
	sender, receiver := &tape{Conn: a}, &tape{Conn: b}
	client := tls.Client(sender, &tls.Config{
		InsecureSkipVerify: true, // of a certificate that we have just made
		MaxVersion:         version, CurvePreferences: []tls.CurveID{tls.CurveP256},
	})
	server := tls.Server(receiver, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true})
	done := make(chan error, 1)
	go func() { done <- client.HandshakeContext(context.Background()) }()
	if err := errors.Join(server.HandshakeContext(context.Background()), <-done); err != nil {
		return err
	}
	sender.recorded = &bytes.Buffer{}
	receiver.recorded = sender.recorded
	sent := []byte("resume")
	for i := range sent { // a record each
		if _, err := client.Write(sent[i : i+1]); err != nil {
			return err
		}
	}
	var got []byte
	for buf := make([]byte, len(sent)); len(got) < len(sent); {
		n, err := server.Read(buf)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		got = append(got, buf[:n]...)
	}
	if !bytes.Equal(got, sent) {
		return errors.New("bytes are lost")
	}
	return nil
}

// tape is a connection that, once recorded is set, writes there and reads from there byte by byte, with a time-out before each.
type tape struct {
	net.Conn
	recorded *bytes.Buffer
	waited   bool
}

func (t *tape) Read(p []byte) (int, error) {
	if t.recorded == nil {
		return t.Conn.Read(p)
	}
	if t.waited = !t.waited; t.waited {
		return 0, os.ErrDeadlineExceeded
	}
	return t.recorded.Read(p[:1])
}

func (t *tape) Write(p []byte) (int, error) {
	if t.recorded == nil {
		return t.Conn.Write(p)
	}
	return t.recorded.Write(p)
}
