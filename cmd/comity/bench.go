package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/comity-iot/comity/cmd/comity/internal/bench"
	"github.com/comity-iot/comity/module"
)

// benchCmd measures what load costs an XMPP server.
type benchCmd struct {
	Run      benchRunCmd      `cmd:"" default:"withargs" help:"Load a server and say what it cost (the default)."`
	Accounts benchAccountsCmd `cmd:"" help:"Write the accounts that the load needs, for the server to import."`
	Compare  benchCompareCmd  `cmd:"" help:"Make one table of the results of several servers."`
}

// benchAccountFlags say which accounts there are.
type benchAccountFlags struct {
	User     string `default:"u%05d" placeholder:"PATTERN" help:"Names of the accounts, with a place for their number, from 0 [${default}]."`
	Password string `default:"comity-bench" placeholder:"P" help:"Password of all of them [${default}]. For tests only, as it stands in the list of processes."`
	Domain   string `default:"localhost" placeholder:"D" help:"Domain of the accounts [${default}]."`
}

func (f *benchAccountFlags) pattern() (bench.Accounts, error) {
	return bench.PatternAccounts(f.User, f.Password, f.Domain)
}

// benchRunCmd runs scenarios.
type benchRunCmd struct {
	Scenario []string `arg:"" optional:"" name:"scenario" help:"coldstart, idle, login, chat, iq, fanout, pubsub, telemetry, slow, or all."`

	Server  string `default:"127.0.0.1:5222" placeholder:"ADDR" help:"Where the server listens: an address of this machine, and no other [${default}]."`
	Direct  bool   `help:"Streams start with TLS there, without STARTTLS."`
	CA      string `name:"ca" placeholder:"FILE" help:"Authority of the server's certificate, PEM. Of a comity without --cert: ca.pem in its data folder."`
	PID     int    `name:"pid" placeholder:"N" help:"The server's process. Without it: the one that listens at the address."`
	Command string `placeholder:"CMD" help:"Start the server with this command line, and end it, for each scenario; for idle and coldstart in each round. It has to stay in the foreground."`

	benchAccountFlags `embed:""`
	Accounts          string `placeholder:"FILE" help:"Accounts to use instead: lines \"JID PASSWORD\", all of one domain."`

	N           int           `name:"n" placeholder:"N" help:"Sessions, pairs, contacts, subscribers, things: what the scenario counts. Without it, its own number."`
	Rounds      int           `default:"5" placeholder:"N" help:"Rounds [${default}]."`
	Duration    time.Duration `default:"10s" placeholder:"D" help:"Length of a round [${default}]."`
	Warmup      time.Duration `default:"3s" placeholder:"D" help:"Load before the first round [${default}]."`
	Settle      time.Duration `default:"10s" placeholder:"D" help:"Silence before memory is read [${default}]."`
	Window      int           `default:"16" placeholder:"N" help:"chat: messages in flight per busy pair [${default}]."`
	Period      time.Duration `default:"30s" placeholder:"D" help:"telemetry: between two messages of a thing [${default}]."`
	Collectors  int           `default:"4" placeholder:"N" help:"telemetry: who the things talk to [${default}]."`
	Contacts    int           `placeholder:"N" help:"idle: contacts in each roster, subscribed to each other; made if they are not there. An even number, such as 10."`
	SM          bool          `name:"sm" help:"idle: turn on stream management (XEP-0198)."`
	PostQuantum bool          `help:"Offer the post-quantum key exchange too (X25519MLKEM768)."`
	PubSub      string        `name:"pubsub-service" placeholder:"JID" help:"pubsub: the service. Without it: one of the domain, or the account (PEP)."`
	Parallel    int           `default:"8" placeholder:"N" help:"Logins at a time [${default}]."`
	Out         string        `placeholder:"FILE" help:"Append the results to this file too, as JSON, for \"comity bench compare\"."`
}

