//go:build interop

package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	rosters "github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// TestDisk has the data of a broker on a disk of 4 MiB that is filled to the last byte. TestFull of cmd/comity shows what clients get,
// with files that must not grow; here it is ENOSPC, in the middle of a write, beside blocks that may be written again, and also to the
// broker's start and end and to its command line. It needs root, for the mount.
func TestDisk(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	disk := mountDisk(t, "4m")
	b := &broker{data: filepath.Join(disk, "data")}
	var accounts strings.Builder
	for _, name := range []string{"alice", "bob", "carol"} {
		fmt.Fprintf(&accounts, "%s@%s %s\n", name, domain, password(name))
	}
	b.command(t, accounts.String(), "account", "add", "--from", "-")
	v := b.visit(ctx, t)
	if err := errors.Join(v.contact(t, "before"), v.leave(t, "before")); err != nil {
		t.Fatal(err)
	}

	v.full(t, fillDisk(t, disk))
	if err := errors.Join(v.contact(t, "between"), v.leave(t, "between")); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if n := b.logged("disk full, writes fail"); n != 1 || b.logged("") > 3 {
		t.Errorf("the log tells %d times of a full disk, in %d lines of warning", n, b.logged(""))
	}

	free := fillDisk(t, disk)
	b.quit(t)
	v = b.visit(ctx, t, v) // it may end on a full disk, and start from what it left then
	v.full(t, free)

	b.quit(t) // and tidies up
	free = fillDisk(t, disk)
	out, err := b.comity("serve", "--domain", domain, "--c2s", "127.0.0.1:0")
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !strings.Contains(out, "disk full") {
		t.Errorf("a start on a full disk: %v\n%s", err, out)
	}
	free()
	v = b.visit(ctx, t, v)
	v.check(t)
	b.quit(t)
}

// mountDisk makes a disk in memory that is there until the end of the test.
func mountDisk(t *testing.T, size string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Fatalf("no disk to fill, so this was not tested: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(errors.Join(err, syscall.Unmount(folder, syscall.MNT_DETACH)))
		}
	})
	return folder
}

