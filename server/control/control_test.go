package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/control"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	alice = jid.MustParse("alice@example.org")
	bob   = jid.MustParse("bob@example.org")
)

// memory is an Admin of a few maps.
type memory struct {
	mu       sync.Mutex
	accounts map[jid.JID]module.NewAccount
	order    []jid.JID
	keys     []module.APIKey
	largest  int // page of CreateAll
	block    chan struct{}
}

func newMemory() *memory { return &memory{accounts: map[jid.JID]module.NewAccount{}} }

func (m *memory) Create(_ context.Context, n module.NewAccount) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(n.Password) < 8 {
		return stanza.NotAcceptable.With("a password needs 8 characters")
	}
	if _, ok := m.accounts[n.JID]; ok {
		return stanza.Conflict
	}
	m.accounts[n.JID] = n
	m.order = append(m.order, n.JID)
	return nil
}

func (m *memory) CreateAll(ctx context.Context, all []module.NewAccount, done func(int)) error {
	m.largest = max(m.largest, len(all))
	for i, n := range all {
		if err := m.Create(ctx, n); err != nil && !errors.Is(err, stanza.Conflict) {
			return fmt.Errorf("%s: %w", n.JID, err)
		}
		done(i + 1)
	}
	return nil
}

func (m *memory) SetPassword(_ context.Context, bare jid.JID, password string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.accounts[bare]
	if !ok {
		return store.ErrNotFound
	}
	n.Password = password
	m.accounts[bare] = n
	return nil
}

func (m *memory) Remove(ctx context.Context, bare jid.JID) error {
	if m.block != nil {
		close(m.block)
		<-ctx.Done()
		return ctx.Err()
	}
	return fmt.Errorf("disk on fire, removing %s", bare)
}

func (m *memory) List(_ context.Context, after string, limit int) (all []module.AccountInfo, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, addr := range m.order {
		if addr.String() > after && len(all) < limit {
			all = append(all, module.AccountInfo{JID: addr, Kind: m.accounts[addr].Kind, Created: time.Unix(1e9, 0).UTC()})
		}
	}
	return all, nil
}

func (m *memory) NewKey(_ context.Context, owner string, limit int, kind module.AccountKind) (module.APIKey, error) {
	k := module.APIKey{ID: "id", Secret: "secret", Owner: owner, Limit: limit, Kind: kind}
	m.keys = append(m.keys, k)
	return k, nil
}

func (m *memory) ListKeys(context.Context) ([]module.APIKey, error) { return m.keys, nil }

func (m *memory) DisableKey(_ context.Context, id string, disabled bool) error {
	if id != "id" {
		return store.ErrNotFound
	}
	m.keys[0].Disabled = disabled
	return nil
}

