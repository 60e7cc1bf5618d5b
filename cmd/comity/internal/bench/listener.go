package bench

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/netip"
	"strconv"
)

// listenState is TCP_LISTEN in /proc/net/tcp.
const listenState = "0A"

// listeningSockets returns the inodes of sockets that listen at the port.
func listeningSockets(proc fs.FS, port uint16) map[string]bool {
	found := map[string]bool{}
	for _, file := range []string{"net/tcp", "net/tcp6"} {
		b, _ := fs.ReadFile(proc, file) // no IPv6, no file
		for line := range bytes.Lines(b) {
			f := bytes.Fields(line)
			if len(f) < 10 || string(f[3]) != listenState {
				continue
			}
			colon := bytes.LastIndexByte(f[1], ':')
			p, err := strconv.ParseUint(string(f[1][colon+1:]), 16, 16)
			if err == nil && uint16(p) == port {
				found["socket:["+string(f[9])+"]"] = true
			}
		}
	}
	return found
}

// listening returns the process that listens at the address. Where several have the socket, it is the first of them.
func listening(proc fs.FS, addr netip.AddrPort) (int, error) {
	sockets := listeningSockets(proc, addr.Port())
	if len(sockets) == 0 {
		return 0, advise("Start the server, or correct --server.", "nothing listens at %s", addr)
	}
	all, err := pids(proc)
	if err != nil {
		return 0, err
	}
	for _, pid := range all {
		dir := fmt.Sprintf("%d/fd", pid)
		entries, err := fs.ReadDir(proc, dir)
		if err != nil {
			continue // another user's, or it has ended
		}
		for _, e := range entries {
			if to, err := fs.ReadLink(proc, dir+"/"+e.Name()); err == nil && sockets[to] {
				return pid, nil
			}
		}
	}
	return 0, advise("Name the process with --pid, or run this as the server's user.", "cannot see which process listens at %s", addr)
}
