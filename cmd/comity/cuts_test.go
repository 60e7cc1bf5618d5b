package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const (
	cutsEnv = "COMITY_CUTS" // how many cuts, if not 10
	seedEnv = "COMITY_SEED" // what is random in them, if not each time anew
)

// Links are cut at random while two clients exchange numbered messages, each of which is in its sender's journal, on the disk, before
// it is sent. XEP-0198 with resumption: none is lost, none comes twice, all come in order, and neither client has to begin anew.
func TestCuts(t *testing.T) {
	cuts := many(t, cutsEnv, 10)
	seed := many(t, seedEnv, 1+rand.IntN(1e9))
	t.Logf("%s=%d %s=%d", cutsEnv, cuts, seedEnv, seed)

	data := filepath.Join(t.TempDir(), "data")
	b := serve(t, "--domain", "example.org", "--data", data, "--c2s", "127.0.0.1:0", "--no-limits")
	c := newCutter(t, b.addr("c2s"), seed)
	alice, bob := newTalker(t, b, c, data, "alice"), newTalker(t, b, c, data, "bob")
	alice.peer, bob.peer = bob, alice
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 2)
	for _, x := range []*talker{alice, bob} {
		go func() { ended <- client.Stay(ctx, x.config, x.talk) }()
	}
	<-alice.online
	<-bob.online
	c.begin(cuts)
	talking := time.AfterFunc(time.Duration(cuts)*5*time.Second, func() { cancel(errors.New("the cuts take too long")) })
	defer talking.Stop()
	select {
	case <-c.over:
		close(alice.enough)
		close(bob.enough)
		for _, x := range []*talker{alice, bob} {
			select {
			case <-x.last:
			case <-time.After(30 * time.Second):
				t.Errorf("%s has not got the last message", x.name)
			}
		}
	case <-ctx.Done():
		t.Error(context.Cause(ctx))
	}
	cancel(nil)
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("a client has ended with %v", err)
		}
	}
	t.Log(c.report())
	for _, x := range []*talker{alice, bob} {
		x.compare(t)
	}
}

// talker is a client that sends as long as it can, and keeps what it sends and gets.
type talker struct {
	name         string
	config       client.Config
	peer         *talker
	sent, got    *journal
	next         int            // number of the next message
	unsent       *stanza.Stanza // one that is in the journal and could not be sent
	ahead        chan struct{}  // has an item for each message that has not arrived: a client that is flooded is another test's matter
	sessions     int
	asked        int           // requests that were answered
	online       chan struct{} // closed once it can get messages
	enough, last chan struct{} // closed when it is to stop, and when the peer's last message has come
	once         sync.Once
}

func newTalker(t *testing.T, b *broker, c *cutter, data, name string) *talker {
	t.Helper()
	account := jid.MustParse(name + "@example.org")
	must(t, "account", "add", account.String(), "--password", name+"'s secret", "--data", data)
	x := &talker{
		name: name, sent: newJournal(t, "sent"), got: newJournal(t, "got"), ahead: make(chan struct{}, 100),
		online: make(chan struct{}), enough: make(chan struct{}), last: make(chan struct{}),
	}
	x.config = client.Config{
		JID: account, Password: name + "'s secret", Addr: c.addr(), TLS: b.trusting(t), Mux: new(mux.Mux),
		Timeout: 2 * time.Second, Write: 2 * time.Second, Ping: 200 * time.Millisecond, PingTimeout: 200 * time.Millisecond,
		Backoff: client.Backoff{Min: time.Millisecond, Max: 50 * time.Millisecond},
	}
	x.config.Mux.HandleMessage(stanza.Client, "body", func(m *stanza.Stanza) {
		number, _, _ := strings.Cut(m.Body(), " ")
		if err := x.got.add(m.ID + " " + number); err != nil {
			t.Error(err)
		}
		select {
		case <-x.peer.ahead:
		default: // one that came again
		}
		if number == "last" {
			x.once.Do(func() { close(x.last) })
		}
	})
	return x
}

// talk sends numbered messages, long ones among them, and asks the broker something now and then.
func (x *talker) talk(ctx context.Context, s *client.Session) error {
	x.sessions++
	if err := s.SendAcked(ctx, stanza.NewPresence(jid.JID{}, stanza.Available)); err != nil {
		return err
	}
	if x.sessions == 1 {
		close(x.online)
		<-x.peer.online
	}
	for {
		m, last, err := x.message(ctx)
		if err != nil {
			return err
		}
		if err := s.Send(ctx, m); err != nil {
			return err
		}
		x.unsent = nil
		if last {
			return s.Flush(ctx)
		}
		if x.next%10 == 0 {
			ping := &stanza.IQ{Type: stanza.Get, To: jid.MustParse("example.org"), Payload: xmlstream.New("urn:xmpp:ping", "ping")}
			if _, err := s.Request(ctx, ping); err != nil {
				return err
			}
			x.asked++
		}
	}
}

// message returns the next to be sent, which is in the journal, and whether it is the last.
func (x *talker) message(ctx context.Context) (m *stanza.Stanza, last bool, err error) {
	select {
	case <-x.enough:
		last = true
	case x.ahead <- struct{}{}:
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	if x.unsent != nil {
		return x.unsent, false, nil
	}
	number := strconv.Itoa(x.next)
	if last {
		number = "last"
	}
	body := number + " " + strings.Repeat("x", x.next*x.next%5000)
	x.next++
	m = stanza.NewMessage(x.peer.config.JID, stanza.Chat, xmlstream.New(stanza.Client, "body", xmlstream.Text(body)))
	m.ID = x.name + "-" + number
	x.unsent = m
	return m, last, x.sent.add(m.ID + " " + number)
}

// compare holds what the peer got against what was sent.
func (x *talker) compare(t *testing.T) {
	t.Helper()
	sent, got := x.sent.lines(t), x.peer.got.lines(t)
	t.Logf("%s: %d messages sent, %d arrived, %d requests answered, %d sessions", x.name, len(sent), len(got), x.asked, x.sessions)
	if x.sessions != 1 {
		t.Errorf("%s has had %d sessions: not resumed", x.name, x.sessions)
	}
	var once []string
	seen := map[string]bool{}
	for _, line := range got {
		if id, _, _ := strings.Cut(line, " "); !seen[id] {
			seen[id] = true
			once = append(once, line)
		}
	}
	if !slices.Equal(once, sent) {
		for i := range max(len(once), len(sent)) {
			if i >= len(once) || i >= len(sent) || once[i] != sent[i] {
				t.Errorf("%s: message %d of %d sent and %d arrived differs: %q, %q", x.name, i, len(sent), len(got),
					sent[min(i, len(sent)):min(i+3, len(sent))], once[min(i, len(once)):min(i+3, len(once))])
				break
			}
		}
	}
	if len(got) != len(once) {
		t.Errorf("%s: %d messages arrived twice, although the session was resumed", x.name, len(got)-len(once))
	}
}
