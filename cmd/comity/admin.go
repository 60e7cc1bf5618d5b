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
	"github.com/comity-iot/comity/server/account"
	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/server/config"
	"github.com/comity-iot/comity/server/control"
	"github.com/comity-iot/comity/store/sqlite"
	"github.com/comity-iot/comity/xmpp/jid"
)

// folderFlags name the broker whose accounts a command is about.
type folderFlags struct {
	Config string `short:"c" placeholder:"FILE" help:"Settings file of the broker. Without it: comity.toml, if there is one here."`
	Data   string `placeholder:"DIR" help:"Data folder of the broker, instead of the one in the settings file."`
}

// admin is an open way to a broker's accounts.
type admin struct {
	control.Admin
	close func() error
}

// open finds the broker that runs on the data folder or, where none does, opens the store itself. create makes a store where
// there is none.
func (f *folderFlags) open(ctx context.Context, e *env, create bool) (*admin, error) {
	s, err := f.find(e)
	if err != nil {
		return nil, err
	}
	folder, err := filepath.Abs(s.path("data"))
	if err != nil {
		return nil, err
	}
	client, err := control.Dial(ctx, folder)
	switch {
	case err == nil:
		return &admin{client, func() error { return nil }}, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, advise(err, "Run this as the user who runs the broker, or as root.")
	case !errors.Is(err, control.ErrNotRunning):
		return nil, err
	}
	if t, _ := s.set.Get("broker", "data"); s.file == "" && t.Origin == config.Default {
		create = false // nobody has said that a broker's data is to be here
	}
	if _, err := os.Stat(filepath.Join(folder, databaseFile)); err != nil && !create {
		return nil, advise(fmt.Errorf("no broker's data here: %w", err), `Name the folder with --data. "comity init DOMAIN" sets up a broker.`)
	}
	domains, err := s.domains()
	if err != nil {
		return nil, err
	}
	return openStopped(ctx, folder, domains)
}

// find reads the settings that tell of the data folder and the domains. A folder that is named by a flag may be that of another
// broker than the one whose settings are here by chance.
func (f *folderFlags) find(e *env) (*settings, error) {
	s, err := newSettings()
	if err != nil {
		return nil, err
	}
	if f.Data == "" || f.Config != "" {
		if err := s.readFile(f.Config); err != nil {
			return nil, err
		}
	}
	if err := s.set.Environment(e.environ); err != nil {
		return nil, err
	}
	if f.Data != "" {
		err = s.set.Put("flag --data", "broker", "data", f.Data)
	}
	return s, err
}

func openStopped(ctx context.Context, folder string, domains []jid.JID) (*admin, error) {
	quiet := slog.New(slog.DiscardHandler)
	db, secret, err := openStore(ctx, folder, quiet)
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx, account.Migrations()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	accounts, err := account.New(db, secret, time.Now)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	var way control.Admin = withoutBroker{Accounts: accounts, db: db, secret: secret, log: quiet}
	if len(domains) > 0 {
		way = control.ForDomains(way, domains)
	}
	return &admin{way, db.Close}, nil
}

// withoutBroker works on the store of a broker that does not run.
type withoutBroker struct {
	*account.Accounts
	db     *sqlite.DB
	secret []byte
	log    *slog.Logger
}

// Remove implements control.Admin. What the features hold of the account they remove themselves, so they are brought up for it.
func (o withoutBroker) Remove(ctx context.Context, bare jid.JID) error {
	b, err := server.Open(ctx, server.Options{
		Domains: []jid.JID{bare.DomainJID()}, DB: o.db, Secret: o.secret, Modules: modules(), C2S: c2s.Defaults(), Log: o.log,
	})
	if err != nil {
		return err
	}
	defer b.Close(ctx)
	return b.Accounts.Remove(ctx, bare)
}
