package thing_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// A name is the model's and something random, as a bare JID can have it.
func TestAccountName(t *testing.T) {
	live(t, nil, func(w *world) {
		names := w.broker.Accounts()
		if len(names) != 1 || !regexp.MustCompile(`^test-lamp-[a-z2-7]{8}$`).MatchString(names[0]) {
			w.Errorf("accounts %q", names)
		}
		if w.thing.JID() != w.broker.Thing().Bare() {
			w.Errorf("JID = %q; the broker has %q", w.thing.JID(), w.broker.Thing())
		}
	})
}

// XEP-0077#usecases-register: a name that is taken is a conflict, and a new thing takes another.
func TestAccountNameTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.broker.Refuse(2)
		w.start()
		defer w.end()
		w.must(w.broker.Registered(w.ctx))
		if n := len(w.broker.Accounts()); n != 1 {
			w.Errorf("%d accounts", n)
		}
	})
}

func TestAccountNamesAllTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.broker.Refuse(100)
		if err := w.thing.Run(w.ctx, w.config); !errors.Is(err, stanza.Conflict) {
			w.Errorf("Run = %v; want conflict", err)
		}
	})
}

// After a restart it is the same thing: same account, same key, same owner.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		before, err := w.broker.Registered(w.ctx)
		w.ok(err)
		w.ok(w.broker.Claim(w.ctx, w.owner))
		account := w.thing.JID()
		w.end()
		if !w.thing.JID().IsZero() || w.thing.Claim() != "" || w.thing.Friends() != nil {
			t.Error("a thing that does not run has an address, a claim or friends")
		}

		w.start()
		defer w.end()
		after, err := w.broker.Registered(w.ctx)
		w.ok(err)
		if w.thing.JID() != account || len(w.broker.Accounts()) != 1 {
			t.Errorf("was %s, is %s", account, w.thing.JID())
		}
		if string(before.CanonicalKey()) != string(after.CanonicalKey()) {
			t.Errorf("registered %v, and then %v", before, after)
		}
		if w.thing.Owner() != w.owner.JID.Bare() {
			t.Errorf("the owner is %q", w.thing.Owner())
		}
	})
}

// An account that was the thing's is never exchanged for another: who knows the thing knows it by that.
func TestAccountOfAnotherPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.must(w.broker.Registered(w.ctx))
		w.end()
		changeState(t, w.dir, func(s map[string]any) { s["password"] = "another" })
		if err := w.thing.Run(w.ctx, w.config); !errors.Is(err, stanza.Conflict) {
			t.Errorf("Run = %v; want conflict", err)
		}
		if n := len(w.broker.Accounts()); n != 1 {
			t.Errorf("%d accounts", n)
		}
	})
}

// A broker that has lost its accounts gets the same one again.
func TestAccountLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.must(w.broker.Registered(w.ctx))
		account := w.thing.JID()
		w.end()
		w.broker.RemoveAccounts()
		w.start()
		defer w.end()
		w.must(w.broker.Registered(w.ctx))
		if w.thing.JID() != account {
			t.Errorf("was %s, is %s", account, w.thing.JID())
		}
	})
}

// XEP-0348#ibr: a form that is not signed as it must be is refused, and that is for the maker to know.
func TestWrongKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.config.Secret = "wrong"
		if err := w.thing.Run(w.ctx, w.config); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("with a wrong secret: Run = %v; want bad-request", err)
		}
		w.config.APIKey = ""
		if err := w.thing.Run(w.ctx, w.config); !errors.Is(err, client.ErrConfig) {
			t.Errorf("without a key: Run = %v; want ErrConfig", err)
		}
	})
}

func TestStateOfAnotherBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.must(w.broker.Registered(w.ctx))
		w.end()
		w.config.Broker = "elsewhere.example"
		if err := w.thing.Run(w.ctx, w.config); !errors.Is(err, thing.ErrConfig) || !strings.Contains(err.Error(), "folder") {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestGivenAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.config.Account, w.config.Password = "lamp1", "by the operator"
		w.start()
		defer w.end()
		w.must(w.broker.Registered(w.ctx))
		if w.thing.JID().Local() != "lamp1" {
			t.Errorf("JID = %s", w.thing.JID())
		}
	})
}

