package control

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// checkPeer refuses users other than the broker's own and root, who may have got at the socket through a folder that others may
// write to.
func checkPeer(c net.Conn) error {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return err
	}
	var (
		peer   *syscall.Ucred
		failed error
	)
	if err := raw.Control(func(fd uintptr) {
		peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return allow(int(peer.Uid), os.Getuid())
}

func allow(uid, own int) error {
	if uid != 0 && uid != own {
		return fmt.Errorf("user %d is neither the broker's nor root", uid)
	}
	return nil
}
