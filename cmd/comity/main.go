// Command comity is the broker and its command line in one program: "comity init" and "comity serve" for operators, "comity account"
// and "comity apikey" for who may log in. Every command has --help.
//
// A file holds one command or one thing that several need; cli.go lists the commands, modules.go the features.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	e := &env{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(), signals: signals,
	}
	os.Exit(int(run(context.Background(), e, os.Args[1:])))
}
