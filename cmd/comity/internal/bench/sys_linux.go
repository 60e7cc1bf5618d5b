package bench

import (
	"os/exec"
	"syscall"
	"time"
	"unsafe"
)

// processClock returns the processor time of a process with all its threads, in nanoseconds. The clock of another process has its
// number in the upper bits, inverted, and CPUCLOCK_SCHED in the lower: clock_getcpuclockid(3).
func processClock(pid int) (time.Duration, bool) {
	const sched = 2
	var ts syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(^pid<<3|sched), uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano()), errno == 0
}

// raiseFiles lets the process have as many open files as it may, which is what it holds sockets by.
func raiseFiles() {
	const enough = 1 << 17 // what is started by us has it too, and Erlang makes tables of that size
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: enough, Max: enough}) == nil {
		return // only with a privilege
	}
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) == nil {
		l.Cur = l.Max
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l) // where it fails, connecting will say so
	}
}

// lateBind lets the kernel choose the port when it knows the other end, so that ports of connections that have just ended can be
// used again: ip(7), IP_BIND_ADDRESS_NO_PORT. window, if not 0, is the size of the receive buffer.
func lateBind(fd uintptr, v4 bool, window int) {
	const bindAddressNoPort = 24
	if v4 {
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, bindAddressNoPort, 1)
	}
	if window > 0 {
		syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, window)
	}
}

// own puts a program into a process group of its own, so that it and what it starts can be ended together, and Ctrl-C is not meant
// for it.
func own(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// signalGroup sends a signal to a program that own was called for, and to what it started.
func signalGroup(pid int, s syscall.Signal) { syscall.Kill(-pid, s) }
