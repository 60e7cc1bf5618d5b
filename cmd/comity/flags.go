package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/comity-iot/comity/server/config"
)

// settingsFlags are the flags of commands that need a broker's settings. They go over the file and the environment.
type settingsFlags struct {
	Config   string   `short:"c" placeholder:"FILE" help:"Settings file. Without it: comity.toml, if there is one here."`
	Domain   []string `placeholder:"D" help:"Domain to serve. May be repeated."`
	Data     string   `placeholder:"DIR" help:"Data folder; made if need be."`
	C2S      []string `name:"c2s" placeholder:"ADDR" help:"Listen here for clients that start TLS with STARTTLS, such as :5222; port 0 picks a free one. May be repeated. With any flag that names a listener, only those named are opened."`
	C2STLS   []string `name:"c2s-tls" placeholder:"ADDR" help:"Listen here for clients that start with TLS, such as :5223. May be repeated."`
	Cert     string   `placeholder:"FILE" help:"Certificate chain, PEM. Without it the broker makes its own."`
	Key      string   `placeholder:"FILE" help:"Private key of the certificate, PEM."`
	NoLimits bool     `help:"Lift the limits on rates and on streams from one address, for load tests."`
	LogLevel string   `placeholder:"LEVEL" help:"debug, info, warn or error."`
	Set      []string `sep:"none" placeholder:"SECTION.KEY=VALUE" help:"Set any setting; \"comity config\" lists them. Items of a list are separated by commas."`
}

// load reads all sources in their order: defaults, file, environment, flags.
func (f *settingsFlags) load(e *env) (*settings, error) {
	s, err := newSettings()
	if err != nil {
		return nil, err
	}
	if err := s.readFile(f.Config); err != nil {
		return nil, err
	}
	if err := s.set.Environment(e.environ); err != nil {
		return nil, err
	}
	return s, f.apply(s)
}

func (f *settingsFlags) apply(s *settings) error {
	var errs []error
	put := func(flag, section, key string, values ...string) {
		if slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
			errs = append(errs, s.set.Put("flag --"+flag, section, key, values...))
		}
	}
	put("domain", "broker", "domains", f.Domain...)
	put("data", "broker", "data", f.Data)
	put("cert", "broker", "cert", f.Cert)
	put("key", "broker", "key", f.Key)
	put("log-level", "broker", "log_level", f.LogLevel)
	f.closeOthers(s)
	put("c2s", "c2s", "listen", f.C2S...)
	put("c2s-tls", "c2s", "listen_tls", f.C2STLS...)
	for _, text := range f.Set {
		errs = append(errs, setAny(s.set, text))
	}
	if f.NoLimits {
		for _, lift := range s.unlimited {
			s.set.Apply("flag --no-limits", lift)
		}
	}
	return errors.Join(errs...)
}

// closeOthers empties every list of addresses to listen at, if a flag names a listener: then only those named by flags open.
func (f *settingsFlags) closeOthers(s *settings) {
	flag := ""
	switch {
	case len(f.C2S) > 0:
		flag = "c2s"
	case len(f.C2STLS) > 0:
		flag = "c2s-tls"
	default:
		return
	}
	for _, t := range s.set.All() {
		if _, list := t.Value.([]string); list && (t.Key == "listen" || strings.HasPrefix(t.Key, "listen_")) {
			s.set.Put("flag --"+flag, t.Section, t.Key)
		}
	}
}

// setAny takes "section.key=value".
func setAny(set *config.Set, text string) error {
	name, value, ok := strings.Cut(text, "=")
	section, key, dot := strings.Cut(name, ".")
	if !ok || !dot {
		return &config.Error{Where: "flag --set", Text: text + ": write SECTION.KEY=VALUE, such as c2s.attempts=3"}
	}
	return set.PutText("flag --set", section, key, value)
}
