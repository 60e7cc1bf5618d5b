package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"

	"github.com/comity-iot/comity/cmd/comity/internal/qrtext"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/thing/machine"
	"github.com/comity-iot/comity/xep/register"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
)

// thingCmd is about being a thing.
type thingCmd struct {
	Run thingRunCmd `cmd:"" help:"Make a thing of this machine: its owner can read its load, memory, disk and temperatures."`
}

// thingRunCmd makes a thing of this machine.
type thingRunCmd struct {
	Broker string `placeholder:"DOMAIN" help:"Domain of the broker, unless --jid says it."`
	APIKey string `name:"api-key" placeholder:"KEY" help:"API key with which the thing makes its account (comity apikey add). THING_API_KEY is for the same."`
	Secret string `placeholder:"S" help:"Secret of the API key. Others on this machine may see it in the list of processes: better use THING_API_SECRET."`
	JID    string `name:"jid" placeholder:"JID" help:"Account of the thing, if it is there already."`
	Passwd string `name:"password" placeholder:"P" help:"Password of that account. COMITY_PASSWORD is for the same."`
	Addr   string `placeholder:"HOST:PORT" help:"Where the broker listens, if it is not to be found in DNS."`
	CA     string `name:"ca" placeholder:"FILE" help:"Authority of the broker's certificate, PEM, if this system does not know it: the ca.pem of the broker."`
	State  string `placeholder:"DIR" help:"Folder for what the thing must not lose: its account, its key, its owner. Without it one below ~/.local/state/comity."`
	ASCII  bool   `name:"ascii" help:"Print the QR code in ASCII."`
}

// Help is shown by --help.
func (thingRunCmd) Help() string {
	return `The thing shows a QR code. Whoever claims it with that, in a client for things or by "comity claim", owns it, and decides who may read it. It runs until Ctrl-C, and is the same thing when it is run again.`
}

// Run is the thing's life.
func (c *thingRunCmd) Run(ctx context.Context, e *env) error {
	config, err := c.config(e)
	if err != nil {
		return err
	}
	this := machine.This()
	t := thing.New(this.About())
	if missing := this.Declare(t); len(missing) > 0 {
		e.say("What this machine does not tell: %s", strings.Join(missing, ", "))
	}
	m := &mouth{env: e, style: c.qrStyle(e)}
	config.Events = thing.Events{Online: m.online, Unclaimed: m.unclaimed, Owned: m.owned}
	err = t.Run(ctx, config)
	if errors.Is(err, context.Canceled) {
		return nil // as it was told to
	}
	return thingError(err, config)
}

// config puts together what the thing needs.
func (c *thingRunCmd) config(e *env) (thing.Config, error) {
	config := thing.Config{
		Broker: c.Broker, Addr: c.Addr,
		APIKey: cmp.Or(c.APIKey, e.variable("THING_API_KEY")), Secret: cmp.Or(c.Secret, e.variable("THING_API_SECRET")),
		Log: slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if c.JID != "" {
		account, err := parseAccount(c.JID)
		if err != nil {
			return config, err
		}
		config.Broker, config.Account, config.Password = account.Domain(), account.Local(), cmp.Or(c.Passwd, e.variable("COMITY_PASSWORD"))
		if config.Password == "" {
			return config, usageError(fmt.Errorf("no password for %s", account), "Give it in COMITY_PASSWORD.")
		}
	}
	if config.Broker == "" {
		return config, usageError(errors.New("at which broker?"), "Write: comity thing run --broker example.org --api-key KEY --secret SECRET\n"+
			"Whoever runs the broker gets you a key: comity apikey add --owner NAME --limit 1")
	}
	if c.CA != "" {
		roots, err := readAuthority(c.CA)
		if err != nil {
			return config, err
		}
		config.TLS = tlsTrusting(roots)
	}
	config.State = cmp.Or(c.State, e.stateFolder(config.Broker))
	if config.State == "" {
		return config, usageError(errors.New("no folder for what the thing must not lose"), "Name one: --state DIR")
	}
	return config, nil
}

// stateFolder is where the machine keeps what it is at a broker, if nothing else is named; empty where nobody has a home.
func (e *env) stateFolder(broker string) string {
	folder := e.variable("XDG_STATE_HOME")
	if folder == "" {
		home := cmp.Or(e.variable("HOME"), e.variable("USERPROFILE"))
		if home == "" {
			return ""
		}
		folder = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(folder, "comity", "machine", broker)
}

func (c *thingRunCmd) qrStyle(e *env) qrtext.Style {
	_, screen := terminal(e.stdout)
	switch {
	case c.ASCII || e.isPoor():
		return qrtext.ASCII
	case screen:
		return qrtext.Colours
	}
	return qrtext.Plain
}

// isPoor reports whether the terminal is to be spared colours and Unicode. no-color.org
func (e *env) isPoor() bool {
	_, screen := terminal(e.stdout)
	return e.variable("NO_COLOR") != "" || screen && e.variable("TERM") == "dumb"
}

// thingEvent is what happened to the thing, for programs.
type thingEvent struct {
	Event string `json:"event"` // "online", "unclaimed" or "owned"
	JID   string `json:"jid,omitempty"`
	Claim string `json:"claim,omitempty"` // text of the QR code
	Owner string `json:"owner,omitempty"` // empty for nobody any more
}

// mouth tells what happens to a thing. Its methods may be called by any goroutine.
type mouth struct {
	env   *env
	style qrtext.Style

	mu   sync.Mutex
	said string // the last claim, which is not told again at each connection
}

func (m *mouth) online(account jid.JID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.env.tell(thingEvent{Event: "online", JID: account.String()}, "This machine is %s, and online.", account)
}

func (m *mouth) unclaimed(claim string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if claim == m.said {
		return
	}
	m.said = claim
	code, err := qrtext.Draw(claim, m.style)
	if err != nil {
		code = nil // the text does it too
	}
	m.env.tell(thingEvent{Event: "unclaimed", Claim: claim}, "Nobody owns it yet. Whoever shows this to the broker does:\n\n%s\n\ncomity claim '%s'",
		strings.Join(code, "\n"), claim)
}

func (m *mouth) owned(owner jid.JID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text := "Nobody owns it any more."
	if !owner.IsZero() {
		text = owner.String() + " owns it now, and decides who may read it."
		m.said = ""
	}
	m.env.tell(thingEvent{Event: "owned", Owner: owner.String()}, "%s", text)
}

// thingError says what to do where a thing cannot be.
func thingError(err error, c thing.Config) error {
	if errors.Is(err, thing.ErrConfig) {
		return usageError(err, "See: comity thing run --help")
	}
	if errors.Is(err, register.ErrKeyWanted) {
		return &advised{
			fmt.Errorf("%s makes accounts only with an API key", c.Broker), refused,
			"Write --api-key and --secret. Whoever runs the broker makes them: comity apikey add --owner NAME --limit 1",
		}
	}
	if _, ok := errors.AsType[*stream.AuthError](err); ok {
		return &advised{err, refused, "The account is there, and its password is another. To begin anew: another folder with --state."}
	}
	if no, ok := errors.AsType[*stanza.Error](err); ok {
		text := cmp.Or(no.Text, string(no.Condition))
		return &advised{fmt.Errorf("%s makes no account for this machine: %s", c.Broker, plain(text)), refused, "Check --api-key and --secret, and whether the key is used up: comity apikey list"}
	}
	return err
}
