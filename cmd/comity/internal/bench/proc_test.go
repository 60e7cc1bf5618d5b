package bench

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"testing"
	"testing/fstest"
	"time"
)

func files(all map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range all {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

// A machine with a server (10) that has a child and a grandchild, and a process that only has a nasty name.
func machine() fstest.MapFS {
	return files(map[string]string{
		"1/stat":          "1 (init) S 0 1 1 0 -1 4194560 1 2 3 4 7 8 0 0 20 0 1 0 5 0 0",
		"10/stat":         "10 (lua5.4) S 1 10 10 0 -1 4194560 1 2 3 4 250 50 9 9 20 0 1 0 5 0 0",
		"11/stat":         "11 (erl (child) 1) S 10 10 10 0 -1 4194560 1 2 3 4 3 2 0 0 20 0 1 0 5 0 0",
		"12/stat":         "12 (inet) R 11 10 10 0 -1 4194560 1 2 3 4 0 1 0 0 20 0 1 0 5 0 0",
		"13/stat":         "13 () S 10 10 10) S 1 13 13 0 -1 4194560 1 2 3 4 90 90 0 0 20 0 1 0 5 0 0",
		"10/smaps_rollup": "00400000-7ffc Rss [rollup]\nRss:   4096 kB\nPss:   3000 kB\nPss_Dirty: 7 kB\n",
		"11/smaps_rollup": "00400000-7ffc Rss [rollup]\nRss:    100 kB\nPss:     50 kB\n",
		"12/status":       "Name:\tinet\nVmHWM:\t 99 kB\nVmRSS:\t     8 kB\n",
		"self/stat":       "",
		"meminfo":         "MemTotal: 1 kB\n",
	})
}

func TestReadStat(t *testing.T) {
	for pid, want := range map[int]stat{
		10: {1, 3 * time.Second},
		11: {10, 50 * time.Millisecond},
		13: {1, 1800 * time.Millisecond},
	} {
		if got, err := readStat(machine(), pid); err != nil || got != want {
			t.Errorf("process %d: %+v, %v; want %+v", pid, got, err, want)
		}
	}
	for _, text := range []string{"", "5 (x", "5 (x) S 1", "5 (x) S one 5 5 0 -1 4194560 1 2 3 4 0 1 0 0", "5 (x) S 1 5 5 0 -1 4194560 1 2 3 4 0 y 0 0"} {
		if got, err := readStat(files(map[string]string{"5/stat": text}), 5); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func TestFamily(t *testing.T) {
	got, err := family(machine(), 10)
	if slices.Sort(got); err != nil || !slices.Equal(got, []int{10, 11, 12}) {
		t.Errorf("%v, %v", got, err)
	}
	var advice *Error
	if _, err := family(machine(), 99); !errors.As(err, &advice) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a process that is not: %v", err)
	}
}

func TestReadMemory(t *testing.T) {
	got, err := readMemory(machine(), 10)
	if want := (memory{rss: (4096 + 100 + 8) << 10, pss: 3050 << 10}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

// A process that began in between counts, one that ended does not.
func TestUsageSince(t *testing.T) {
	before := usage{10: 3 * time.Second, 11: time.Second}
	after := usage{10: 5 * time.Second, 12: 7 * time.Second}
	if got := after.since(before); got != 9*time.Second {
		t.Error(got)
	}
}

func TestKernelMemory(t *testing.T) {
	slab, tcp := kernelMemory(files(map[string]string{
		"slabinfo": "slabinfo - version: 2.1\n# name <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables\n" +
			"TCP 10 26 2432 13 8 : tunables 0 0 0 : slabdata 2 2 0\nsock_inode_cache 3 19 832 19 4 : tunables 0 0 0 : slabdata 1 1 0\n",
		"net/sockstat": "sockets: used 16\nTCP: inuse 1 orphan 0 tw 27 alloc 1 mem 156\nUDP: inuse 0 mem 9\n",
	}))
	if want := int64(10*2432 + 3*832); slab != want {
		t.Errorf("slab: %d, want %d", slab, want)
	}
	if want := int64(156 * os.Getpagesize()); tcp != want {
		t.Errorf("tcp: %d, want %d", tcp, want)
	}
	if slab, tcp := kernelMemory(files(nil)); slab != 0 || tcp != 0 {
		t.Error("what cannot be read is", slab, tcp)
	}
}

func TestListening(t *testing.T) {
	const title = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	m := machine()
	m["net/tcp"] = &fstest.MapFile{Data: []byte(title +
		"   0: 0100007F:1466 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 700 1 0 100 0 0 10 0\n" +
		"   1: 0100007F:1467 0100007F:1466 01 00000000:00000000 00:00000000 00000000     0        0 701 1 0 100 0 0 10 0\n")}
	m["net/tcp6"] = &fstest.MapFile{Data: []byte(title +
		"   0: 00000000000000000000000000000000:1468 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 702 1 0\n")}
	m["10/fd/3"] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("socket:[701]")}
	m["10/fd/4"] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("socket:[700]")}
	m["11/fd/4"] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("socket:[702]")}
	for port, want := range map[uint16]int{0x1466: 10, 0x1468: 11} {
		if pid, err := listening(m, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)); err != nil || pid != want {
			t.Errorf("port %x: %d, %v; want %d", port, pid, err, want)
		}
	}
	if pid, err := listening(m, netip.MustParseAddrPort("127.0.0.1:5223")); err == nil { // 0x1467: a connection, no listener
		t.Errorf("nobody listens, found %d", pid)
	}
}
