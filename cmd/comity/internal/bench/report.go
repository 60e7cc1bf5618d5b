package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"io/fs"
	"runtime"
	"strings"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Result is what one scenario, or one variant of it, has found out. See the package comment for its JSON.
type Result struct {
	Scenario string    `json:"scenario"`
	Variant  string    `json:"variant,omitempty"`
	Time     time.Time `json:"time"`
	N        int       `json:"n"`
	Server   Server    `json:"server"`
	Host     Host      `json:"host"`
	Metrics  []Metric  `json:"metrics"`
	Notes    []string  `json:"notes,omitempty"`
}

// Metric returns the metric of that name.
func (r *Result) Metric(name string) (Metric, bool) {
	for _, m := range r.Metrics {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

// Server is who was loaded.
type Server struct {
	Name      string `json:"name,omitempty"` // as it says itself, XEP-0092
	Version   string `json:"version,omitempty"`
	Address   string `json:"address"`
	PID       int    `json:"pid"`
	TLS       string `json:"tls,omitempty"`
	Mechanism string `json:"mechanism,omitempty"`
}

// Host is where.
type Host struct {
	Kernel string `json:"kernel,omitempty"`
	CPUs   int    `json:"cpus"`
	CPU    string `json:"cpu,omitempty"`
	Memory int64  `json:"memory_kib,omitempty"`
}

// readHost reads what /proc says of the machine.
func readHost(proc fs.FS) Host {
	h := Host{CPUs: runtime.NumCPU()}
	b, _ := fs.ReadFile(proc, "sys/kernel/osrelease")
	h.Kernel = string(bytes.TrimSpace(b))
	b, _ = fs.ReadFile(proc, "cpuinfo")
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			h.CPU = strings.TrimSpace(value)
			break
		}
	}
	b, _ = fs.ReadFile(proc, "meminfo")
	h.Memory = kibLine(b, "MemTotal:") >> 10
	return h
}

const nsVersion = "jabber:iq:version" // XEP-0092

// identify asks the server who it is, once.
func (r *run) identify(ctx context.Context, s *session) error {
	if r.who.PID == r.server.pid {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, loginPatience)
	defer cancel()
	id := Server{Address: r.Server.String(), PID: r.server.pid, Mechanism: s.mechanism, TLS: tls.VersionName(s.conn.TLS().Version)}
	el, err := s.Request(ctx, &stanza.IQ{Type: stanza.Get, To: s.jid.DomainJID(), Payload: xmlstream.New(nsVersion, "query")})
	if ctx.Err() != nil {
		return err
	}
	id.Name, id.Version = el.ChildText(nsVersion, "name"), el.ChildText(nsVersion, "version") // empty where it does not tell
	r.who = id
	return nil
}

// tell hands out a result.
func (r *run) tell(variant string, metrics []Metric, notes ...string) error {
	if r.who.PID != r.server.pid { // nobody has logged in
		r.who = Server{Address: r.Options.Server.String(), PID: r.server.pid}
	}
	return r.Result(&Result{
		Scenario: r.scenario.Name, Variant: variant, Time: time.Now(), N: r.N,
		Server: r.who, Host: r.host, Metrics: metrics, Notes: notes,
	})
}
