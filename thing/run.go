package thing

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

const (
	// maxTasks bounds what goes on beside the handlers: subscriptions that are decided, chats that are answered.
	maxTasks = 32
	// patience is how long the broker may take to answer what is asked of it.
	patience = 30 * time.Second
	// saveDelay is how long a new answer of decision support may wait to be kept, for the sake of memory cards. At worst it is
	// asked for again.
	saveDelay = 5 * time.Second
)

// run is a thing while Run runs.
type run struct {
	*Thing
	config   Config
	log      *slog.Logger
	tags     registry.Tags // without the key
	state    *state
	contacts contacts
	device   sensordata.Device
	visitors visitors
	reads    reads
	chats    chats

	turn  chan struct{}      // has an item while a function of the maker runs
	again chan time.Duration // wishes to register, after so long
	dirty chan struct{}      // the state is to be saved soon
	tasks chan struct{}      // one for each task
	work  sync.WaitGroup     // the tasks
	away  pause              // of decision support
	quiet pause              // of complaints about strangers
	knows bool               // the services have been looked for; for live alone
}

// Run is the thing's life: it connects, makes its account and registers where need be, and answers, until ctx ends, whose cause it
// then returns. A connection that is lost is made again. Other errors are ErrConfig, ErrRunning, that the state cannot be read or
// written, and what client.Stay says waiting will not heal: a wrong API key, an account that the broker does not want any more.
//
// Nothing is left running when it has returned, and it may be called again.
func (t *Thing) Run(ctx context.Context, c Config) error {
	r, broker, err := t.begin(c)
	if err != nil {
		return err
	}
	defer t.end()
	if err := r.settle(broker); err != nil {
		return err
	}
	saving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var saved sync.WaitGroup
	saved.Go(func() { r.saveLater(saving) })

	err = r.stay(ctx, broker)
	r.work.Wait()
	stop()
	saved.Wait()
	return err
}

// begin checks all that can be wrong before there is a connection.
func (t *Thing) begin(c Config) (*run, jid.JID, error) {
	c, broker, err := c.check()
	if err != nil {
		return nil, broker, err
	}
	if err := errors.Join(t.mistakes...); err != nil {
		return nil, broker, err
	}
	tags, err := t.about.tags()
	if err != nil {
		return nil, broker, err
	}
	state, err := openState(c.State)
	if err != nil {
		return nil, broker, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running != nil {
		return nil, broker, ErrRunning
	}
	t.running = &run{
		Thing: t, config: c, log: c.Log, tags: tags, state: state,
		turn: make(chan struct{}, 1), again: make(chan time.Duration, 1),
		dirty: make(chan struct{}, 1), tasks: make(chan struct{}, maxTasks),
	}
	return t.running, broker, nil
}

func (t *Thing) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = nil
}

// saveLater keeps what was learnt, a while after, until ctx ends and then once more.
func (r *run) saveLater(ctx context.Context) {
	for {
		select {
		case <-r.dirty:
			sleep(ctx, saveDelay)
			if err := r.state.save(); err != nil {
				r.log.Error("state not saved", "err", err)
			}
		case <-ctx.Done():
			select {
			case <-r.dirty:
				if err := r.state.save(); err != nil {
					r.log.Error("state not saved", "err", err)
				}
			default:
			}
			return
		}
	}
}

// mark wants the state to be saved soon.
func (r *run) mark() {
	select {
	case r.dirty <- struct{}{}:
	default:
	}
}

// sleep waits, or not so long if ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// online is the thing in one session.
type online struct {
	*run
	session *client.Session
}

// live is what a session is for, as long as ctx, which ends with it.
func (r *run) live(ctx context.Context, s *client.Session) error {
	o := &online{run: r, session: s}
	if !r.state.view().Confirmed {
		if err := r.state.change(func(k *kept) { k.Confirmed = true }); err != nil {
			return err
		}
	}
	presence, err := r.presence()
	if err != nil {
		return err
	}
	defer o.listen(ctx)()
	o.meet(ctx)
	if !r.knows { // before anybody sees us, so that we know whose word counts
		o.find(ctx)
		r.knows = true
	}
	o.send(ctx, presence)
	if told := r.config.Events.Online; told != nil {
		told(s.JID().Bare())
	}
	o.stayRegistered(ctx)
	return nil
}

// spawn runs a task beside the handlers, unless there are too many. ctx is that of the session.
func (o *online) spawn(ctx context.Context, what string, from jid.JID, task func(context.Context)) {
	select {
	case o.tasks <- struct{}{}:
		o.work.Go(func() {
			defer func() { <-o.tasks }()
			task(ctx)
		})
	default:
		o.log.Debug("too much at once", "dropped", what, "from", from)
	}
}

// send queues a stanza. That a session has ended, whoever gets the error cannot help.
func (o *online) send(ctx context.Context, s *stanza.Stanza) {
	if err := o.session.Send(ctx, s); err != nil {
		o.log.Debug("not sent", "to", s.To, "err", err)
	}
}
