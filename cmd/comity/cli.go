package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the grammar of the command line. A command is a struct with its flags and a Run method, in a file of its own.
type cli struct {
	JSON bool     `name:"json" help:"Print JSON for programs, one value a line."`
	Help helpFlag `short:"h" help:"Explain the command."`

	Init    initCmd    `cmd:"" help:"Set up a broker for a domain: settings, data folder, first operator, DNS records."`
	Serve   serveCmd   `cmd:"" help:"Run the broker."`
	Config  configCmd  `cmd:"" help:"Print every setting in force and where it comes from."`
	Account accountCmd `cmd:"" help:"Accounts: who may log in."`
	APIKey  apikeyCmd  `cmd:"" name:"apikey" help:"API keys, with which makers let their things create accounts."`

	Demo      demoCmd      `cmd:"" help:"Play a story with a broker, things and people on this machine, then join in."`
	Claim     claimCmd     `cmd:"" help:"Become the owner of a thing, by its QR code."`
	Questions questionsCmd `cmd:"" help:"Who wants what of your things: list and answer the open questions."`
	Rules     rulesCmd     `cmd:"" help:"What you have decided about your things."`
	Friends   friendsCmd   `cmd:"" help:"Your friends, people and things: list, add, remove."`
	Search    searchCmd    `cmd:"" help:"Find public things by their tags."`
	Read      readCmd      `cmd:"" help:"Read a sensor."`
	Set       setCmd       `cmd:"" help:"Command an actuator."`
	Thing     thingCmd     `cmd:"" help:"Make a thing of this machine."`

	Version versionCmd `cmd:"" help:"Print the version."`
	Bench   benchCmd   `cmd:"" help:"Load an XMPP server on this machine and say what that costs it."`
}

const description = `Comity is an open broker for the Internet of Things over XMPP.

New here? "comity demo" shows what it is about. "comity init example.org" sets up a broker, "comity serve" runs it.

Exit codes: 0 done, 1 failed, 2 wrong arguments or settings, 3 not found, 4 refused, 5 no answer.`

// errHelp ends the parsing after help was printed.
var errHelp = errors.New("help")

type helpFlag bool

// BeforeReset is called by kong where the flag is found.
func (helpFlag) BeforeReset(k *kong.Context) error {
	if err := k.PrintUsage(false); err != nil {
		return err
	}
	return errHelp
}

// run carries out one command line and returns the code to exit with.
func run(ctx context.Context, e *env, args []string) exitCode {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("comity"), kong.Description(description), kong.NoDefaultHelp(),
		kong.Writers(e.stdout, e.stderr), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Bind(e), kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return e.report(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	e.json = c.JSON || err != nil && slices.Contains(args, "--json")
	switch {
	case errors.Is(err, errHelp):
		return done
	case err != nil:
		return e.report(usageError(err, "%s", helpFor(err)))
	}
	if command.Command() != "serve" { // which has its own way to end
		ctx, stop := e.untilSignal(ctx)
		defer stop()
		command.BindTo(ctx, (*context.Context)(nil))
	}
	return e.report(command.RunNode(command.Selected()))
}

// helpFor says how to see the help of the command that was not understood.
func helpFor(err error) string {
	command := "comity"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Command() != "" {
		command = parse.Context.Selected().FullPath()
	}
	return fmt.Sprintf("See: %s --help", command)
}

// untilSignal ends the context at the first signal that asks to stop.
func (e *env) untilSignal(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-e.signals:
				if s == os.Interrupt || s == syscall.SIGTERM {
					cancel()
				}
			}
		}
	}()
	return ctx, func() { cancel(); <-done }
}
