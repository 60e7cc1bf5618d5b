package streamtest

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Pipe returns the two ends of a connection in memory. Unlike those of net.Pipe they hold what was written and not yet read, up
// to 64 KiB each way, so that both sides may speak at once, as over TCP. They work inside synctest bubbles.
func Pipe() (client, server net.Conn) {
	a, b := newFlow(), newFlow()
	return &end{in: a, out: b}, &end{in: b, out: a}
}

// end implements net.Conn.
type end struct{ in, out *flow }

func (e *end) Read(p []byte) (int, error)         { return e.in.read(p) }
func (e *end) Write(p []byte) (int, error)        { return e.out.write(p) }
func (e *end) LocalAddr() net.Addr                { return pipeAddr{} }
func (e *end) RemoteAddr() net.Addr               { return pipeAddr{} }
func (e *end) SetReadDeadline(t time.Time) error  { return e.in.setDeadline(&e.in.reader, t) }
func (e *end) SetWriteDeadline(t time.Time) error { return e.out.setDeadline(&e.out.writer, t) }

func (e *end) SetDeadline(t time.Time) error {
	e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

func (e *end) Close() error {
	e.in.close(&e.in.reader)
	e.out.close(&e.out.writer)
	return nil
}

// CloseWrite says nothing more, and still reads.
func (e *end) CloseWrite() error {
	e.out.close(&e.out.writer)
	return nil
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// flow is one direction.
type flow struct {
	mu             sync.Mutex
	changed        *sync.Cond
	buf            []byte
	reader, writer side
}

// side is what one end did to a flow.
type side struct {
	closed   bool
	deadline time.Time
	timer    *time.Timer
}

const room = 64 << 10

func newFlow() *flow {
	f := &flow{}
	f.changed = sync.NewCond(&f.mu)
	return f
}

func (f *flow) read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.reader.closed:
			return 0, net.ErrClosed
		case f.reader.late():
			return 0, os.ErrDeadlineExceeded
		case len(f.buf) > 0:
			n := copy(p, f.buf)
			f.buf = f.buf[n:]
			f.changed.Broadcast()
			return n, nil
		case f.writer.closed:
			return 0, io.EOF
		}
		f.changed.Wait()
	}
}

func (f *flow) write(p []byte) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.writer.closed:
			return n, net.ErrClosed
		case f.reader.closed:
			return n, io.ErrClosedPipe
		case f.writer.late():
			return n, os.ErrDeadlineExceeded
		}
		k := min(room-len(f.buf), len(p)-n)
		f.buf = append(f.buf, p[n:n+k]...)
		f.changed.Broadcast()
		if n += k; n == len(p) {
			return n, nil
		}
		f.changed.Wait()
	}
}

func (s *side) late() bool { return !s.deadline.IsZero() && !time.Now().Before(s.deadline) }

func (f *flow) setDeadline(s *side, t time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if s.deadline = t; !t.IsZero() {
		s.timer = time.AfterFunc(time.Until(t), func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.changed.Broadcast()
		})
	}
	f.changed.Broadcast()
	return nil
}

func (f *flow) close(s *side) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.closed = true
	f.changed.Broadcast()
}
