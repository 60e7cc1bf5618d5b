//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// A full disk costs those who need room on it, and nobody else. The files of a broker in a process of its own cannot grow, not even its
// log (RLIMIT_FSIZE): each write is refused with the same error, all else goes on, and once there is room the same sessions write again.
// What was acknowledged before, between and after that is there, also after a kill while the disk is full. A limit on files needs no root;
// TestDisk of interop has a disk.
func TestFull(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	data := filepath.Join(t.TempDir(), "data")
	args := append(serveArgs(data), "--no-limits",
		"--set", "register.open=true", "--set", "register.attempts=0", "--set", "register.passwords=0")
	c := spawn(t, args...)
	addFullAccounts(t, data)
	w := &fullWorld{child: c, alice: c.enter(ctx, t, "alice"), bob: c.enter(ctx, t, "bob"), lamp: c.enter(ctx, t, "lamp")}
	if err := w.before(ctx, t); err != nil {
		t.Fatal(err)
	}

	said := len(c.log.String())
	room := c.limitFiles(t, 0)
	juliet, romeo := c.enter(ctx, t, "juliet"), c.enter(ctx, t, "romeo")
	enough, talked := make(chan struct{}), make(chan error, 2)
	for _, pair := range [][2]*guest{{juliet, romeo}, {romeo, juliet}} {
		go func() { talked <- talk(ctx, pair[0], pair[1], enough) }()
	}
	refused := 0
	for range 10 {
		for _, write := range w.writes() {
			if err := write.try(ctx); !isNoRoom(err) {
				t.Errorf("%s, on a full disk: %v", write.what, err)
			}
			refused++
		}
	}
	close(enough)
	for range 2 {
		if err := <-talked; err != nil {
			t.Errorf("two who are online: %v", err)
		}
	}
	if err := w.meanwhile(ctx, t); err != nil {
		t.Error(err)
	}
	checkFullLog(t, c.log.String()[said:], refused)

	c.limitFiles(t, room)
	for _, write := range w.writes() {
		if err := write.try(ctx); err != nil {
			t.Errorf("%s, with room again: %v", write.what, err)
		}
	}
	w.check(ctx, t, "before", "now")
	if err := w.tell(ctx, "carol", "last"); err != nil {
		t.Error(err)
	}
	for _, p := range []*guest{w.alice, w.bob, w.lamp, juliet, romeo} {
		if err := p.Err(); err != nil {
			t.Errorf("the session of %s is over: %v", p.JID(), err)
		}
	}

	c.limitFiles(t, 0)
	if err := w.tell(ctx, "carol", "lost"); !isNoRoom(err) {
		t.Errorf("on a disk that is full again: %v", err)
	}
	c.end(t, syscall.SIGKILL)
	checkFile(t, data)
	c = spawn(t, args...)
	w = &fullWorld{child: c, alice: c.enter(ctx, t, "alice"), bob: c.enter(ctx, t, "bob")}
	w.check(ctx, t, "last")
	if code := c.end(t, syscall.SIGTERM); code != int(done) {
		t.Errorf("code %d\n%s", code, c.log)
	}
}

// limitFiles sets how large the files of the broker may grow, in bytes, and returns how large they might before.
func (c *child) limitFiles(t *testing.T, size uint64) (before uint64) {
	t.Helper()
	var was, is syscall.Rlimit
	set := func(is, was *syscall.Rlimit) {
		t.Helper()
		_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(c.cmd.Process.Pid), syscall.RLIMIT_FSIZE,
			uintptr(unsafe.Pointer(is)), uintptr(unsafe.Pointer(was)), 0, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
	}
	set(nil, &was)
	is.Cur, is.Max = size, was.Max
	set(&is, nil)
	return was.Cur
}

// isNoRoom reports whether an error is exactly what one is told whose stanza needs room that there is not: to try later.
// RFC 6120 §8.3.3.18
func isNoRoom(err error) bool {
	e, ok := errors.AsType[*stanza.Error](err)
	return ok && e.Element().String() == `<error xmlns='jabber:client' type='wait'>`+
		`<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`
}

// meanwhile does what needs no room: a login, and its end; presence; a roster and a search.
func (w *fullWorld) meanwhile(ctx context.Context, t *testing.T) error {
	dave := w.enter(ctx, t, "dave")
	if kept, err := dave.next(ctx, "message", isTalk); err != nil || kept.Body() != "before" {
		return fmt.Errorf("dave got %s, %w", kept, err)
	}
	away := stanza.NewPresence(jid.JID{}, stanza.Available, xmlstream.New(stanza.Client, "show", xmlstream.Text("away")))
	if err := w.bob.Send(ctx, away); err != nil {
		return err
	}
	_, err := w.alice.next(ctx, "presence", func(s *stanza.Stanza) bool {
		return s.From == w.bob.JID() && s.Child(stanza.Client, "show").Text() == "away"
	})
	if err != nil {
		return err
	}
	contacts, err := (&roster.Client{Requester: w.alice}).Get(ctx, "")
	if err != nil || len(contacts.Items) != 2 {
		return fmt.Errorf("the roster is %v, %w", contacts, err)
	}
	found, err := (&registry.Client{Requester: dave, Registry: killDiscovery}).Page(ctx,
		registry.Search{Operators: []registry.Operator{registry.Where("SN", registry.Equal, "before")}})
	if err != nil || len(found.Things) != 1 {
		return fmt.Errorf("found %v, %w", found, err)
	}
	return dave.leave(ctx)
}

// checkFullLog looks whether the log tells an operator that the disk is full, once and not for each stanza. It may say besides that the
// database's own log is not emptied.
func checkFullLog(t *testing.T, log string, refused int) {
	t.Helper()
	full, kept, others := 0, 0, 0
	for line := range strings.Lines(log) {
		switch {
		case strings.Contains(line, `level=ERROR msg="disk full, writes fail until there is room"`):
			full++
		case strings.Contains(line, `level=WARN msg="log not emptied"`):
			kept++
		case strings.Contains(line, "level=ERROR"), strings.Contains(line, "level=WARN"):
			others++
		}
	}
	if full != 1 || kept > 1 || others > 0 {
		t.Errorf("%d writes were refused, and the log says\n%s", refused, log)
	}
}
