package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/server/config"
	"github.com/comity-iot/comity/xmpp/jid"
)

// brokerSettings are what concerns the broker as a whole.
type brokerSettings struct {
	Domains []string `toml:"domains" doc:"Domains that this broker serves: the part of an address behind the @."`
	Data    string   `toml:"data" doc:"Folder of the database, the keys and the socket for the command line. A relative path in this file starts at the file's own folder."`
	Cert    string   `toml:"cert" doc:"Certificate chain in PEM, the broker's own first. Empty: the broker makes one for its domains in the data folder, with an authority of its own that clients have to be told to trust (ca.pem). Read again on SIGHUP."`
	Key     string   `toml:"key" doc:"Private key of the certificate, in PEM. Read again on SIGHUP."`

	LogLevel  string `toml:"log_level" doc:"What to log: debug, info, warn or error. Changes on SIGHUP."`
	LogFormat string `toml:"log_format" doc:"How to log: text or json."`

	Shutdown time.Duration `toml:"shutdown" doc:"Time for clients to take what waits for them when the broker is told to stop (SIGTERM). A second SIGTERM ends it at once."`
}

func brokerDefaults() *brokerSettings {
	return &brokerSettings{Data: "comity-data", LogLevel: "info", LogFormat: "text", Shutdown: 10 * time.Second}
}

// defaultFile is read where it exists and no other is named.
const defaultFile = "comity.toml"

// settings are a broker's, from all sources.
type settings struct {
	set     *config.Set
	broker  *brokerSettings
	c2s     *c2s.Settings
	modules []module.Def
	file    string // that was read; empty for none

	unlimited []func() // lift the limits that a load test meets
}

// newSettings returns the defaults.
func newSettings() (*settings, error) {
	s := &settings{broker: brokerDefaults(), c2s: c2s.Defaults(), modules: modules()}
	sections := []config.Section{
		{Name: "broker", Title: "The broker as a whole.", Settings: s.broker},
		{Name: "c2s", Title: "Streams of clients and things.", Settings: s.c2s},
	}
	for _, m := range s.modules {
		if m.Config != nil {
			sections = append(sections, config.Section{Name: m.Name, Title: m.Title + ".", Settings: m.Config})
		}
	}
	for _, sec := range sections {
		if u, ok := sec.Settings.(interface{ Unlimited() }); ok {
			s.unlimited = append(s.unlimited, u.Unlimited)
		}
	}
	var err error
	s.set, err = config.New(sections...)
	return s, err
}

// readFile takes the settings of a file. Without a name it is the default file, which may be absent.
func (s *settings) readFile(name string) error {
	given := name != ""
	if !given {
		name = defaultFile
	}
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !given:
		return nil
	case err != nil:
		return advise(fmt.Errorf("settings: %w", err), `"comity init DOMAIN" writes a settings file.`)
	}
	s.file = name
	return s.set.File(name, text)
}

// domains returns the addresses that the broker serves.
func (s *settings) domains() ([]jid.JID, error) {
	var all []jid.JID
	for _, name := range s.broker.Domains {
		d, err := parseDomain(name)
		if err != nil {
			return nil, s.mistake("domains", err)
		}
		if slices.Contains(all, d) {
			return nil, s.mistake("domains", fmt.Errorf("%s is there twice", d))
		}
		all = append(all, d)
	}
	return all, nil
}

func parseDomain(name string) (jid.JID, error) {
	d, err := jid.Parse(name)
	if err == nil && !d.IsDomain() {
		err = fmt.Errorf("%q is no domain, such as example.org", name)
	}
	return d, err
}

// level returns what to log.
func (s *settings) level() (slog.Level, error) {
	var l slog.Level
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, s.broker.LogLevel) {
		return l, s.mistake("log_level", errors.New("log_level is debug, info, warn or error"))
	}
	return l, l.UnmarshalText([]byte(s.broker.LogLevel))
}

// mistake is an error about a setting of [broker], with the place where it was set.
func (s *settings) mistake(key string, err error) error {
	t, _ := s.set.Get("broker", key)
	return &config.Error{Where: t.Origin, Text: err.Error()}
}

// path returns the file or folder that a setting of [broker] names, empty where it names none: as the settings file sees it if it says
// so or says nothing, else as who started the program does.
func (s *settings) path(key string) string {
	t, _ := s.set.Get("broker", key)
	name, _ := t.Value.(string)
	outside := strings.HasPrefix(t.Origin, "flag ") || strings.HasPrefix(t.Origin, "environment ")
	if name == "" || filepath.IsAbs(name) || s.file == "" || outside {
		return name
	}
	return filepath.Join(filepath.Dir(s.file), name)
}
