package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/comity-iot/comity/cmd/comity/internal/demo"
	"github.com/comity-iot/comity/xmpp/jid"
)

// demoCmd plays the story of package demo.
type demoCmd struct {
	Once   bool   `help:"End after the story. The exit code is not 0 if a step failed."`
	Data   string `placeholder:"DIR" help:"Keep everything in this folder: a broker that was used for a demo before goes on. Without it all is gone at the end."`
	Listen string `placeholder:"ADDR" help:"Listen here, rather than at 127.0.0.1:5222 or, if that is taken, a free port of this machine."`
	ASCII  bool   `name:"ascii" help:"Print nothing but ASCII, also where the terminal could do more."`
}

// Help is shown by --help.
func (demoCmd) Help() string {
	return `A broker is started on this machine, with things and people that are real XMPP clients. They play how a thing gets its owner, and how the owner decides who may do what with it. Every line that you see was said; why the broker says yes or no to a thing stands behind that. Then join in with any XMPP client, until Ctrl-C.`
}

// demoDomain is found on every machine without any setting up.
const demoDomain = "localhost"

// The files of a demo's folder besides those of its broker.
const (
	demoLog   = "comity.log"
	demoOwner = "alice.toml" // profiles; they are written when the story has been played
	demoOther = "bob.toml"
)

// Run plays the story and, unless it is for once, stays.
func (c *demoCmd) Run(ctx context.Context, e *env) (err error) {
	folder, played, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	log, err := os.OpenFile(filepath.Join(folder, demoLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	wire := demo.NewWire()
	r, err := c.start(ctx, e, folder, wire, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.closeSoon()) }()
	stage, err := c.stage(e, r, wire)
	if err != nil {
		return err
	}
	show := demo.Open(stage)
	defer show.Close()
	if played {
		err = show.Resume(ctx)
	} else {
		err = show.Play(ctx)
	}
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if c.Once {
		return e.tell(demoDone{Done: true}, "\nAll of it is so: each step was checked.")
	}
	return c.stay(ctx, e, r, show, played)
}

// demoDone is the last line for programs, of a story without an audience.
type demoDone struct {
	Done bool `json:"done"`
}

// folder returns where everything is kept, whether a story was played there, and what removes it if it is not to be kept.
func (c *demoCmd) folder() (folder string, played bool, remove func() error, err error) {
	nothing := func() error { return nil }
	if c.Data == "" {
		folder, err = os.MkdirTemp("", "comity-demo-")
		return folder, false, func() error { return os.RemoveAll(folder) }, err
	}
	if folder, err = filepath.Abs(c.Data); err == nil {
		err = makeFolder(folder)
	}
	if err != nil {
		return folder, false, nothing, err
	}
	content, err := os.ReadDir(folder)
	if err != nil {
		return folder, false, nothing, err
	}
	_, missing := os.Stat(filepath.Join(folder, demoOwner))
	switch {
	case len(content) == 0:
		return folder, false, nothing, nil
	case missing != nil:
		return folder, false, nothing, &advised{fmt.Errorf("%s holds something else than a demo that was played", folder), refused, "Name an empty folder, or a new one."}
	case c.Once:
		return folder, true, nothing, &advised{fmt.Errorf("the story was played in %s already", folder), refused, "Name another folder, or leave --once away to go on there."}
	}
	return folder, true, nothing, nil
}

// start starts the broker, which says nothing of its own but writes everything into its log: why it decides something is there.
func (c *demoCmd) start(ctx context.Context, e *env, folder string, wire *demo.Wire, to io.Writer) (*running, error) {
	log := slog.New(wire.Log(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug})))
	quiet := &env{stdin: e.stdin, stdout: io.Discard, stderr: io.Discard, environ: e.environ, signals: e.signals}
	addr := c.Listen
	if addr == "" {
		addr = "127.0.0.1:5222"
	}
	for {
		s, err := newSettings()
		if err != nil {
			return nil, err
		}
		err = errors.Join(
			s.set.Put("comity demo", "broker", "domains", demoDomain),
			s.set.Put("comity demo", "broker", "data", folder),
			s.set.Put("comity demo", "c2s", "listen", addr),
			s.set.Put("comity demo", "c2s", "listen_tls"))
		if err != nil {
			return nil, err
		}
		s.modules = append(s.modules, wire.Module())
		r, err := start(ctx, quiet, s, log, false)
		if c.Listen == "" && errors.Is(err, syscall.EADDRINUSE) && addr != anyPort {
			addr = anyPort
			continue
		}
		return r, err
	}
}

// anyPort is a free port of this machine.
const anyPort = "127.0.0.1:0"

// closeSoon ends the broker, whose clients have had their time.
func (r *running) closeSoon() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.settings.broker.Shutdown)
	defer cancel()
	return r.close(ctx)
}

// stage is the broker as the story needs it.
func (c *demoCmd) stage(e *env, r *running, wire *demo.Wire) (demo.Stage, error) {
	authority := localAuthority{folder: r.folder}
	roots, err := readAuthority(authority.path(authorityFile))
	if err != nil {
		return demo.Stage{}, err
	}
	_, screen := terminal(e.stdout)
	poor := c.ASCII || e.isPoor()
	return demo.Stage{
		Domain: jid.MustParse(demoDomain), Addr: r.ports[0].Addr().String(), TLS: tlsTrusting(roots),
		Operator: r.broker.Accounts, Wire: wire, Log: r.log,
		Folder: r.folder, Database: databaseFile, LogFile: demoLog, Backup: r.db.Backup,
		Out: e.stdout, Style: demo.Style{ASCII: poor, Colours: screen && !poor, JSON: e.json},
	}, nil
}
