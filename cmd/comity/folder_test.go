package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
)

func text(v any) string { return fmt.Sprint(v) }

func mustDomains(t *testing.T, names ...string) (all []jid.JID) {
	t.Helper()
	for _, name := range names {
		d, err := parseDomain(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

func TestSecret(t *testing.T) {
	folder := t.TempDir()
	first, err := readSecret(folder)
	if err != nil || len(first) != secretBytes {
		t.Fatal(first, err)
	}
	path := filepath.Join(folder, secretFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if again, err := readSecret(folder); err != nil || !bytes.Equal(again, first) {
		t.Errorf("another secret, %v", err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		var own *advised
		if _, err := readSecret(folder); !errors.As(err, &own) || own.advice != "If nobody has read it: chmod 600 "+path {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	os.Remove(path)
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readSecret(folder); err == nil {
		t.Error("a short secret is taken")
	}
	if left, _ := os.ReadDir(folder); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// A database whose key is lost is not given another one: what was sealed with the old would be lost without a word.
func TestSecretLost(t *testing.T) {
	data := t.TempDir()
	must(t, "account", "add", "a@example.org", "--generate", "--data", data)
	os.Remove(filepath.Join(data, secretFile))
	o := comity(t, "account", "list", "--data", data)
	if o.code != failed || !strings.Contains(o.err, "backup") {
		t.Errorf("code %d: %s", o.code, o.err)
	}
}

// A folder that has another use too keeps its permissions.
func TestMakeFolder(t *testing.T) {
	dir := t.TempDir()
	used := filepath.Join(dir, "used")
	if err := os.MkdirAll(filepath.Join(used, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]fs.FileMode{used: 0o755, empty: 0o700, filepath.Join(dir, "a", "b"): 0o700} {
		if err := makeFolder(folder); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", folder, info, err)
		}
	}
}

func TestWriteNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := writeNew(path, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := writeNew(path, []byte("two")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(path); string(got) != "one" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if err := writeOver(path, []byte("three")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); string(got) != "three" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLocalAuthority(t *testing.T) {
	folder, now := t.TempDir(), time.Now()
	ensure := func(at time.Time, domains ...string) (string, *x509.Certificate, []byte) {
		t.Helper()
		a, err := newLocalAuthority(folder, mustDomains(t, domains...), at)
		if err != nil {
			t.Fatal(err)
		}
		did, err := a.ensure()
		if err != nil {
			t.Fatal(err)
		}
		pair, err := tls.LoadX509KeyPair(a.path(localCertFile), a.path(localKeyFile))
		if err != nil {
			t.Fatal(err)
		}
		ca, err := os.ReadFile(a.path(authorityFile))
		if err != nil {
			t.Fatal(err)
		}
		return did, pair.Leaf, ca
	}
	did, leaf, ca := ensure(now, "example.org", "bücher.example", "192.0.2.7", "[2001:db8::1]")
	if did != "an authority and a certificate by it" {
		t.Errorf("did %q", did)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	for name, want := range map[string]bool{
		"example.org": true, "discovery.example.org": true, "xn--bcher-kva.example": true, "localhost": true,
		"192.0.2.7": true, "2001:db8::1": true, "example.com": false, "a.b.example.org": false,
	} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left := leaf.NotAfter.Sub(now); left < 364*day || left > 366*day {
		t.Errorf("good for %s", left)
	}
	if did, same, _ := ensure(now, "example.org"); did != "" || !same.Equal(leaf) {
		t.Errorf("nothing to do, but did %q", did)
	}

	late := now.Add(localLife - 10*day)
	did, next, sameCA := ensure(late, "example.org")
	if !strings.HasPrefix(did, "a new certificate") || next.Equal(leaf) || !bytes.Equal(ca, sameCA) {
		t.Errorf("before it expires: did %q", did)
	}
	if err := os.WriteFile(filepath.Join(folder, localKeyFile), nil, 0o600); err != nil { // torn
		t.Fatal(err)
	}
	if did, _, sameCA := ensure(late, "example.org"); !strings.HasPrefix(did, "a new certificate") || !bytes.Equal(ca, sameCA) {
		t.Errorf("torn: did %q", did)
	}
	did, _, otherCA := ensure(late, "example.org", "example.net")
	if !strings.HasPrefix(did, "a new authority") || bytes.Equal(ca, otherCA) {
		t.Errorf("another domain: did %q", did)
	}
}

// Who trusts the authority trusts it with the broker's domains only, even if its key is stolen.
func TestLocalAuthorityConstrained(t *testing.T) {
	folder := t.TempDir()
	a, err := newLocalAuthority(folder, mustDomains(t, "example.org"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ca, err := a.found()
	if err != nil {
		t.Fatal(err)
	}
	a.names = []string{"bank.example"}
	if err := a.issue(ca); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(a.path(localCertFile), a.path(localKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: "bank.example", Roots: roots}); err == nil {
		t.Error("a certificate for another's domain is good")
	}
}
