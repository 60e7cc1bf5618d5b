package thing

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
)

const (
	// askLimit is how long decision support may take.
	askLimit = 5 * time.Second
	// awayFor is how long it is left alone when it took longer.
	awayFor = 30 * time.Second
)

// pause is a time in which something is not to be done.
type pause struct {
	mu    sync.Mutex
	until time.Time
}

func (p *pause) begin(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Now().Add(d)
}

func (p *pause) end() { p.begin(0) }

func (p *pause) isOn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.until)
}

// decide returns what is granted of what somebody wants: what is known, then what the policy says, then what decision support said
// before or says now. In any doubt it is nothing. XEP-0324#devicereadouts
func (o *online) decide(ctx context.Context, q Question, tokens iot.Tokens) (provisioning.Scope, bool) {
	everything := provisioning.Scope{Categories: q.Categories, Names: q.Names}
	switch {
	case o.isOwner(q.From):
		return everything, true
	case q.Op != Befriend && !o.contacts.isFriend(q.From):
		return provisioning.Scope{}, false
	}
	if o.config.Policy != nil {
		switch o.config.Policy(ctx, q) {
		case Allow:
			return everything, true
		case Deny:
			return provisioning.Scope{}, false
		}
	}
	question := q.hash(tokens)
	for range 2 { // once more where the answer may be older than a rule that was just changed
		a, found, epoch := o.state.recall(question)
		if found {
			return a.scope()
		}
		a, err := o.ask(ctx, q, tokens)
		if err != nil {
			o.log.Warn("no decision", "op", q.Op, "from", q.From, "err", err)
			break
		}
		a.Question, a.Remote = question, q.From.Clone()
		if o.state.remember(epoch, a) {
			o.mark()
			return a.scope()
		}
	}
	return provisioning.Scope{}, false
}

// errAway is for decision support that is not there, or was not a moment ago.
var errAway = errors.New("thing: decision support is away")

// ask asks decision support.
func (o *online) ask(ctx context.Context, q Question, tokens iot.Tokens) (answer, error) {
	at := o.state.view().Decisions
	if at.JID.IsZero() || o.away.isOn() {
		return answer{}, errAway
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	c := provisioning.Client{Requester: o.session, Service: at.JID, Generation: at.Generation}
	a, err := q.put(ctx, &c, tokens)
	if errors.Is(err, context.DeadlineExceeded) {
		o.away.begin(awayFor) // others who want something do not wait for it too
	}
	return a, err
}

// put puts the question to decision support, with exactly what was asked for.
func (q *Question) put(ctx context.Context, c *provisioning.Client, tokens iot.Tokens) (answer, error) {
	switch q.Op {
	case Befriend:
		ok, err := c.IsFriend(ctx, q.From)
		return answer{Allowed: ok}, err
	case Read:
		r, err := c.CanRead(ctx, provisioning.CanRead{Remote: q.From, Tokens: tokens, Categories: q.Categories, Fields: q.Names})
		return answer{Allowed: r.Allowed, Categories: r.Categories, Names: r.Fields}, err
	default:
		r, err := c.CanControl(ctx, provisioning.CanControl{Remote: q.From, Tokens: tokens, Parameters: q.Names})
		return answer{Allowed: r.Allowed, Names: r.Parameters}, err
	}
}
