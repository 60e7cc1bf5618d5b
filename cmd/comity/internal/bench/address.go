package bench

import (
	"net"
	"net/netip"
	"strconv"
)

func errNotHere(addr string) error {
	return advise("Give a server on this machine, such as 127.0.0.1:5222.", "%s is not on the loopback interface: load is for one's own servers only", addr)
}

// ParseServer reads "host:port", where host is a loopback address or "localhost". No name is looked up, so that none can lead
// elsewhere.
func ParseServer(text string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return netip.AddrPort{}, advise("Write an address and a port, such as 127.0.0.1:5222.", "server address: %w", err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil || p == 0 {
		return netip.AddrPort{}, advise("Write an address and a port, such as 127.0.0.1:5222.", "%q is no port", port)
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || !addr.Unmap().IsLoopback() {
		return netip.AddrPort{}, errNotHere(text)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(p)), nil
}

// perSource is how many connections come from one address: there are some 28,000 ports for them (ip_local_port_range).
const perSource = 10_000

// source returns the address that connection number i comes from: 127.0.0.1, then .2 and so on. All of 127/8 is this machine's own
// on Linux; of IPv6 there is ::1 only, so that its ports are all there are.
func source(server netip.Addr, i int) *net.TCPAddr {
	n := i / perSource
	if n == 0 || !server.Is4() {
		return nil
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, byte(n/250), byte(1+n%250))}
}
