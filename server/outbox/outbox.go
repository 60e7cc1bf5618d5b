// Package outbox tells parties what followed from a commit: a row written in the same transaction is sent afterwards, again and
// again until it is acknowledged, also over a crash. To one receiver pushes go in their order, one at a time.
package outbox

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations is the schema.
func Migrations() store.Migrations {
	root, _ := fs.Sub(files, "migrations") // the folder is embedded
	return store.Migrations{Name: "outbox", FS: root}
}

// answerTimeout is how long a party may take to acknowledge before the push counts as unsent.
const answerTimeout = 30 * time.Second

// Outbox implements module.Outbox.
type Outbox struct {
	db       store.DB
	log      *slog.Logger
	now      func() time.Time
	network  module.Network
	sessions module.Sessions

	mu      sync.Mutex
	ctx     context.Context // of Run, nil outside
	rounds  map[jid.JID]*round
	work    sync.WaitGroup
	waiting map[*waiter]struct{}
}

var _ module.Outbox = (*Outbox)(nil)

// round is the sending to one receiver that is under way.
type round struct {
	again  bool
	asked  jid.JID            // the session whose answer it waits for, zero for none
	giveUp context.CancelFunc // ends that wait
}

// waiter is told whenever something was acknowledged.
type waiter struct {
	to    jid.JID
	moved chan struct{}
}

// New makes an outbox on a database. Nothing is sent before Run.
func New(db store.DB, log *slog.Logger, now func() time.Time, network module.Network, sessions module.Sessions) *Outbox {
	return &Outbox{
		db: db, log: log, now: now, network: network, sessions: sessions,
		rounds: map[jid.JID]*round{}, waiting: map[*waiter]struct{}{},
	}
}

// Put implements module.Outbox.
func (o *Outbox) Put(tx *store.Tx, p module.Push) error {
	if err := insert(tx, p, o.now()); err != nil {
		return err
	}
	to := p.To.Bare().Clone()
	tx.AfterCommit(func() { o.Wake(to) })
	return nil
}

// Run sends what an earlier run of the broker left, and lets others be sent until the context ends.
func (o *Outbox) Run(ctx context.Context) error {
	o.mu.Lock()
	o.ctx = ctx // first, so that nothing put meanwhile is overlooked
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		o.ctx = nil
		o.mu.Unlock()
		o.work.Wait()
	}()
	var left []jid.JID
	err := o.db.View(ctx, func(tx *store.Tx) (err error) {
		left, err = receivers(tx)
		return err
	})
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	for _, to := range left {
		o.Wake(to)
	}
	<-ctx.Done()
	return nil
}

// Wake sends what waits for a receiver, which has come online or has something new.
func (o *Outbox) Wake(to jid.JID) {
	to = to.Bare()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ctx == nil {
		return
	}
	if r := o.rounds[to]; r != nil {
		r.again = true
		return
	}
	r := &round{}
	o.rounds[to] = r
	ctx := o.ctx
	o.work.Go(func() { o.send(ctx, to, r) })
}

// Gone is told that a session has ended: what it was asked it will not answer, and another may.
func (o *Outbox) Gone(full jid.JID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r := o.rounds[full.Bare()]; r != nil && r.asked == full {
		r.again = true
		r.giveUp()
	}
}

// send works through the receiver's rows until there are none or it cannot be reached.
func (o *Outbox) send(ctx context.Context, to jid.JID, r *round) {
	for {
		err := o.sendAll(ctx, to, r)
		if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrFull) { // of that the store tells the log
			o.log.Warn("push failed", "to", to, "err", err)
		}
		o.mu.Lock()
		if !r.again || ctx.Err() != nil {
			delete(o.rounds, to)
			o.mu.Unlock()
			return
		}
		r.again = false
		o.mu.Unlock()
	}
}

func (o *Outbox) sendAll(ctx context.Context, to jid.JID, r *round) error {
	for {
		var next row
		var found bool
		err := o.db.View(ctx, func(tx *store.Tx) (err error) {
			next, found, err = first(tx, to)
			return err
		})
		if err != nil || !found {
			return err
		}
		if sent := o.sendOne(ctx, next, r); !sent {
			return nil // until it comes online
		}
		err = o.db.Update(ctx, func(tx *store.Tx) error { return remove(tx, next.id) })
		if err != nil {
			return err
		}
		o.moved(to)
	}
}

// sendOne reports whether the push is done.
func (o *Outbox) sendOne(ctx context.Context, p row, r *round) bool {
	if !p.IQ {
		m := stanza.NewMessage(p.To, stanza.Normal, p.Payload)
		if p.Text != "" {
			m = m.With(xmlstream.New(stanza.Client, "body", xmlstream.Text(p.Text)))
		}
		o.network.Send(ctx, m.Addressed(p.From, p.To))
		return true
	}
	full := o.reach(p.To)
	if full.IsZero() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	o.ask(r, full, cancel)
	defer o.ask(r, jid.JID{}, nil)
	if o.sessions.Get(full) == nil { // it ended before Gone could know whom we ask
		return false
	}
	_, err := o.network.Request(ctx, &stanza.IQ{Type: stanza.Set, From: p.From, To: full, Payload: p.Payload})
	if err == nil {
		return true
	}
	if ctx.Err() != nil {
		return false
	}
	// A thing that answers with an error has got it: there are clients that know some pushes not at all. Only where the answer
	// is the broker's own, for a session that is gone, the push is still to come.
	return o.sessions.Get(full) != nil
}

func (o *Outbox) ask(r *round, full jid.JID, giveUp context.CancelFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r.asked, r.giveUp = full, giveUp
}

// reach picks the session for a request: available, of the highest priority.
func (o *Outbox) reach(bare jid.JID) jid.JID {
	var best module.Session
	for _, s := range o.sessions.Of(bare) {
		if s.Presence() != nil && (best == nil || s.Priority() > best.Priority()) {
			best = s
		}
	}
	if best == nil {
		return jid.JID{}
	}
	return best.JID()
}

func (o *Outbox) moved(to jid.JID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for w := range o.waiting {
		if w.to == to {
			select {
			case w.moved <- struct{}{}:
			default:
			}
		}
	}
}

// Wait implements module.Outbox.
func (o *Outbox) Wait(ctx context.Context, from, to jid.JID) bool {
	w := &waiter{to: to.Bare(), moved: make(chan struct{}, 1)}
	o.mu.Lock()
	o.waiting[w] = struct{}{}
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		delete(o.waiting, w)
		o.mu.Unlock()
	}()
	for {
		var n int
		err := o.db.View(ctx, func(tx *store.Tx) (err error) {
			n, err = count(tx, from, w.to)
			return err
		})
		if err != nil {
			return false
		}
		if n == 0 {
			return true
		}
		select {
		case <-w.moved:
		case <-ctx.Done():
			return false
		}
	}
}
