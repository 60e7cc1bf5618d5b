package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/comity-iot/comity/server"
	"github.com/comity-iot/comity/server/control"
	"github.com/comity-iot/comity/store/sqlite"
	"github.com/comity-iot/comity/xmpp/jid"
)

// running is a broker with all that it holds open.
type running struct {
	settings *settings
	log      *slog.Logger
	folder   string // absolute
	domains  []jid.JID
	certs    *certificates
	db       *sqlite.DB
	ports    []listener
	broker   *server.Broker
	undo     []func(context.Context) error // what close does, last first
}

// start opens everything, in the order in which it is the cheapest to find out that something is wrong, and says so when it is ready.
func start(ctx context.Context, e *env, s *settings, log *slog.Logger, ephemeral bool) (r *running, err error) {
	r = &running{settings: s, log: log, certs: &certificates{}}
	defer func() {
		if err == nil {
			return
		}
		if e := r.close(ctx); e != nil {
			err = errors.Join(err, e)
		}
	}()
	if r.domains, err = s.domains(); err != nil {
		return r, err
	}
	if len(r.domains) == 0 {
		return r, usageError(errors.New("no domain to serve"),
			`Set up a broker with "comity init example.org", or name a domain: comity serve --domain localhost`)
	}
	db, secret, err := r.openData(ctx, ephemeral)
	if err != nil {
		return r, err
	}
	r.db = db
	if r.ports, err = s.listen(); err != nil {
		return r, err
	}
	r.undo = append(r.undo, func(context.Context) error { closeAll(r.ports); return nil })
	r.certs.direct = anyOf(directAddrs(r.ports))
	if err := r.certify(e, s); err != nil {
		return r, err
	}
	r.broker, err = server.Open(ctx, server.Options{
		Domains: r.domains, DB: db, Secret: secret, Modules: s.modules, C2S: s.c2s, Certificate: r.certs.get, Log: log,
	})
	if err != nil {
		return r, err
	}
	// Its streams end before its ports are closed for others; Close takes no more anyway.
	r.undo = append(r.undo, func(ctx context.Context) error { closeAll(r.ports); r.broker.Close(ctx); return nil })
	socket, err := control.Listen(ctx, r.folder, control.ForDomains(r.broker.Accounts, r.domains), log)
	if err != nil {
		return r, err
	}
	r.undo = append(r.undo, func(context.Context) error { return socket.Close() })
	r.inBackground(tidy)
	for _, l := range r.ports {
		r.broker.ServeClients(ctx, l.Listener, l.direct)
	}
	return r, r.announce(e)
}

// inBackground runs fn until close.
func (r *running) inBackground(fn func(context.Context)) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); fn(ctx) }()
	r.undo = append(r.undo, func(context.Context) error { stop(); <-done; return nil })
}

// openData opens the data folder, which no other broker may have.
func (r *running) openData(ctx context.Context, ephemeral bool) (*sqlite.DB, []byte, error) {
	folder := r.settings.path("data")
	if t, _ := r.settings.set.Get("broker", "data"); ephemeral && t.Origin == "default" {
		temporary, err := os.MkdirTemp("", "comity-")
		if err != nil {
			return nil, nil, err
		}
		r.undo = append(r.undo, func(context.Context) error { return os.RemoveAll(temporary) })
		folder = temporary
	}
	var err error
	if r.folder, err = filepath.Abs(folder); err != nil {
		return nil, nil, err
	}
	if _, err := control.Dial(ctx, r.folder); err == nil {
		return nil, nil, &advised{
			fmt.Errorf("another broker is running on %s", r.folder), refused,
			"Stop it first, or give this one a folder of its own with --data.",
		}
	}
	var (
		db     *sqlite.DB
		secret []byte
	)
	if ephemeral {
		if err = makeFolder(r.folder); err == nil {
			secret, err = readSecret(r.folder)
		}
		if err == nil {
			db, err = sqlite.OpenEphemeral(ctx)
		}
	} else {
		db, secret, err = openStore(ctx, r.folder, r.log)
	}
	if err != nil {
		return nil, nil, err
	}
	r.undo = append(r.undo, func(context.Context) error { return db.Close() })
	return db, secret, nil
}

// certify puts the certificate of the settings in force, or one that the broker makes.
func (r *running) certify(e *env, s *settings) error {
	cert, key := s.path("cert"), s.path("key")
	switch {
	case cert == "" && key != "":
		return s.mistake("key", errors.New("key needs cert, the certificate that it belongs to"))
	case cert != "" && key == "":
		return s.mistake("cert", errors.New("cert needs key, the private key that it belongs to"))
	case cert == "":
		authority, err := newLocalAuthority(r.folder, r.domains, time.Now())
		if err != nil {
			return err
		}
		made, err := authority.ensure()
		if err != nil {
			return fmt.Errorf("certificate: %w", err)
		}
		cert, key = authority.path(localCertFile), authority.path(localKeyFile)
		if made != "" {
			r.log.Info("certificate made", "what", made, "trust", authority.path(authorityFile))
		}
	}
	if err := r.certs.load(cert, key); err != nil {
		return err
	}
	warnOf(r.certs.get().Leaf, r.domains, time.Now(), r.log)
	return nil
}

// close undoes all that start did. ctx bounds how long clients may take to end their streams.
func (r *running) close(ctx context.Context) error {
	var errs []error
	for len(r.undo) > 0 {
		last := len(r.undo) - 1
		if err := r.undo[last](ctx); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		r.undo = r.undo[:last]
	}
	return errors.Join(errs...)
}