// Help is shown by --help.
func (benchRunCmd) Help() string {
	var b bytes.Buffer
	fmt.Fprint(&b, `Loads any XMPP server on this machine by standard protocol, and reads what that costs the server from /proc: processor time, memory. Figures are medians of the rounds. Servers are only to be compared on one machine that does nothing else. Scenarios:

`)
	for _, s := range bench.Scenarios() {
		fmt.Fprintf(&b, "  %-10s %s (n: %d)\n", s.Name, s.About, s.N)
	}
	fmt.Fprint(&b, `
To begin, with a broker of our own and 2,000 accounts:

  comity serve --domain localhost --data ./data --c2s 127.0.0.1:5222 --no-limits &
  comity bench accounts --n 2000 > accounts.txt
  comity account add --from accounts.txt --data ./data
  comity bench chat iq fanout --ca ./data/ca.pem

With --json each result is one line of JSON. "comity bench compare" makes one table of what --out has written for several servers.`)
	return b.String()
}

// Run loads the server. What was found out before an error or Ctrl-C is shown all the same.
func (c *benchRunCmd) Run(ctx context.Context, e *env) error {
	if len(c.Scenario) == 0 {
		return usageError(errors.New("no scenario given"), "Write: comity bench chat, or: comity bench all\nSee: comity bench --help")
	}
	o, err := c.options(e)
	if err != nil {
		return adviseBench(err)
	}
	var results []*bench.Result
	o.Result = func(r *bench.Result) error {
		results = append(results, r)
		if c.Out != "" {
			if err := appendJSON(c.Out, r); err != nil {
				return err
			}
		}
		if e.json {
			return e.tell(r, "")
		}
		return nil
	}
	err = bench.Run(ctx, o, c.Scenario...)
	clearLine(e)
	if !e.json && len(results) > 0 {
		err = errors.Join(err, bench.WriteTable(e.stdout, results))
	}
	return adviseBench(err)
}

func (c *benchRunCmd) options(e *env) (bench.Options, error) {
	o := bench.Options{
		Direct: c.Direct, Domain: c.Domain, PID: c.PID, Command: c.Command,
		N: c.N, Rounds: c.Rounds, Duration: c.Duration, Warmup: c.Warmup, Settle: c.Settle, Window: c.Window, Period: c.Period,
		Collectors: c.Collectors, Contacts: c.Contacts, SM: c.SM, PostQuantum: c.PostQuantum, PubSub: c.PubSub, Parallel: c.Parallel,
		Progress: benchProgress(e),
	}
	var err error
	if o.Server, err = bench.ParseServer(c.Server); err != nil {
		return o, err
	}
	if c.Accounts == "" {
		o.Accounts, err = c.pattern()
	} else {
		o.Accounts, o.Domain, err = readBenchAccounts(c.Accounts)
	}
	if err != nil || c.CA == "" {
		return o, err
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return o, err
	}
	o.Roots = x509.NewCertPool()
	if !o.Roots.AppendCertsFromPEM(pem) {
		return o, usageError(fmt.Errorf("%s holds no certificate", c.CA), "It has to be in PEM, with a line BEGIN CERTIFICATE.")
	}
	return o, nil
}

// readBenchAccounts reads a file such as "comity bench accounts" writes. The domain is that of the first.
func readBenchAccounts(file string) (bench.Accounts, string, error) {
	f, err := os.Open(file)
	if err != nil {
		return bench.Accounts{}, "", err
	}
	defer f.Close()
	all, err := readAccounts(file, f, module.Person, false)
	if err != nil {
		return bench.Accounts{}, "", err
	}
	list := make([]bench.Account, len(all))
	for i, a := range all {
		list[i] = bench.Account{JID: a.JID, Password: a.Password}
	}
	return bench.ListAccounts(list), list[0].JID.Domain(), nil
}

// benchProgress shows on a terminal what is going on.
func benchProgress(e *env) func(string) {
	if _, ok := terminal(e.stderr); !ok {
		return nil
	}
	return func(text string) { fmt.Fprintf(e.stderr, "\r\033[K%s", text) }
}

func clearLine(e *env) {
	if _, ok := terminal(e.stderr); ok {
		fmt.Fprint(e.stderr, "\r\033[K")
	}
}

// adviseBench adds to an error what to do about it.
func adviseBench(err error) error {
	var told *bench.Error
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("stopped")
	case errors.As(err, &told):
		return advise(err, "%s", told.Next)
	}
	return err
}