// fillDisk writes all that there is room for.
func fillDisk(t *testing.T, folder string) (free func()) {
	t.Helper()
	f, err := os.Create(filepath.Join(folder, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, n := range []int{64 << 10, 1} {
		for err == nil {
			_, err = f.Write(make([]byte, n))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		err = nil
	}
	return func() {
		if err := os.Remove(f.Name()); err != nil {
			t.Error(err)
		}
	}
}

// comity runs a command that may fail.
func (b *broker) comity(args ...string) (out string, err error) {
	text, err := exec.Command(programs.comity, append(args, "--data", b.data)...).CombinedOutput()
	return string(text), err
}

// quit ends the broker in good order.
func (b *broker) quit(t *testing.T) {
	t.Helper()
	b.cmd.Process.Signal(syscall.SIGTERM)
	b.wait(t)
}

// logged counts the warnings and errors with a text.
func (b *broker) logged(text string) (n int) {
	for _, line := range b.log.lines() {
		if (strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN")) && strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// visit is of alice and bob at a broker, with what was acknowledged to alice.
type visit struct {
	*broker
	ctx        context.Context
	addr       string
	alice, bob *client.Session
	got        map[*client.Session]chan *stanza.Stanza // messages
	contacts   []string
	left       []string // messages for carol
}

// visit starts the broker and logs in.
func (b *broker) visit(ctx context.Context, t *testing.T, before ...*visit) *visit {
	t.Helper()
	b.process = start(t, "broker", nil, programs.comity, "serve", "--json", "--domain", domain, "--data", b.data,
		"--c2s", "127.0.0.1:0", "--no-limits", "--set", "c2s.plaintext_loopback=true")
	v := &visit{broker: b, ctx: ctx, got: map[*client.Session]chan *stanza.Stanza{}}
	for _, earlier := range before {
		v.contacts, v.left = earlier.contacts, earlier.left
	}
	for ready := false; !ready; {
		var said struct{ Event, Address string }
		if err := json.Unmarshal([]byte(b.expect(t, "announcement", has("event"))), &said); err != nil {
			t.Fatal(err)
		}
		if said.Event == "listening" {
			v.addr = said.Address
		}
		ready = said.Event == "ready"
	}
	v.alice, v.bob = v.enter(t, "alice"), v.enter(t, "bob")
	return v
}

// enter logs in and is available.
func (v *visit) enter(t *testing.T, name string) *client.Session {
	t.Helper()
	got, all := make(chan *stanza.Stanza, 100), new(mux.Mux)
	all.HandleMessage(stanza.Client, "body", func(m *stanza.Stanza) { got <- m })
	all.HandleMessage(stanza.Client, "error", func(m *stanza.Stanza) { got <- m })
	s, err := client.Dial(v.ctx, client.Config{
		JID: jid.MustParse(name + "@" + domain), Password: password(name), Addr: v.addr, AllowPlaintext: true, Mux: all,
	})
	if err == nil {
		t.Cleanup(func() { s.Close(context.Background()) })
		err = s.SendAcked(v.ctx, stanza.NewPresence(jid.JID{}, stanza.Available))
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	v.got[s] = got
	return s
}

// say sends a message and returns its id.
func (v *visit) say(t *testing.T, from *client.Session, to jid.JID, typ stanza.Type, text string) (id string) {
	t.Helper()
	m := stanza.NewMessage(to, typ, xmlstream.New(stanza.Client, "body", xmlstream.Text(text)))
	m.ID = stream.NewID()
	if err := from.SendAcked(v.ctx, m); err != nil {
		t.Fatal(err)
	}
	return m.ID
}

// next returns the next message of a session.
func (v *visit) next(t *testing.T, s *client.Session) *stanza.Stanza {
	t.Helper()
	select {
	case m := <-v.got[s]:
		return m
	case <-s.Done():
		t.Fatal(s.Err())
	case <-v.ctx.Done():
		t.Fatalf("%s has got nothing", s.JID())
	}
	return nil
}

// contact gives alice a contact. The error is the broker's.
func (v *visit) contact(t *testing.T, name string) error {
	t.Helper()
	item := rosters.Item{JID: jid.MustParse(name + "@example.net"), Name: strings.Repeat("x", 200)}
	err := (&rosters.Client{Requester: v.alice}).Set(v.ctx, item)
	if err == nil {
		v.contacts = append(v.contacts, name+"@example.net")
	}
	return err
}

// leave has alice leave a message for carol. The error is what came back.
func (v *visit) leave(t *testing.T, text string) error {
	t.Helper()
	id := v.say(t, v.alice, jid.MustParse("carol@"+domain), stanza.Chat, text)
	mark := v.say(t, v.alice, v.alice.JID(), stanza.Headline, "mark")
	m := v.next(t, v.alice)
	if m.ID == id {
		v.next(t, v.alice)
		return stanza.ParseError(m.Child(stanza.Client, "error"))
	}
	if m.ID != mark {
		t.Errorf("alice got %s", m)
	}
	v.left = append(v.left, text)
	return nil
}

// full writes until nothing more can be written, sees to it that what needs no room works, and makes room again.
func (v *visit) full(t *testing.T, free func()) {
	t.Helper()
	defer free()
	refused := 0
	for n := 0; refused < 50 && n < 1000; n++ {
		name := fmt.Sprintf("full-%d-%d", len(v.contacts), n)
		for _, err := range []error{v.contact(t, name), v.leave(t, name)} {
			if err == nil { // there may be room in what the broker has written already
				refused = 0
				continue
			}
			refused++
			e, ok := errors.AsType[*stanza.Error](err)
			if !ok || e.Condition != stanza.ResourceConstraint || e.Kind != stanza.Wait || e.Text != "" {
				t.Errorf("on a full disk: %v", err)
			}
		}
	}
	if refused < 50 {
		t.Error("the disk is never full")
	}
	v.say(t, v.alice, v.bob.JID().Bare(), stanza.Chat, "meanwhile")
	if m := v.next(t, v.bob); m.Body() != "meanwhile" {
		t.Errorf("bob got %s", m)
	}
	if err := v.enter(t, "bob").Close(v.ctx); err != nil {
		t.Error(err)
	}
	v.checkContacts(t)
	out, err := v.comity("account", "add", "dave@"+domain, "--generate")
	if err == nil || !strings.Contains(out, "disk full") {
		t.Errorf("an account on a full disk: %v\n%s", err, out)
	}
	if out, err := v.comity("account", "list"); err != nil || !strings.Contains(out, "alice@"+domain) {
		t.Errorf("a list of accounts on a full disk: %v\n%s", err, out)
	}
}

func (v *visit) checkContacts(t *testing.T) {
	t.Helper()
	all, err := (&rosters.Client{Requester: v.alice}).Get(v.ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range all.Items {
		got = append(got, i.JID.String())
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(v.contacts)); !slices.Equal(got, want) {
		t.Errorf("alice has the contacts %q, acknowledged were %q", got, want)
	}
}

// check holds what there is against what was acknowledged.
func (v *visit) check(t *testing.T) {
	t.Helper()
	v.checkContacts(t)
	carol := v.enter(t, "carol")
	for _, text := range v.left {
		if m := v.next(t, carol); m.Body() != text {
			t.Errorf("carol got %s, want %q", m, text)
		}
	}
	v.say(t, carol, carol.JID(), stanza.Headline, "mark")
	if m := v.next(t, carol); m.Type != stanza.Headline {
		t.Errorf("carol got more: %s", m)
	}
}
