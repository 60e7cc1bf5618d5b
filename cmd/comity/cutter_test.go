package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// cutter stands between clients and a broker, and cuts connections: at a random byte, so in the middle of a TLS record or a stanza, in
// the login or in a resumption; or at a random time. A cut closes both halves, resets them, or makes one direction silent while the
// other goes on.
type cutter struct {
	broker string
	l      net.Listener
	work   sync.WaitGroup
	over   chan struct{} // closed once all cuts were made

	mu    sync.Mutex
	rng   *rand.Rand
	left  int // cuts that no connection has yet
	open  int // that one has, and were not made
	made  map[string]int
	conns []net.Conn
}

// blow is one cut that is planned.
type blow struct {
	kind  string        // "close", "reset", "silent"
	up    bool          // the direction it is about: from the client
	bytes int           // so many are let through
	after time.Duration // or, where this is not 0, it happens then
}

func newCutter(t *testing.T, broker string, seed int) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{
		broker: broker, l: l, over: make(chan struct{}), made: map[string]int{},
		rng: rand.New(rand.NewPCG(uint64(seed), 0)),
	}
	c.work.Go(c.accept)
	t.Cleanup(c.close)
	return c
}

func (c *cutter) addr() string { return c.l.Addr().String() }

// begin lets the cutter make so many cuts, and cuts all connections that there are, which were let alone so far.
func (c *cutter) begin(cuts int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = cuts
	for _, conn := range c.conns {
		conn.Close()
	}
}

func (c *cutter) close() {
	c.l.Close()
	c.mu.Lock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.mu.Unlock()
	c.work.Wait()
}

func (c *cutter) accept() {
	for {
		client, err := c.l.Accept()
		if err != nil {
			return
		}
		broker, err := net.Dial("tcp", c.broker)
		if err != nil {
			client.Close()
			continue
		}
		c.mu.Lock()
		c.conns = append(c.conns, client, broker)
		b := c.plan()
		c.mu.Unlock()
		c.work.Go(func() { c.carry(client, broker, b) })
	}
}

// plan is called with mu held. It returns nil where the connection is to be let alone.
func (c *cutter) plan() *blow {
	if c.left == 0 {
		return nil
	}
	c.left--
	c.open++
	b := &blow{kind: []string{"close", "close", "reset", "silent"}[c.rng.IntN(4)], up: c.rng.IntN(2) == 0}
	switch c.rng.IntN(4) {
	case 0: // about as long as a login takes, and a resumption
		b.bytes = c.rng.IntN(8_000)
	case 1:
		b.after = time.Duration(1 + c.rng.IntN(int(200*time.Millisecond)))
		fallthrough
	default:
		b.bytes = 4_000 + c.rng.IntN(30_000)
	}
	return b
}

// done notes what became of a cut.
func (c *cutter) done(b *blow, made bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if !made { // somebody else has ended the connection before
		c.left++
		return
	}
	c.made[b.String()]++
	if c.left == 0 && c.open == 0 {
		close(c.over)
	}
}

func (b *blow) String() string {
	way := "from the broker"
	if b.up {
		way = "from the client"
	}
	if b.kind != "silent" {
		way = "at a byte"
	}
	if b.after > 0 {
		way += " at a time"
	}
	return b.kind + " " + way
}

// carry lets two halves talk until one of them ends, or the blow comes.
func (c *cutter) carry(client, broker net.Conn, b *blow) {
	var once sync.Once
	cut := func() { once.Do(func() { c.done(b, true) }) }
	up, down := &pipe{from: client, to: broker, left: -1}, &pipe{from: broker, to: client, left: -1}
	if b != nil {
		p := down
		if b.up {
			p = up
		}
		p.left = b.bytes
		p.blow = func() {
			cut()
			if b.kind != "silent" {
				shut(client, b.kind == "reset")
				shut(broker, b.kind == "reset")
			}
		}
		if b.after > 0 {
			timer := time.AfterFunc(b.after, p.now)
			defer timer.Stop()
		}
	}
	var both sync.WaitGroup
	both.Go(up.run)
	both.Go(down.run)
	both.Wait()
	if b != nil {
		once.Do(func() { c.done(b, false) })
	}
}

// pipe is one direction.
type pipe struct {
	from, to net.Conn
	blow     func()
	mu       sync.Mutex
	left     int // bytes before the blow; -1 for no end
	silent   bool
}

// now lets nothing more through.
func (p *pipe) now() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strike()
}

// strike is called with mu held.
func (p *pipe) strike() {
	if !p.silent {
		p.silent = true
		p.blow()
	}
}

// run ends with the reader's half. Of a half that has become silent the other side never hears, not even the end.
func (p *pipe) run() {
	buf := make([]byte, 16<<10)
	for {
		n, err := p.from.Read(buf)
		p.mu.Lock()
		if p.left >= 0 && n >= p.left && !p.silent {
			p.to.Write(buf[:p.left])
			p.strike()
		}
		if !p.silent {
			if p.left > 0 {
				p.left -= n
			}
			_, werr := p.to.Write(buf[:n])
			if err == nil {
				err = werr
			}
		}
		silent := p.silent
		p.mu.Unlock()
		if err != nil {
			if !silent {
				p.to.Close()
			}
			return
		}
	}
}

// shut closes a connection, with a reset if that is wished for.
func shut(conn net.Conn, reset bool) {
	if reset {
		conn.(*net.TCPConn).SetLinger(0)
	}
	conn.Close()
}

func (c *cutter) report() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lines []string
	for kind, n := range c.made {
		lines = append(lines, fmt.Sprintf("%d %s", n, kind))
	}
	slices.Sort(lines)
	return fmt.Sprint(lines)
}
