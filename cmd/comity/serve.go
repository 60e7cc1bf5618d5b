package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// serveCmd runs the broker until it is told to stop.
type serveCmd struct {
	settingsFlags `embed:""`
	Ephemeral     bool `help:"Keep the database only while the broker runs."`
}

// Help is shown by --help.
func (serveCmd) Help() string {
	return `For a quick start no settings file is needed:

  comity serve --domain localhost --data ./data --c2s 127.0.0.1:5222

The last line printed is "ready". SIGTERM stops the broker in good order, a second one at once. SIGHUP reads the certificate and the log level again.`
}

// Run starts the broker and waits for its end.
func (c *serveCmd) Run(e *env) error {
	signal.Ignore(syscall.SIGPIPE) // a log that nobody reads any more is no reason to end
	s, err := c.load(e)
	if err != nil {
		return err
	}
	level := &slog.LevelVar{}
	log, err := s.logger(e.stderr, level)
	if err != nil {
		return err
	}
	r, err := start(context.Background(), e, s, log, c.Ephemeral)
	if err != nil {
		return err
	}
	for {
		select {
		case err := <-r.broker.Failed():
			log.Error("broker failed", "err", err)
			return cmp.Or(r.stop(e.signals), err)
		case sig := <-e.signals:
			if sig != syscall.SIGHUP {
				log.Info("stopping", "signal", sig.String(), "streams", r.broker.Sessions(), "within", s.broker.Shutdown)
				return r.stop(e.signals)
			}
			c.reload(e, r, level)
		}
	}
}

// reload takes what can change while the broker runs, and names what cannot.
func (c *serveCmd) reload(e *env, r *running, level *slog.LevelVar) {
	fresh, err := c.load(e)
	if err != nil {
		r.log.Error("settings not read again, all stays as it was", "err", err)
		return
	}
	l, err := fresh.level()
	if err != nil {
		r.log.Error("log level not changed", "err", err)
	} else {
		level.Set(l)
	}
	if err := r.certify(e, fresh); err != nil {
		r.log.Error("certificate not read again, the one in use stays", "err", err)
	} else {
		r.log.Info("certificate read again", "expires", r.certs.get().Leaf.NotAfter)
	}
	var waiting []string
	for _, name := range r.settings.set.Changed(fresh.set) {
		switch name {
		case "broker.log_level", "broker.cert", "broker.key":
		default:
			waiting = append(waiting, name)
		}
	}
	if len(waiting) > 0 {
		r.log.Warn("settings changed that need a restart", "settings", waiting)
	}
}

// errHurried says that clients were cut off.
var errHurried = errors.New("stopped before all clients had ended their streams")

// stop ends the broker in good order, but at once at another signal to stop or some time after the time for clients is over.
func (r *running) stop(signals <-chan os.Signal) error {
	within := r.settings.broker.Shutdown
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- r.close(ctx) }()
	late := time.NewTimer(within + 5*time.Second)
	defer late.Stop()
	for {
		select {
		case err := <-closed:
			if err == nil {
				r.log.Info("stopped")
			}
			return err
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				return errHurried
			}
		case <-late.C:
			return errHurried
		}
	}
}

// logger makes the broker's log.
func (s *settings) logger(w interface{ Write([]byte) (int, error) }, level *slog.LevelVar) (*slog.Logger, error) {
	l, err := s.level()
	if err != nil {
		return nil, err
	}
	level.Set(l)
	options := &slog.HandlerOptions{Level: level}
	switch s.broker.LogFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, s.mistake("log_format", errors.New("log_format is text or json"))
}
