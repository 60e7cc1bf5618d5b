package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// listener is an open port.
type listener struct {
	net.Listener
	name   string // of the flag that opens it: "c2s"
	secure string // how TLS comes about, for people
	direct bool   // streams start with TLS
}

// listen opens the ports that the settings name.
func (s *settings) listen() ([]listener, error) {
	var all []listener
	open := func(addrs []string, l listener) error {
		for _, addr := range addrs {
			var err error
			if l.Listener, err = net.Listen("tcp", addr); err != nil {
				return listenError(addr, err)
			}
			all = append(all, l)
		}
		return nil
	}
	err := open(s.c2s.Listen, listener{name: "c2s", secure: "STARTTLS"})
	if err == nil {
		err = open(s.c2s.ListenTLS, listener{name: "c2s-tls", secure: "TLS first", direct: true})
	}
	if err != nil {
		closeAll(all)
		return nil, err
	}
	return all, nil
}

func listenError(addr string, err error) error {
	err = fmt.Errorf("cannot listen at %s: %w", addr, errors.Unwrap(err))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return advise(err, "Another program has this port, perhaps another broker. Stop it, or choose another port.")
	case errors.Is(err, os.ErrPermission):
		return advise(err, "Ports below 1024 need a privilege. Choose a higher one.")
	}
	return advise(err, "Write an address of this machine and a port, such as 127.0.0.1:5222, or :5222 for all addresses.")
}

func closeAll(all []listener) {
	for _, l := range all {
		l.Close()
	}
}

// directAddrs are the addresses at which streams start with TLS.
func directAddrs(all []listener) []netip.AddrPort {
	var addrs []netip.AddrPort
	for _, l := range all {
		if l.direct {
			addrs = append(addrs, l.Addr().(*net.TCPAddr).AddrPort())
		}
	}
	return addrs
}
