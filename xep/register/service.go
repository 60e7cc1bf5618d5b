package register

import (
	"embed"
	"io/fs"
	"net/netip"
	"sync"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/rate"
	"github.com/comity-iot/comity/xep/signing"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

//go:embed migrations/*.sql
var files embed.FS

// settings are what an operator may say about the feature.
type settings struct {
	Open      bool          `toml:"open" doc:"Let anybody create an account, without an API key."`
	ClockSkew time.Duration `toml:"clock_skew" doc:"How far from ours the clock of who signs a form may be. 0 for any distance."`
	Attempts  int           `toml:"attempts" doc:"Registrations that one IP address (of IPv6, one /64) may try in the window: those without an API key, and those that fail. 0 for no limit."`
	Passwords int           `toml:"passwords" doc:"Times that an account may change its password in the window. 0 for no limit."`
	Window    time.Duration `toml:"window" doc:"The time that attempts and passwords are counted in."`
	Remove    bool          `toml:"remove" doc:"Let accounts remove themselves."`
}

// Module returns the feature.
func Module() module.Def {
	config := &settings{ClockSkew: 5 * time.Minute, Attempts: 20, Passwords: 10, Window: 10 * time.Minute, Remove: true}
	root, _ := fs.Sub(files, "migrations") // the folder is embedded
	return module.Def{
		Name:  "register",
		Title: "Lets things with an API key create their accounts, and owners of accounts change and remove them",
		Specs: []module.Spec{
			{ID: "XEP-0077", Version: "2.4", Missing: "registration with services, redirection"},
			{ID: "XEP-0348", Version: "0.3", Missing: "the methods RSA-SHA1 and PLAINTEXT"},
		},
		Config:     config,
		Migrations: root,
		Init:       func(h *module.Host) (*module.Hooks, error) { return newService(h, config).hooks(), nil },
	}
}

type service struct {
	host      *module.Host
	config    *settings
	attempts  *rate.Limit[netip.Prefix]
	passwords *rate.Limit[jid.JID]

	mu      sync.Mutex
	leaving map[jid.JID]*stanza.IQ // requests to remove the account that are under way
}

func newService(h *module.Host, config *settings) *service {
	return &service{
		host: h, config: config,
		attempts:  rate.New[netip.Prefix](config.Attempts, config.Window),
		passwords: rate.New[jid.JID](config.Passwords, config.Window),
		leaving:   map[jid.JID]*stanza.IQ{},
	}
}

func (s *service) hooks() *module.Hooks {
	name := xmlstream.Name{Space: NS, Local: "query"}
	return &module.Hooks{
		BeforeAuth:     []module.BeforeAuth{{Name: name, Handle: s.beforeAuth}},
		StreamFeatures: feature,
		IQ:             []module.IQ{{Name: name, On: []module.Place{module.Domain, module.Own}, Handle: s.loggedIn}},
		Announce:       []module.Announcement{{On: module.Domain, Features: []string{NS, signing.FormType}}},
		Removed:        s.removed,
	}
}

// feature offers registration to who has not logged in, where the password is safe: over TLS, or inside the machine.
// XEP-0077#streamfeature
func feature(st module.Stream) []*xmlstream.Element {
	if !st.Account().IsZero() || !st.Secure() && !st.Remote().Addr().IsLoopback() {
		return nil
	}
	return []*xmlstream.Element{xmlstream.New(NSFeature, "register")}
}

// network is whom attempts are counted for: with IPv6 a subscriber has a /64 at least.
func network(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.WithZone("").Prefix(bits) // bits fit; of no address it is no prefix
	return p
}
