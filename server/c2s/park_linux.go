package c2s

import (
	"log/slog"
	"sync"
	"syscall"
)

// epoll parks streams on one epoll instance of our own. Go's network poller knows the same sockets, which does not disturb it.
type epoll struct {
	fd   int
	log  *slog.Logger
	quit [2]int // a pipe: closing its second end ends the waiting
	done chan struct{}

	mu     sync.Mutex
	last   uint64
	parked map[uint64]func()
	closed bool
}

// newParker returns a parker, or nil where there can be none.
func newParker(log *slog.Logger) parker {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		log.Warn("idle streams keep a goroutine each", "err", err)
		return nil
	}
	e := &epoll{fd: fd, log: log, done: make(chan struct{}), parked: map[uint64]func(){}}
	if err := syscall.Pipe2(e.quit[:], syscall.O_CLOEXEC); err != nil {
		syscall.Close(fd)
		log.Warn("idle streams keep a goroutine each", "err", err)
		return nil
	}
	// Id 0 is the pipe's. An error here shows in close, which would hang: it cannot happen with two descriptors just made.
	if err := syscall.EpollCtl(fd, syscall.EPOLL_CTL_ADD, e.quit[0], &syscall.EpollEvent{Events: syscall.EPOLLIN}); err != nil {
		syscall.Close(fd)
		syscall.Close(e.quit[0])
		syscall.Close(e.quit[1])
		log.Warn("idle streams keep a goroutine each", "err", err)
		return nil
	}
	go e.wait()
	return e
}

// once makes a socket tell of the next event only, so that a stream on its goroutine costs nothing here.
const once = uint32(syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT)

// park implements parker. The socket stays known to the kernel until it is closed.
func (e *epoll) park(c *conn, resume func()) bool {
	sys, ok := c.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return false
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
	err = raw.Control(func(fd uintptr) { failed = syscall.EpollCtl(e.fd, op, int(fd), &event) })
	if err == nil && failed == nil {
		return true
	}
	// Closed meanwhile, most likely. If that woke the stream already, it is no longer ours.
	return e.take(id) == nil
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
		n, err := syscall.EpollWait(e.fd, events, -1)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			e.log.Error("idle streams keep a goroutine each", "err", err)
			e.wakeAll()
			return
		}
		for _, ev := range events[:n] {
			id := uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32
			if id == 0 {
				return
			}
			if resume := e.take(id); resume != nil {
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
	syscall.Close(e.quit[1])
	<-e.done
	syscall.Close(e.quit[0])
	syscall.Close(e.fd)
}
