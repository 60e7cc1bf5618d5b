package thing

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
)

// Config says where a thing lives. Broker and State are required; zero in any other field means the default, in brackets.
type Config struct {
	Broker string // domain of the broker: "example.org"
	Addr   string // "host:port" to connect to [found in DNS]
	// TLS is for a broker that the system's authorities do not vouch for [they must].
	TLS *tls.Config

	// APIKey and Secret let the thing make its account [the broker must let everybody, or have the account].
	APIKey, Secret string
	// Account and Password are those of an account that was made for the thing [it makes its own].
	Account, Password string

	// State is the folder where the thing keeps what it must not lose. Each thing needs one of its own.
	State string

	SelfOwned  bool           // it is its own owner, and public at once
	Generation iot.Generation // to speak to the broker's services [the first that they have of IEEE, XSF, NF, NFI]
	Policy     Policy         // decides before decision support is asked [nil: never]
	Events     Events         // to be told of [nothing]
	Log        *slog.Logger   // [none]

	// Adjust may change how the session is made, in tests and unusual networks [as it is].
	Adjust func(*client.Config)
}

// Events are functions that are called when something happens, any of which may be nil. They must return soon.
type Events struct {
	// Online: the thing is connected, under this address, and answers.
	Online func(account Address)
	// Unclaimed: nobody owns the thing; the text, an iotdisco URI, is for whoever shall. It is called each time that it connects.
	Unclaimed func(claim string)
	// Owned: this is the owner from now on; zero for nobody any more.
	Owned func(owner Address)
	// Set: somebody has set a parameter to a value, which is written as on the wire.
	Set func(by Address, parameter, value string)
}

// FromEnvironment returns a Config of the variables THING_BROKER, THING_ADDR, THING_CA (a file of authorities to trust, PEM),
// THING_API_KEY, THING_API_SECRET, THING_ACCOUNT, THING_PASSWORD, and THING_STATE, without which the state is in the folder that
// systemd gives a service, or else in "thing-state". It logs to standard error. What is missing or wrong is an error of Run.
func FromEnvironment() Config {
	c := Config{
		Broker: os.Getenv("THING_BROKER"), Addr: os.Getenv("THING_ADDR"),
		APIKey: os.Getenv("THING_API_KEY"), Secret: os.Getenv("THING_API_SECRET"),
		Account: os.Getenv("THING_ACCOUNT"), Password: os.Getenv("THING_PASSWORD"),
		State: "thing-state",
		Log:   slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	for _, name := range []string{"STATE_DIRECTORY", "THING_STATE"} {
		if dir := os.Getenv(name); dir != "" {
			c.State = dir
		}
	}
	if file := os.Getenv("THING_CA"); file != "" {
		// Without a readable authority nobody is trusted, and the handshake says so.
		roots := x509.NewCertPool()
		pem, err := os.ReadFile(file)
		if err != nil || !roots.AppendCertsFromPEM(pem) {
			c.Log.Error("no certificates in THING_CA", "file", file, "err", err)
		}
		c.TLS = &tls.Config{RootCAs: roots}
	}
	return c
}

// LogValue hides the secrets.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("broker", c.Broker), slog.String("addr", c.Addr), slog.String("state", c.State),
		slog.String("api_key", c.APIKey), slog.String("secret", "***"), slog.String("password", "***"))
}

// check returns the configuration with its defaults, and the broker's address.
func (c Config) check() (Config, jid.JID, error) {
	broker, err := jid.Parse(c.Broker)
	switch {
	case c.Broker == "":
		return c, broker, fmt.Errorf("%w: no Broker", ErrConfig)
	case err != nil:
		return c, broker, fmt.Errorf("%w: Broker: %w", ErrConfig, err)
	case !broker.IsDomain():
		return c, broker, fmt.Errorf("%w: Broker %q is no domain", ErrConfig, c.Broker)
	case c.State == "":
		return c, broker, fmt.Errorf("%w: no State, the folder to keep the thing's identity in", ErrConfig)
	case c.Account != "" && c.Password == "":
		return c, broker, fmt.Errorf("%w: Account without Password", ErrConfig)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, broker, nil
}
