package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/comity-iot/comity/server/config"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
)

// profileFlags say as whom a command logs in, and where. They go over the environment, and that over the file.
type profileFlags struct {
	Profile  string `placeholder:"FILE" help:"File with jid, password, and if need be addr and ca. Without it: ~/.config/comity/profile.toml, if it is there."`
	JID      string `name:"jid" placeholder:"JID" help:"Your own address, such as alice@example.org. COMITY_JID is for the same."`
	Password string `placeholder:"P" help:"Your password. Others on this machine may see it in the list of processes: better use COMITY_PASSWORD or the file."`
	Addr     string `placeholder:"HOST:PORT" help:"Where the server listens, if it is not to be found in DNS."`
	CA       string `name:"ca" placeholder:"FILE" help:"Authority of the server's certificate, PEM, if this system does not know it: the ca.pem of a broker."`
}

// profile is what a profile file holds.
type profile struct {
	JID      string `toml:"jid"`
	Password string `toml:"password,omitempty"`
	Addr     string `toml:"addr,omitempty"` // "host:port"
	CA       string `toml:"ca,omitempty"`   // a relative path starts at the file's folder
}

// profileAdvice says how to make a profile file.
const profileAdvice = `Write a file %s, for your eyes only (chmod 600):
  jid = "alice@example.org"
  password = "…"
Or give --jid, and the password in COMITY_PASSWORD.`

// load reads all sources. The account is there, the password may still be empty.
func (f *profileFlags) load(e *env) (profile, jid.JID, error) {
	file, name, err := f.readFile(e)
	if err != nil {
		return profile{}, jid.JID{}, err
	}
	p := profile{
		JID: cmp.Or(f.JID, e.variable("COMITY_JID")), Password: cmp.Or(f.Password, e.variable("COMITY_PASSWORD")),
		Addr: f.Addr, CA: f.CA,
	}
	if p.JID != "" && p.JID != file.JID {
		file = profile{} // it is about somebody else, whose password is no business of this server
	}
	p = profile{cmp.Or(p.JID, file.JID), cmp.Or(p.Password, file.Password), cmp.Or(p.Addr, file.Addr), cmp.Or(p.CA, file.CA)}
	if p.JID == "" {
		return p, jid.JID{}, usageError(errors.New("as whom? There is no profile, and no --jid"), profileAdvice, name)
	}
	account, err := parseAccount(p.JID)
	return p, account, err
}

// readFile reads the profile file, which may be absent where none was named, and returns its name too.
func (f *profileFlags) readFile(e *env) (p profile, name string, err error) {
	name = cmp.Or(f.Profile, e.profileFile())
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.Profile == "":
		return p, name, nil
	case err != nil:
		return p, name, advise(fmt.Errorf("profile: %w", err), profileAdvice, name)
	}
	strict := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := strict.Decode(&p); err != nil {
		return p, name, profileMistake(name, err)
	}
	if info, err := os.Stat(name); err == nil && p.Password != "" && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return p, name, &advised{
			fmt.Errorf("profile: others may read the password in %s (mode %04o)", name, info.Mode().Perm()), refused,
			"If nobody has read it: chmod 600 " + name,
		}
	}
	if p.CA != "" && !filepath.IsAbs(p.CA) {
		p.CA = filepath.Join(filepath.Dir(name), p.CA)
	}
	return p, name, nil
}

// profileMistake says where the file is wrong.
func profileMistake(name string, err error) error {
	if unknown, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(unknown.Errors) > 0 {
		line, _ := unknown.Errors[0].Position()
		return &config.Error{
			Where: fmt.Sprintf("%s:%d", name, line),
			Text:  fmt.Sprintf("there is no %q in a profile, only jid, password, addr and ca", strings.Join(unknown.Errors[0].Key(), ".")),
		}
	}
	if at, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := at.Position()
		return &config.Error{Where: fmt.Sprintf("%s:%d", name, line), Text: strings.TrimPrefix(at.Error(), "toml: ")}
	}
	return &config.Error{Where: name, Text: err.Error()}
}

// profileFile is where the profile is that is used if none is named; empty where nobody has a home.
func (e *env) profileFile() string {
	folder := e.variable("XDG_CONFIG_HOME")
	if folder == "" {
		home := cmp.Or(e.variable("HOME"), e.variable("USERPROFILE"))
		if home == "" {
			return ""
		}
		folder = filepath.Join(home, ".config")
	}
	return filepath.Join(folder, "comity", "profile.toml")
}

// variable returns a variable of the environment, empty where there is none.
func (e *env) variable(name string) string {
	for _, entry := range e.environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// session says how to log in. TLS is always verified.
func (p profile) session(account jid.JID) (client.Config, error) {
	c := client.Config{JID: account, Password: p.Password, Addr: p.Addr}
	if p.CA == "" {
		return c, nil
	}
	roots, err := readAuthority(p.CA)
	c.TLS = tlsTrusting(roots)
	return c, err
}

// tlsTrusting is TLS of clients of a broker whose authority this system does not know.
func tlsTrusting(roots *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// readAuthority reads certificates of authorities to trust.
func readAuthority(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, advise(fmt.Errorf("authority: %w", err), "Get the file ca.pem from whoever runs the broker.")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, usageError(fmt.Errorf("authority: no certificate in %s", file), "It must be a PEM file, as a broker's ca.pem.")
	}
	return roots, nil
}
