package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat: USER_HZ, the same on all of Linux's platforms that Go has. proc_pid_stat(5)
const tick = 10 * time.Millisecond

// stat is what is read of /proc/PID/stat.
type stat struct {
	parent int
	cpu    time.Duration // of the process with all its threads, those that ended included
}

// readStat reads /proc/PID/stat. The name of the program, in parentheses, may hold anything: what counts is behind the last one.
func readStat(proc fs.FS, pid int) (stat, error) {
	b, err := fs.ReadFile(proc, fmt.Sprintf("%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 13 {
		return stat{}, fmt.Errorf("/proc/%d/stat: too short", pid)
	}
	parent, err1 := strconv.Atoi(fields[1]) // field 4, as the first two are cut off
	user, err2 := strconv.ParseInt(fields[11], 10, 64)
	system, err3 := strconv.ParseInt(fields[12], 10, 64)
	return stat{parent, time.Duration(user+system) * tick}, errors.Join(err1, err2, err3)
}

// pids returns the processes there are.
func pids(proc fs.FS) ([]int, error) {
	entries, err := fs.ReadDir(proc, ".")
	if err != nil {
		return nil, err
	}
	var all []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, pid)
		}
	}
	return all, nil
}

// family returns pid and all processes below it.
func family(proc fs.FS, pid int) ([]int, error) {
	if _, err := readStat(proc, pid); err != nil {
		return nil, advise("Is it still running? Without --pid the process that listens at the address is taken.", "no process %d: %w", pid, err)
	}
	all, err := pids(proc)
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, p := range all {
		if s, err := readStat(proc, p); err == nil { // else it has ended meanwhile
			children[s.parent] = append(children[s.parent], p)
		}
	}
	members := []int{pid}
	for i := 0; i < len(members); i++ {
		members = append(members, children[members[i]]...)
	}
	return members, nil
}

// usage is the processor time of each process of a family.
type usage map[int]time.Duration

// readUsage reads the kernel's clock of each process, or what /proc says in ticks where there is no such clock.
func readUsage(proc fs.FS, pid int) (usage, error) {
	members, err := family(proc, pid)
	if err != nil {
		return nil, err
	}
	u := usage{}
	for _, p := range members {
		if d, ok := processClock(p); ok {
			u[p] = d
		} else if s, err := readStat(proc, p); err == nil {
			u[p] = s.cpu
		}
	}
	return u, nil
}

// since returns what was used after earlier. A process that began in between counts in full, one that ended not at all.
func (u usage) since(earlier usage) time.Duration {
	var sum time.Duration
	for pid, d := range u {
		sum += d - earlier[pid]
	}
	return sum
}

// memory is what a family of processes holds, in bytes.
type memory struct {
	rss int64
	pss int64 // shared pages divided by those who share them; 0 where the kernel does not let us see
}

// readMemory sums up the family's memory.
func readMemory(proc fs.FS, pid int) (memory, error) {
	members, err := family(proc, pid)
	if err != nil {
		return memory{}, err
	}
	var sum memory
	for _, p := range members {
		b, err := fs.ReadFile(proc, fmt.Sprintf("%d/smaps_rollup", p))
		if err == nil {
			sum.rss += kibLine(b, "Rss:")
			sum.pss += kibLine(b, "Pss:")
			continue
		}
		if b, err := fs.ReadFile(proc, fmt.Sprintf("%d/status", p)); err == nil {
			sum.rss += kibLine(b, "VmRSS:")
		}
	}
	return sum, nil
}

// kibLine finds a line such as "Rss:  1234 kB" and returns it in bytes.
func kibLine(b []byte, key string) int64 {
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) >= 2 && string(f[0]) == key {
			n, _ := strconv.ParseInt(string(f[1]), 10, 64)
			return n << 10
		}
	}
	return 0
}

// kernelMemory returns what the kernel's slab caches hold, where we may read it (only root may), and the memory of TCP's buffers.
func kernelMemory(proc fs.FS) (slab, tcp int64) {
	b, _ := fs.ReadFile(proc, "slabinfo")
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) < 4 {
			continue
		}
		active, err1 := strconv.ParseInt(string(f[1]), 10, 64)
		size, err2 := strconv.ParseInt(string(f[3]), 10, 64)
		if err1 == nil && err2 == nil { // else a title
			slab += active * size
		}
	}
	b, _ = fs.ReadFile(proc, "net/sockstat")
	for line := range bytes.Lines(b) {
		f := strings.Fields(string(line))
		for i := 1; i+1 < len(f) && f[0] == "TCP:"; i += 2 {
			if f[i] == "mem" {
				n, _ := strconv.ParseInt(f[i+1], 10, 64)
				tcp = n * int64(os.Getpagesize())
			}
		}
	}
	return slab, tcp
}