func listen(t *testing.T, folder string, admin control.Admin) *control.Server {
	t.Helper()
	s, err := control.Listen(t.Context(), folder, admin, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// connect gives a client of a broker with an empty memory.
func connect(t *testing.T) (*control.Client, *memory, string) {
	t.Helper()
	folder, m := t.TempDir(), newMemory()
	listen(t, folder, m)
	c, err := control.Dial(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return c, m, folder
}

func TestAccounts(t *testing.T) {
	c, m, _ := connect(t)
	ctx := t.Context()
	n := module.NewAccount{JID: alice, Password: "wonderland", Kind: module.Thing, Admin: true}
	if err := c.Create(ctx, n); err != nil {
		t.Fatal(err)
	}
	if m.accounts[alice] != n {
		t.Errorf("got %+v, want %+v", m.accounts[alice], n)
	}
	if err := c.Create(ctx, n); !errors.Is(err, stanza.Conflict) {
		t.Errorf("twice: %v", err)
	}
	err := c.Create(ctx, module.NewAccount{JID: bob, Password: "x"})
	if !errors.Is(err, stanza.NotAcceptable) || stanza.AsError(err).Text != "a password needs 8 characters" {
		t.Errorf("short password: %v", err)
	}
	if err := c.SetPassword(ctx, alice, "looking-glass"); err != nil || m.accounts[alice].Password != "looking-glass" {
		t.Errorf("%v, %+v", err, m.accounts[alice])
	}
	if err := c.SetPassword(ctx, bob, "looking-glass"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("password of nobody: %v", err)
	}
	if err := c.Remove(ctx, alice); err == nil || err.Error() != "disk on fire, removing alice@example.org" {
		t.Errorf("an error that only operators may see: %v", err)
	}
	all, err := c.List(ctx, "", 10)
	if want := (module.AccountInfo{JID: alice, Kind: module.Thing, Created: time.Unix(1e9, 0).UTC()}); err != nil ||
		len(all) != 1 || all[0] != want {
		t.Errorf("got %+v, %v", all, err)
	}
}

func TestKeys(t *testing.T) {
	c, m, _ := connect(t)
	ctx := t.Context()
	k, err := c.NewKey(ctx, "ACME", 10, module.Thing)
	if want := m.keys[0]; err != nil || k != want {
		t.Errorf("got %+v, %v, want %+v", k, err, want)
	}
	if err := c.DisableKey(ctx, "id", true); err != nil {
		t.Error(err)
	}
	if err := c.DisableKey(ctx, "other", true); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("disabling no key: %v", err)
	}
	all, err := c.ListKeys(ctx)
	if err != nil || len(all) != 1 || all[0].Secret != "" || !all[0].Disabled {
		t.Errorf("got %+v, %v", all, err)
	}
}

// Many accounts go through in pages, the broker never holds all of them, and who waits sees how far it is.
func TestCreateAll(t *testing.T) {
	c, m, _ := connect(t)
	var all []module.NewAccount
	for i := range 1000 {
		all = append(all, module.NewAccount{JID: jid.MustParse(fmt.Sprintf("u%04d@example.org", i)), Password: "password"})
	}
	last, calls := 0, 0
	err := c.CreateAll(t.Context(), all, func(n int) {
		if n <= last {
			t.Errorf("progress goes from %d to %d", last, n)
		}
		last = n
		calls++
	})
	if err != nil || last != 1000 || len(m.accounts) != 1000 || m.largest >= 1000 || calls < 2 {
		t.Errorf("%v; %d of %d accounts, in %d pages of at most %d", err, last, len(m.accounts), calls, m.largest)
	}
	seen, after := 0, ""
	for {
		page, err := c.List(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		seen += len(page)
		after = page[len(page)-1].JID.String()
	}
	if seen != 1000 {
		t.Errorf("%d accounts are listed", seen)
	}
}

// An error in the middle ends the sending, however much there is still to send.
func TestCreateAllFails(t *testing.T) {
	c, m, _ := connect(t)
	all := []module.NewAccount{{JID: alice, Password: "short"}}
	for i := range 20_000 {
		all = append(all, module.NewAccount{JID: jid.MustParse(fmt.Sprintf("u%d@example.org", i)), Password: "password"})
	}
	err := c.CreateAll(t.Context(), all, func(int) {})
	if !errors.Is(err, stanza.NotAcceptable) || !strings.Contains(err.Error(), "alice@example.org") {
		t.Errorf("got %v", err)
	}
	if len(m.accounts) != 0 {
		t.Errorf("%d accounts were made", len(m.accounts))
	}
}

func TestForDomains(t *testing.T) {
	m := newMemory()
	a := control.ForDomains(m, []jid.JID{jid.MustParse("example.org"), jid.MustParse("example.net")})
	elsewhere := module.NewAccount{JID: jid.MustParse("alice@example.com"), Password: "wonderland"}
	here := module.NewAccount{JID: alice, Password: "wonderland"}
	for _, err := range []error{
		a.Create(t.Context(), elsewhere),
		a.CreateAll(t.Context(), []module.NewAccount{here, elsewhere}, func(int) {}),
	} {
		if !errors.Is(err, stanza.NotAcceptable) || !strings.Contains(err.Error(), "example.org, example.net") {
			t.Errorf("got %v", err)
		}
	}
	if len(m.accounts) != 0 {
		t.Errorf("made %v", m.order)
	}
	if err := a.Create(t.Context(), here); err != nil {
		t.Error(err)
	}
	if err := a.CreateAll(t.Context(), []module.NewAccount{here}, func(int) {}); err != nil {
		t.Error(err)
	}
}

func TestNotRunning(t *testing.T) {
	folder := t.TempDir()
	for _, f := range []string{folder, filepath.Join(folder, "none"), filepath.Join(folder, strings.Repeat("long/", 40))} {
		if _, err := control.Dial(t.Context(), f); !errors.Is(err, control.ErrNotRunning) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// kill -9 leaves a socket behind that nobody answers: it is replaced.
func TestLeftBehind(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"control.sock", "control.sock.new"} {
		l, err := net.Listen("unix", filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		l.Close()
	}
	if _, err := control.Dial(t.Context(), folder); !errors.Is(err, control.ErrNotRunning) {
		t.Errorf("got %v", err)
	}
	s := listen(t, folder, newMemory())
	if _, err := control.Dial(t.Context(), folder); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(control.Path(folder))
	if err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != fs.ModeSocket {
		t.Errorf("got %v, %v", info, err)
	}
	if _, err := control.Listen(t.Context(), folder, newMemory(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("two brokers at one socket")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(folder); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A Unix socket's name is shorter than a file's may be.
func TestLongFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), strings.Repeat("d", 200))
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	listen(t, folder, newMemory())
	c, err := control.Dial(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListKeys(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestHostileLines(t *testing.T) {
	_, _, folder := connect(t)
	for _, c := range []struct{ send, want string }{
		{`{"Op":"rule the world"}`, "bad-request"},
		{`{"Op":"create"}`, "bad-request"},
		{`{"Op":"set-password","JID":"@"}`, ""},
		{`[]`, ""},
		{``, ""},
		{strings.Repeat("x", 1<<20), ""},
		{`{"Op":"create-all"}` + "\n" + strings.Repeat("x", 1<<20), "internal-server-error"},
	} {
		conn, err := net.Dial("unix", control.Path(folder))
		if err != nil {
			t.Fatal(err)
		}
		var sending sync.WaitGroup
		sending.Go(func() { fmt.Fprintln(conn, c.send) }) // may be cut off
		answer := struct{ Error *struct{ Condition string } }{}
		in := bufio.NewScanner(conn)
		if in.Scan() {
			if err := json.Unmarshal(in.Bytes(), &answer); err != nil {
				t.Error(err)
			}
		}
		got := ""
		if answer.Error != nil {
			got = answer.Error.Condition
		}
		if got != c.want {
			t.Errorf("%.40q: got %q, want %q", c.send, got, c.want)
		}
		conn.Close()
		sending.Wait()
	}
}

// Close ends commands that are under way, and idle connections.
func TestCloseMeanwhile(t *testing.T) {
	folder, m := t.TempDir(), newMemory()
	m.block = make(chan struct{})
	s := listen(t, folder, m)
	idle, err := net.Dial("unix", control.Path(folder))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	c, err := control.Dial(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	removed := make(chan error, 1)
	go func() { removed <- c.Remove(t.Context(), alice) }()
	<-m.block
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-removed; err == nil {
		t.Error("removed all the same")
	}
	if err := c.Remove(t.Context(), alice); !errors.Is(err, control.ErrNotRunning) {
		t.Errorf("got %v", err)
	}
}

// Who asks may stop waiting.
func TestCancel(t *testing.T) {
	folder, m := t.TempDir(), newMemory()
	m.block = make(chan struct{})
	listen(t, folder, m)
	c, err := control.Dial(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-m.block; cancel() }()
	if err := c.Remove(ctx, alice); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
