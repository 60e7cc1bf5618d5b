package c2s

import (
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"
)

// epoll parks streams on one epoll instance of our own. It waits for that with Go's network poller, so that no thread is held, and what
// has come is taken up by the thread that heard of it. The poller knows the parked sockets too, which does not disturb it.
type epoll struct {
	file *os.File
	raw  syscall.RawConn // of file
	fd   int
	log  *slog.Logger
	done chan struct{}

	mu     sync.Mutex
	last   uint64
	parked map[uint64]func()
	closed bool
}

// newParker returns a parker, or nil where there can be none.
func newParker(log *slog.Logger) parker {
	e, err := newEpoll(log)
	if err != nil {
		log.Warn("idle streams keep a goroutine each", "err", err)
		return nil
	}
	return e
}

func newEpoll(log *slog.Logger) (*epoll, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // only then os.NewFile lets it be waited for
		syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	e := &epoll{file: os.NewFile(uintptr(fd), "epoll"), fd: fd, log: log, done: make(chan struct{}), parked: map[uint64]func(){}}
	e.raw, err = e.file.SyscallConn()
	if err == nil {
		err = e.file.SetReadDeadline(time.Time{}) // tells whether it can be waited for
	}
	if err != nil {
		e.file.Close()
		return nil, err
	}
	go e.wait()
	return e, nil
}

// once makes a socket tell of the next event only, so that a stream on its goroutine costs nothing here.
const once = uint32(syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT)

// park implements parker. The socket stays known to the kernel until it is closed.
func (e *epoll) park(c *conn, resume func()) bool {
	if c.sys == nil {
		sys, ok := c.Conn.(syscall.Conn)
		if !ok {
			return false
		}
		raw, err := sys.SyscallConn()
		if err != nil {
			return false
		}
		c.sys = raw
	}
	op := syscall.EPOLL_CTL_MOD
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return false
	}
	if c.id == 0 {
		op = syscall.EPOLL_CTL_ADD
		e.last++
		c.id = e.last
	}
	id := c.id
	e.parked[id] = resume
	e.mu.Unlock()

	event := syscall.EpollEvent{Events: once, Fd: int32(id), Pad: int32(id >> 32)}
	var failed error
	err := c.sys.Control(func(fd uintptr) { failed = syscall.EpollCtl(e.fd, op, int(fd), &event) })
	if err == nil && failed == nil {
		return true
	}
	// Closed meanwhile, most likely. If that woke the stream already, it is no longer ours.
	return e.take(id) == nil
}

// sysConn is the socket itself.
type sysConn = syscall.RawConn

// Read waits for input, or where the stream is eager takes only what there is: then it is late at once, as crypto/tls and the
// tokenizer understand it.
func (c *conn) Read(p []byte) (n int, err error) {
	if !c.eager {
		return c.Conn.Read(p)
	}
	failed := c.sys.Read(func(fd uintptr) bool {
		for {
			n, err = syscall.Read(int(fd), p)
			if err != syscall.EINTR {
				return true
			}
		}
	})
	switch {
	case failed != nil:
		return 0, failed
	case err == syscall.EAGAIN:
		return 0, os.ErrDeadlineExceeded
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// take returns what resumes a parked stream, once.
func (e *epoll) take(id uint64) func() {
	e.mu.Lock()
	defer e.mu.Unlock()
	resume := e.parked[id]
	delete(e.parked, id)
	return resume
}

// wake implements waker: a socket that was closed tells of nothing any more.
func (e *epoll) wake(c *conn) {
	e.mu.Lock()
	id := c.id
	e.mu.Unlock()
	if resume := e.take(id); resume != nil {
		go resume()
	}
}

// wait gives streams that have something to read a goroutine.
func (e *epoll) wait() {
	defer close(e.done)
	events := make([]syscall.EpollEvent, 256)
	for {
		var n int
		var err error
		closed := e.raw.Read(func(fd uintptr) bool {
			n, err = syscall.EpollWait(int(fd), events, 0)
			return n > 0 || err != nil
		})
		switch {
		case closed != nil:
			return
		case err == syscall.EINTR:
			continue
		case err != nil:
			e.log.Error("idle streams keep a goroutine each", "err", err)
			e.wakeAll()
			return
		}
		for _, ev := range events[:n] {
			if resume := e.take(uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32); resume != nil {
				go resume()
			}
		}
	}
}

// wakeAll ends parking with a goroutine for each stream.
func (e *epoll) wakeAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for _, resume := range e.parked {
		go resume()
	}
	clear(e.parked)
}

// close implements parker. Streams that are still parked were closed before.
func (e *epoll) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.file.Close()
	<-e.done
}
