package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server"
	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/spec/transcript"
	"github.com/comity-iot/comity/store/sqlite"
	"github.com/comity-iot/comity/xep/signing"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// transcripts is the folder of what is played.
const transcripts = "../../spec/transcripts"

// fewest is how many transcripts there are at least, so that none gets lost.
const fewest = 160

// parkings are the ways in which idle streams may wait. docs/adr/0005-parking.md
var parkings = map[string]time.Duration{
	"parked after a second": 0,                      // as the broker does by itself, where the platform allows it
	"parked at once":        200 * time.Microsecond, // long enough for a read
	"never parked":          c2s.ParkNever,
	"deaf":                  c2s.ParkDeaf,
}

// TestTranscripts plays every transcript against the broker with all its features, in each way in which streams may wait. The brokers
// leave nothing behind when they are closed.
func TestTranscripts(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	t.Run("waiting", func(t *testing.T) {
		for name, parking := range parkings {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				files, err := transcript.Load(transcripts)
				if err != nil {
					t.Fatal(err)
				}
				peer, closeBroker := transcriptPeer(t, parking)
				defer closeBroker()
				report := transcript.Suite(t, files, peer)
				if len(report.Skipped) > 0 || len(report.Ran) < fewest {
					t.Errorf("not all that the broker is to pass: %v", report)
				}
			})
		}
	})
	if err := goleak.Find(leaks); err != nil {
		t.Error(err)
	}
}

// A stream that waits has a goroutine or has none, as it is said: it would tell nothing to play transcripts in ways that are all the
// same.
func TestParkings(t *testing.T) {
	for name, parking := range parkings {
		t.Run(name, func(t *testing.T) {
			peer, closeBroker := transcriptPeer(t, parking)
			defer closeBroker()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			account, password, err := peer.Account(ctx, "alice")
			if err != nil {
				t.Fatal(err)
			}
			socket, err := peer.Dial(ctx)
			if err != nil {
				t.Fatal(err)
			}
			conn := transport.NewTCP(socket, xmlstream.Limits{})
			defer conn.Close()
			if _, err := (stream.Initiator{JID: account, Password: password, TLS: peer.TLS}).Negotiate(ctx, conn); err != nil {
				t.Fatal(err)
			}
			if parking < 0 || runtime.GOOS != "linux" {
				for range 100 { // in which it might be parked
					if n := onGoroutines(); n != 1 {
						t.Fatalf("%d streams have a goroutine, want 1", n)
					}
				}
				return
			}
			for onGoroutines() > 0 {
				if ctx.Err() != nil {
					t.Fatal("the stream keeps its goroutine")
				}
			}
		})
	}
}

// onGoroutines counts the streams of clients that have a session and a goroutine.
func onGoroutines() int {
	var all strings.Builder
	pprof.Lookup("goroutine").WriteTo(&all, 2)
	return strings.Count(all.String(), "/c2s.(*clientStream).run(")
}

// transcriptPeer is the broker as transcripts see it, with TLS, on the loopback interface.
func transcriptPeer(t *testing.T, parking time.Duration) (*transcript.Peer, func()) {
	t.Helper()
	ctx := context.Background()
	domain := jid.MustParse("example.org")
	db, err := sqlite.OpenEphemeral(ctx)
	if err != nil {
		t.Fatal(err)
	}
	certs, roots := transcriptCertificates(t, domain)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	b, err := server.Open(ctx, server.Options{
		Domains: []jid.JID{domain}, DB: db, Secret: secret, Modules: modules(), C2S: c2s.Defaults(), Certificate: certs.get,
		Parking: parking,
		Log:     slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.ServeClients(ctx, l, false)
	accounts := &transcriptAccounts{broker: b, domain: domain}
	peer := &transcript.Peer{
		Domain:   domain.String(),
		Services: map[string]string{"discovery": "discovery." + domain.String()},
		TLS:      &tls.Config{RootCAs: roots},
		Dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
		},
		Account: accounts.create, Unused: accounts.name, Key: accounts.key,
		Functions: map[string]transcript.Function{"sign": signForm},
	}
	return peer, func() {
		within, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		l.Close()
		b.Close(within)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func transcriptCertificates(t *testing.T, domain jid.JID) (*certificates, *x509.CertPool) {
	t.Helper()
	authority, err := newLocalAuthority(t.TempDir(), []jid.JID{domain}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := authority.ensure(); err != nil {
		t.Fatal(err)
	}
	certs := &certificates{}
	if err := certs.load(authority.path(localCertFile), authority.path(localKeyFile)); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(authority.path(authorityFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate of the authority")
	}
	return certs, roots
}

// transcriptAccounts gives each file accounts of its own.
type transcriptAccounts struct {
	broker *server.Broker
	domain jid.JID
}

func (a *transcriptAccounts) name(_ context.Context, name string) (jid.JID, string, error) {
	bare, err := jid.New(name+"-"+strings.ToLower(rand.Text()[:8]), a.domain.Domain(), "")
	return bare, rand.Text(), err
}

func (a *transcriptAccounts) create(ctx context.Context, name string) (jid.JID, string, error) {
	bare, password, err := a.name(ctx, name)
	if err != nil {
		return bare, "", err
	}
	err = a.broker.Accounts.Create(ctx, module.NewAccount{JID: bare, Password: password, Kind: module.Person})
	return bare, password, err
}

func (a *transcriptAccounts) key(ctx context.Context, limit int) (id, secret string, err error) {
	k, err := a.broker.Accounts.NewKey(ctx, "transcripts", limit, module.Thing)
	return k.ID, k.Secret, err
}

// signForm returns the signature under a form that asks for an account: words are key=, secret=, token=, token-secret=, nonce=, at=,
// username= and password=. XEP-0348#signature
func signForm(words []string) (string, error) {
	w := map[string]string{}
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			return "", errors.New("sign takes words like key=value")
		}
		w[key] = value
	}
	at, err := strconv.ParseInt(w["at"], 10, 64)
	if err != nil {
		return "", err
	}
	submit := form.New(form.TypeSubmit, signing.FormType)
	submit.Set("username", w["username"])
	submit.Set("password", w["password"])
	signed, err := signing.Sign(submit, signing.Key{ID: w["key"], Secret: w["secret"]},
		signing.Token{ID: w["token"], Secret: w["token-secret"]}, w["nonce"], time.Unix(at, 0), w["to"])
	if err != nil {
		return "", err
	}
	return signed.String("oauth_signature"), nil
}