// The file has secrets, and is whole whatever happens.
func TestStateFile(t *testing.T) {
	live(t, nil, func(w *world) {
		synctest.Wait()
		info, err := os.Stat(filepath.Join(w.dir, "thing.json"))
		w.ok(err)
		if info.Mode().Perm() != 0o600 {
			w.Errorf("mode %v", info.Mode())
		}
		entries, err := os.ReadDir(w.dir)
		w.ok(err)
		if len(entries) != 1 {
			w.Errorf("%d files are left in the folder", len(entries))
		}
	})
}

func TestBrokenStateFile(t *testing.T) {
	for name, content := range map[string]string{
		"no JSON": "{", "not a thing's": "{}", "no address": `{"key":"k","account":"@"}`, "empty": "",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "thing.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		err := thing.New(about).Run(t.Context(), thing.Config{Broker: "broker.example", State: dir})
		if err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%s: Run = %v", name, err)
		}
		// What somebody may still want to mend is not overwritten.
		if got, _ := os.ReadFile(filepath.Join(dir, "thing.json")); string(got) != content {
			t.Errorf("%s: the file is now %q", name, got)
		}
	}
}

func TestBadConfig(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]thing.Config{
		"no broker":         {State: dir},
		"no domain":         {State: dir, Broker: "user@broker.example"},
		"malformed":         {State: dir, Broker: "@"},
		"no state":          {Broker: "broker.example"},
		"only half a login": {State: dir, Broker: "broker.example", Account: "x"},
	} {
		if err := thing.New(about).Run(t.Context(), c); !errors.Is(err, thing.ErrConfig) {
			t.Errorf("%s: Run = %v; want ErrConfig", name, err)
		}
	}
	good := thing.Config{State: dir, Broker: "broker.example"}
	for name, a := range map[string]thing.About{
		"no serial": {Maker: "m", Model: "m"},
		"bad tag":   {Serial: "1", Maker: "m", Model: "m", Tags: []registry.Tag{registry.Str("A B", "x")}},
		"tag twice": {Serial: "1", Maker: "m", Model: "m", Tags: []registry.Tag{registry.Str("sn", "x")}},
	} {
		if err := thing.New(a).Run(t.Context(), good); !errors.Is(err, thing.ErrConfig) {
			t.Errorf("%s: Run = %v; want ErrConfig", name, err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("a thing that cannot be meant has left %v", entries)
	}
}

func TestRunTwice(t *testing.T) {
	live(t, nil, func(w *world) {
		if err := w.thing.Run(w.ctx, w.config); !errors.Is(err, thing.ErrRunning) {
			w.Errorf("Run = %v; want ErrRunning", err)
		}
	})
}

// changeState edits the file as somebody with an editor could.
func changeState(t *testing.T, dir string, change func(map[string]any)) {
	t.Helper()
	path := filepath.Join(dir, "thing.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	change(s)
	if data, err = json.Marshal(s); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFromEnvironment(t *testing.T) {
	for _, name := range []string{"BROKER", "ADDR", "API_KEY", "API_SECRET", "ACCOUNT", "PASSWORD", "STATE", "CA"} {
		t.Setenv("THING_"+name, "the "+name)
	}
	t.Setenv("STATE_DIRECTORY", "/var/lib/thing")
	c := thing.FromEnvironment()
	for got, want := range map[string]string{
		c.Broker: "the BROKER", c.Addr: "the ADDR", c.APIKey: "the API_KEY", c.Secret: "the API_SECRET",
		c.Account: "the ACCOUNT", c.Password: "the PASSWORD", c.State: "the STATE",
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	if c.TLS == nil || c.TLS.RootCAs == nil || !c.TLS.RootCAs.Equal(x509.NewCertPool()) {
		t.Error("without the authority that was asked for, others are trusted")
	}
	t.Setenv("THING_STATE", "")
	if c := thing.FromEnvironment(); c.State != "/var/lib/thing" {
		t.Errorf("State = %q; want systemd's", c.State)
	}
	t.Setenv("STATE_DIRECTORY", "")
	if c := thing.FromEnvironment(); c.State != "thing-state" {
		t.Errorf("State = %q", c.State)
	}
}

// No secret gets into a log.
func TestSecretsAreNotLogged(t *testing.T) {
	var out strings.Builder
	c := thing.Config{Broker: "broker.example", APIKey: "key", Secret: "s3cr3t", Password: "p4ssw0rd"}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", c)
	if strings.Contains(out.String(), "s3cr3t") || strings.Contains(out.String(), "p4ssw0rd") || !strings.Contains(out.String(), "broker.example") {
		t.Error(out.String())
	}
}
