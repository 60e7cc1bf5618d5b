package main

import (
	"fmt"
	"net"
	"strings"

	"golang.org/x/net/idna"

	"github.com/comity-iot/comity/xmpp/jid"
)

// services are how DNS calls what the broker listens for (RFC 6120 §3.2.1, XEP-0368), and the settings that say at which ports.
// TLS first comes with the lower priority value: it is tried before STARTTLS.
var services = [...]struct {
	service, section, key string
	priority              int
}{
	{"_xmpps-client", "c2s", "listen_tls", 5},
	{"_xmpp-client", "c2s", "listen", 10},
	{"_xmpps-server", "s2s", "listen_tls", 5},
	{"_xmpp-server", "s2s", "listen", 10},
}

// dnsRecords are the lines of a zone file with which others find the broker. host is the machine's name, empty for the domain's.
func dnsRecords(s *settings, domain jid.JID, host string) []string {
	zone := ascii(domain.Domain())
	if net.ParseIP(strings.Trim(zone, "[]")) != nil {
		return []string{"; none: an address is found without DNS"}
	}
	target := zone
	if host != "" {
		target = ascii(strings.TrimSuffix(host, "."))
	}
	lines := []string{record(target, "A", "192.0.2.1", "put the address of this machine here; AAAA for IPv6")}
	for _, srv := range services {
		listen, _ := s.set.Get(srv.section, srv.key)
		addrs, _ := listen.Value.([]string)
		for _, addr := range addrs {
			if _, port, err := net.SplitHostPort(addr); err == nil {
				data := fmt.Sprintf("%d 0 %s %s.", srv.priority, port, target)
				lines = append(lines, record(srv.service+"._tcp."+zone, "SRV", data, ""))
			}
		}
	}
	return append(lines, record("*."+zone, "CNAME", target+".", "the broker's services, such as discovery."+zone+", for other servers"))
}

// record is a line of a zone file (RFC 1035 §5).
func record(name, kind, data, comment string) string {
	line := fmt.Sprintf("%-36s 3600 IN %-5s %s", name+".", kind, data)
	if comment != "" {
		line += "  ; " + comment
	}
	return line
}

// ascii is a name as DNS has it.
func ascii(name string) string {
	if a, err := idna.Lookup.ToASCII(name); err == nil {
		return a
	}
	return name
}
