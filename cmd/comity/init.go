package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
)

// initCmd sets up a broker.
type initCmd struct {
	Domain   string `arg:"" help:"Domain of the broker, such as example.org: the part of its users' addresses behind the @."`
	Config   string `short:"c" default:"comity.toml" placeholder:"FILE" help:"Settings file to write: comity.toml, if no other is named."`
	Data     string `default:"comity-data" placeholder:"DIR" help:"Data folder to make: comity-data, if no other is named. A relative path starts at the settings file's folder."`
	Admin    string `default:"admin" placeholder:"NAME" help:"Name of the first operator's account: admin, if no other is given."`
	Password string `placeholder:"P" help:"Password of the first operator. Without it one is made and shown."`
	Host     string `placeholder:"NAME" help:"Name of this machine in DNS, if it is not the domain itself."`
}

// initResult is what was set up, for programs.
type initResult struct {
	Domain   string   `json:"domain"`
	Config   string   `json:"config"`
	Data     string   `json:"data"`
	Admin    string   `json:"admin"`
	Password string   `json:"password,omitempty"` // one that was made
	Trust    string   `json:"trust"`
	DNS      []string `json:"dns"` // lines of a zone file
}

// Run writes the settings last: where they are, everything else is.
func (c *initCmd) Run(ctx context.Context, e *env) error {
	domain, err := parseDomain(c.Domain)
	if err != nil {
		return usageError(err, "Write: comity init example.org")
	}
	operator, err := jid.New(c.Admin, domain.Domain(), "")
	if err != nil {
		return usageError(err, "Write a name without @: --admin admin")
	}
	if _, err := os.Stat(c.Config); err == nil {
		return &advised{
			fmt.Errorf("%s is here already", c.Config), refused,
			fmt.Sprintf("To run its broker: comity serve --config %s\nFor another broker choose another file with --config.", c.Config),
		}
	}
	s, err := c.settings(domain)
	if err != nil {
		return err
	}
	folder, err := filepath.Abs(s.path("data"))
	if err != nil {
		return err
	}
	pass := passwordFlags{Password: c.Password, Generate: c.Password == ""}
	password, err := pass.password(ctx, e, operator)
	if err != nil {
		return err
	}
	if err := makeData(ctx, folder, domain, operator, password); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := s.set.Print(&text); err != nil {
		return err
	}
	if err := writeNew(c.Config, text.Bytes()); err != nil {
		return err
	}
	records := dnsRecords(s, domain, c.Host)
	result := initResult{
		Domain: domain.String(), Config: c.Config, Data: folder, Admin: operator.String(), Password: pass.shown(password),
		Trust: filepath.Join(folder, authorityFile), DNS: records,
	}
	return e.tell(result, "%s", result.text(records))
}

// settings are those that the file will hold.
func (c *initCmd) settings(domain jid.JID) (*settings, error) {
	s, err := newSettings()
	if err != nil {
		return nil, err
	}
	s.file = c.Config
	return s, errors.Join(
		s.set.Put("comity init", "broker", "domains", domain.String()),
		s.set.Put("comity init", "broker", "data", c.Data))
}

// makeData makes the data folder with all that is in it.
func makeData(ctx context.Context, folder string, domain, operator jid.JID, password string) error {
	a, err := openStopped(ctx, folder, []jid.JID{domain})
	if err != nil {
		return err
	}
	defer a.close()
	authority, err := newLocalAuthority(folder, []jid.JID{domain}, time.Now())
	if err != nil {
		return err
	}
	if _, err := authority.ensure(); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	first := module.NewAccount{JID: operator, Password: password, Kind: module.Person, Admin: true}
	// An init that was cut short may have made the account.
	return a.CreateAll(ctx, []module.NewAccount{first}, func(int) {})
}

// text is the result for people.
func (r *initResult) text(records []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "A broker for %s is set up.\n\n", r.Domain)
	fmt.Fprintf(&b, "  %s\n      its settings, each explained\n", r.Config)
	fmt.Fprintf(&b, "  %s\n      its database and keys: keep them private, and back them up\n", r.Data)
	fmt.Fprintf(&b, "  %s\n      the account of the first operator", r.Admin)
	if r.Password != "" {
		fmt.Fprintf(&b, "; its password, shown only this once: %s", r.Password)
	}
	fmt.Fprintf(&b, "\n  %s\n      the authority of the certificate that was made: clients have to trust it. For a certificate\n"+
		"      of a public authority set cert and key in %s instead.\n", r.Trust, r.Config)
	fmt.Fprintf(&b, "\nAdd to the DNS zone of %s, so that clients and other servers find the broker:\n\n", r.Domain)
	for _, record := range records {
		fmt.Fprintf(&b, "  %s\n", record)
	}
	fmt.Fprintf(&b, "\nNext: comity serve%s\n", r.serveFlags())
	return strings.TrimSuffix(b.String(), "\n")
}

func (r *initResult) serveFlags() string {
	if r.Config == defaultFile {
		return ""
	}
	return " --config " + r.Config
}
