// Package demo plays the story of how things and people get along on a broker: things make their accounts and register, an owner claims
// them, a neighbour asks to befriend, read and command them, the owner decides, and changes her mind. Every part is a client of its own
// over TLS, every line that is told is of a stanza that passed the broker, with the reason from its log where it has decided something,
// and every step checks that what it tells is so.
package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
)

// Operator is what the story takes of whoever runs the broker.
type Operator interface {
	Create(context.Context, module.NewAccount) error
	List(ctx context.Context, after string, limit int) ([]module.AccountInfo, error)
	NewKey(ctx context.Context, owner string, limit int, kind module.AccountKind) (module.APIKey, error)
	ListKeys(context.Context) ([]module.APIKey, error)
}

// Stage is a running broker, with nothing in it yet, on which the story is played.
type Stage struct {
	Domain   jid.JID
	Addr     string // "host:port", for STARTTLS
	TLS      *tls.Config
	Operator Operator
	Wire     *Wire  // is one of the broker's features, and hears its log
	Folder   string // of all that is kept: the broker's files are in it, and those of the things
	Database string // name of the broker's database in that folder
	LogFile  string // name of the broker's log there
	Backup   func(ctx context.Context, path string) error
	Log      *slog.Logger // of the things

	Out   io.Writer
	Style Style
}

// stepLimit is how long one step may take. Where nothing is wrong, and the machine has nothing else to do, none takes as much as a second.
const stepLimit = 30 * time.Second

// Show is a stage with all that came upon it.
type Show struct {
	Stage
	tells *teller
	work  sync.WaitGroup // the telling and the things
	stop  []func()       // what ends it, the last first

	apiKey      module.APIKey
	alice, bob  *person // who owns the things, and who lives next door
	thermometer *device
	lamp        *device
	machine     *device
	given       given               // values that sensors gave
	told        []sensordata.Sample // what the machine has told
	searched    map[string]int      // files in which all of that was looked for, and how large they were at most
}

// Open raises the curtain: from now on it is told what passes. Close ends it.
func Open(s Stage) *Show {
	show := &Show{Stage: s, tells: newTeller(s.Out, s.Style)}
	show.tells.call(s.service(), "broker")
	show.tells.call(s.Domain, "broker")
	telling, stop := context.WithCancel(context.Background())
	show.stop = append(show.stop, stop)
	show.work.Go(func() { s.Wire.tell(telling, show.tells) })
	return show
}

// Close ends the things and the telling, and waits for them.
func (s *Show) Close() {
	s.Rest()
	for len(s.stop) > 0 {
		last := len(s.stop) - 1
		s.stop[last]()
		s.stop = s.stop[:last]
	}
	s.work.Wait()
}

// step is a part of the story.
type step struct {
	title string
	play  func(*Show, context.Context) error
}

// story is the story.
var story = [...]step{
	{"The operator makes an API key with a quota", (*Show).makeKey},
	{"Three things make their accounts, find the services and register", (*Show).register},
	{"Alice claims the things by the text of their QR codes", (*Show).claim},
	{"Bob, a neighbour, asks to befriend the thermometer", (*Show).befriend},
	{"Bob reads the thermometer: Temperature is allowed, Humidity is not", (*Show).read},
	{"Bob switches the lamp, once Alice lets him, and she sees it", (*Show).control},
	{"Alice withdraws her consent, and the next read fails", (*Show).withdraw},
	{"Alice chats with the lamp and the thermometer, and leaves too early", (*Show).chat},
	{"Bob searches for things by their tags", (*Show).look},
	{"Nothing of what was read is in any file of the broker", (*Show).inspect},
}

// Play plays the story. The error names the step that failed.
func (s *Show) Play(ctx context.Context) error {
	for i, part := range story {
		s.line(func(t *teller) { t.step(i+1, part.title) })
		if err := s.act(ctx, part); err != nil {
			return fmt.Errorf("step %d (%s): %w", i+1, part.title, err)
		}
	}
	return nil
}

// Resume brings back the things of a story that was played before, in the same folder.
func (s *Show) Resume(ctx context.Context) error {
	limited, cancel := context.WithTimeoutCause(ctx, stepLimit, errSlow)
	defer cancel()
	s.startThermometer()
	s.startLamp()
	s.startMachine()
	for _, d := range s.things() {
		if _, err := get(limited, d, d.online, "address"); err != nil {
			return err
		}
	}
	return s.Wire.flush(limited)
}

// Rest logs the people out, so that others can take their parts. What passes is still told.
func (s *Show) Rest() {
	for _, p := range []*person{s.alice, s.bob} {
		if p != nil && p.Session != nil {
			p.Close(context.Background())
		}
	}
	s.Wire.end()
}

// People returns the owner and the neighbour of the story that was played.
func (s *Show) People() (alice, bob Person) { return s.alice.Person, s.bob.Person }

// Things returns the addresses of the things.
func (s *Show) Things() (thermometer, lamp, machine jid.JID) {
	return s.thermometer.JID(), s.lamp.JID(), s.machine.JID()
}

// Key returns the API key of the story that was played.
func (s *Show) Key() module.APIKey { return s.apiKey }

func (s *Show) act(ctx context.Context, part step) error {
	limited, cancel := context.WithTimeoutCause(ctx, stepLimit, errSlow)
	defer cancel()
	err := part.play(s, limited)
	if flushed := s.Wire.flush(limited); err == nil {
		err = flushed
	}
	if err == nil {
		err = s.search()
	}
	return err
}

// errSlow is the error of a step in which something did not happen.
var errSlow = fmt.Errorf("not done after %s", stepLimit)

// line has something told behind all that was seen.
func (s *Show) line(f func(*teller)) { s.Wire.put(event{line: f}) }

// note tells what was found out.
func (s *Show) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.line(func(t *teller) { t.note(text) })
}

// service is the address of the registry, which is that of decision support too.
func (s *Stage) service() jid.JID {
	at, err := jid.New("", "discovery."+s.Domain.Domain(), "")
	if err != nil {
		return jid.JID{}
	}
	return at
}

// errUnlike is the error of a check that did not hold.
var errUnlike = errors.New("not as the story has it")

// check returns an error unless something is as it should be.
func check(is bool, format string, args ...any) error {
	if is {
		return nil
	}
	return fmt.Errorf("%w: "+format, append([]any{errUnlike}, args...)...)
}
