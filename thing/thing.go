// Package thing is all that a thing needs to be on the network: say what it can tell and what can be set, and Run does the rest.
//
//	t := thing.New(thing.About{Serial: "T-0042", Maker: "maker.example", Model: "Thermometer", Version: "1.0"})
//	t.Field(thing.Field{Name: "Temperature", Unit: "°C", Read: func(context.Context) (thing.Value, error) {
//		return thing.FloatValue(21.46, 1), nil // 21.5 °C
//	}})
//	t.Parameter(thing.Bool{Name: "Heater", Get: heater.IsOn, Set: heater.Switch})
//	err := t.Run(ctx, thing.FromEnvironment())
//
// Run connects to the broker and stays connected. At first it makes an account, with the API key of whoever made the thing, and
// puts the thing into the registry (XEP-0347), where it waits for an owner: Events.Unclaimed gets the text that goes onto a
// sticker, as a QR code. Whoever shows that text to the registry owns the thing.
//
// The owner may do everything, everybody else nothing, until somebody asks. Then the thing asks the broker's decision support
// (XEP-0324): may this one be a friend, read these fields, set these parameters? The broker knows the owner's rules, and asks the
// owner where there is none. The thing remembers the answer, as long as it is not told to forget it, so that it goes on answering
// while nobody is there to be asked. A Policy decides before that, or alone.
//
// Friends read fields (XEP-0323), set parameters and get forms for that (XEP-0325), in whichever of the four namespace generations
// they speak, or simply by chat: "?" shows what is there, "Heater on" sets, "toggle" switches the only switch. What a thing answers in
// a chat says that no broker is to keep it (XEP-0334).
//
// A few rules make this simple. Read, Get and Set are never called two at a time, so they need no locks. Each has a time limit,
// after which its context ends and it must return. A field that fails is told as such, beside the others that do not. What the
// thing must not lose, its account, its key and its owner, is in one file in the folder Config.State.
//
// Package thingtest has a broker in memory to test a thing with. The programs below examples are there to be copied.
//
// Missing: subscriptions to events, history, several nodes behind one address (a concentrator, XEP-0326), end-to-end encryption,
// and answers of the text messages in other languages.
package thing

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xmpp/jid"
)

// About says which thing it is, before it has an address: what is known of it when it leaves the factory. All of it becomes tags
// in the registry. Maker, Model and Serial are required, and together must be unique. XEP-0347#tags
type About struct {
	Serial  string // SN
	Maker   string // MAN; a domain name is unique
	Model   string // MODEL
	Version string // V, of the model or its program: "1.2"
	Name    string // NAME, for people
	Class   string // CLASS, such as "Sensor" or "PLC"

	// Tags say more, such as registry.Str("ROOM", "Kitchen") or registry.Num("LAT", 59.33).
	Tags []registry.Tag
}

// title is what people know the thing by.
func (a *About) title() string {
	if a.Name != "" {
		return a.Name
	}
	return a.Model + " " + a.Serial
}

// tags returns what the registry is told, without the key.
func (a *About) tags() (registry.Tags, error) {
	if a.Serial == "" || a.Maker == "" || a.Model == "" {
		return registry.Tags{}, fmt.Errorf("%w: About needs Serial, Maker and Model", ErrConfig)
	}
	tags := []registry.Tag{registry.Str("SN", a.Serial), registry.Str("MAN", a.Maker), registry.Str("MODEL", a.Model)}
	if a.Version != "" {
		tags = append(tags, versionTag(a.Version))
	}
	if a.Name != "" {
		tags = append(tags, registry.Str("NAME", a.Name))
	}
	if a.Class != "" {
		tags = append(tags, registry.Str("CLASS", a.Class))
	}
	all, err := registry.NewTags(append(tags, a.Tags...)...)
	if err != nil {
		return all, fmt.Errorf("%w: About: %w", ErrConfig, err)
	}
	return all.Without(registry.KeyTag, registry.RegistryTag), nil // these two are ours to give
}

// versionTag returns V, which is a number where it can be one, so that a search can ask for 1.2 and above.
func versionTag(version string) registry.Tag {
	number := registry.Tag{Name: "V", Text: version, Numeric: true}
	if _, err := registry.NewTags(number); err == nil {
		return number
	}
	return registry.Str("V", version)
}

// Errors of Run, by errors.Is. Others are those of client.Stay.
var (
	// ErrConfig: the thing, or its Config, cannot be meant.
	ErrConfig = errors.New("thing: bad configuration")
	// ErrRunning: Run was called while it runs.
	ErrRunning = errors.New("thing: runs already")
)

// Thing is one thing. Make it with New, declare what it has with Field and Parameter, then call Run. The other methods may be
// called at any time.
type Thing struct {
	about      About
	fields     []field
	parameters []parameter
	mistakes   []error

	mu      sync.Mutex
	running *run // nil unless Run runs
}

// New makes a thing that has nothing to tell yet.
func New(about About) *Thing {
	about.Tags = slices.Clone(about.Tags)
	return &Thing{about: about}
}

// About returns which thing it is, as New was told.
func (t *Thing) About() About {
	about := t.about
	about.Tags = slices.Clone(about.Tags)
	return about
}

// JID returns the thing's bare address, or zero while it does not run.
func (t *Thing) JID() jid.JID {
	if r := t.current(); r != nil {
		return r.state.view().Account
	}
	return jid.JID{}
}

// Owner returns whose thing it is, a bare address; zero for nobody's, and while it does not run.
func (t *Thing) Owner() jid.JID {
	if r := t.current(); r != nil {
		return r.state.view().Owner
	}
	return jid.JID{}
}

// Friends returns who may see the thing, in no order; none while it does not run.
func (t *Thing) Friends() []Friend {
	if r := t.current(); r != nil {
		return r.contacts.friends()
	}
	return nil
}

// Claim returns the text by which somebody becomes the owner: an iotdisco URI, for a QR code. It holds the secret KEY, which the
// thing makes once and keeps. It is empty while the thing does not run, or has not found a registry.
func (t *Thing) Claim() string {
	r := t.current()
	if r == nil {
		return ""
	}
	return r.claim()
}

func (t *Thing) current() *run {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.running
}

// mistaken notes what Run is to complain about.
func (t *Thing) mistaken(format string, args ...any) {
	t.mistakes = append(t.mistakes, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
}
