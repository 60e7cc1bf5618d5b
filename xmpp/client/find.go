package client

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stream"
)

// target is where a server may listen.
type target struct {
	addr   string // host:port
	direct bool   // TLS from the first byte
}

// maxTargets bounds how many places one look-up can make us try.
const maxTargets = 16

// targets returns where to look for the server, in the order to try.
func (c *Config) targets(ctx context.Context) ([]target, error) {
	if c.Addr != "" {
		return []target{{c.Addr, c.DirectTLS}}, nil
	}
	return c.find(ctx, c.JID.DomainJID())
}

// elsewhere returns where a server sent us: "domain", which is looked up, or "domain:port". RFC 6120 §4.9.3.19
func (c *Config) elsewhere(ctx context.Context, host string) ([]target, error) {
	if name, port, err := net.SplitHostPort(host); err == nil && name != "" && port != "" {
		return []target{{host, c.DirectTLS}}, nil
	}
	domain, err := jid.Parse(host)
	if err != nil || !domain.IsDomain() {
		return nil, fmt.Errorf("client: redirected to %.60q, which is no host", host)
	}
	return c.find(ctx, domain)
}

// find looks up the servers of a domain. RFC 6120 §3.2, XEP-0368#usecases
func (c *Config) find(ctx context.Context, domain jid.JID) ([]target, error) {
	name, err := stream.Hostname(domain)
	if err != nil {
		return nil, err
	}
	fallback := target{net.JoinHostPort(name, "5222"), false}
	if c.DirectTLS {
		fallback = target{net.JoinHostPort(name, "5223"), true}
	}
	if _, err := netip.ParseAddr(name); err == nil { // RFC 6120 §3.2: only names are looked up
		return []target{fallback}, nil
	}
	records := c.records(ctx, "xmpps-client", name, true)
	if !c.DirectTLS {
		records = append(records, c.records(ctx, "xmpp-client", name, false)...)
	}
	if len(records) == 0 {
		return []target{fallback}, nil // RFC 6120 §3.2.2
	}
	records = slices.DeleteFunc(records, func(r record) bool { return r.Target == "." })
	if len(records) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNotOffered, name) // RFC 2782: decidedly not there
	}
	order(records, rand.IntN)
	var out []target
	for _, r := range records[:min(len(records), maxTargets)] {
		host := strings.TrimSuffix(r.Target, ".")
		out = append(out, target{net.JoinHostPort(host, strconv.Itoa(int(r.Port))), r.direct})
	}
	return out, nil
}

// record is an SRV record of either service.
type record struct {
	*net.SRV
	direct bool
}

// records returns what there is of one service. A look-up that fails is one without records: then the others, or the domain
// itself, have to do.
func (c *Config) records(ctx context.Context, service, name string, direct bool) []record {
	_, found, err := c.Resolver.LookupSRV(ctx, service, "tcp", name)
	if err != nil {
		c.Log.Debug("no srv records", "service", service, "domain", name, "err", err)
		return nil
	}
	out := make([]record, len(found))
	for i, r := range found {
		out[i] = record{r, direct}
	}
	return out
}

// order sorts records of both services as if they were one: by priority, and among equals at random by weight.
// RFC 2782, XEP-0368#usecases
func order(records []record, random func(n int) int) {
	// Those without weight come first, so that they have a small chance too.
	slices.SortStableFunc(records, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Weight, b.Weight))
	})
	for len(records) > 0 {
		equals, sum := 0, 0
		for equals < len(records) && records[equals].Priority == records[0].Priority {
			sum += int(records[equals].Weight)
			equals++
		}
		chosen, left := 0, random(sum+1)
		for left -= int(records[0].Weight); left > 0; left -= int(records[chosen].Weight) {
			chosen++
		}
		first := records[chosen]
		copy(records[1:chosen+1], records[:chosen])
		records[0] = first
		records = records[1:]
	}
}
