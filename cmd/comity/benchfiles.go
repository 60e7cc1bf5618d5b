package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/comity-iot/comity/cmd/comity/internal/bench"
)

func appendJSON(file string, value any) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(f).Encode(value), f.Close())
}

// benchAccountsCmd writes accounts.
type benchAccountsCmd struct {
	benchAccountFlags `embed:""`
	N                 int    `name:"n" default:"10000" placeholder:"N" help:"How many [${default}]."`
	Format            string `enum:"lines,xep0227" default:"lines" help:"lines: JID PASSWORD, for comity account add --from. xep0227: XML, for ejabberdctl import_piefxis."`
	Prosody           string `placeholder:"DIR" help:"Write them into the data folder of a Prosody with internal_hashed authentication and internal storage, such as /var/lib/prosody, instead."`
}

// Help is shown by --help.
func (benchAccountsCmd) Help() string {
	return `comity:    comity bench accounts --n 10000 | comity account add --from -
Prosody:   comity bench accounts --n 10000 --prosody /var/lib/prosody
ejabberd:  comity bench accounts --n 10000 --format xep0227 > users.xml && ejabberdctl import_piefxis $PWD/users.xml

idle needs as many accounts as sessions, chat and iq twice as many as pairs, the others a few more than n.`
}

// Run writes them.
func (c *benchAccountsCmd) Run(e *env) error {
	a, err := c.pattern()
	if err != nil {
		return adviseBench(err)
	}
	if c.N < 1 || c.N > bench.MaxN {
		return usageError(fmt.Errorf("n is from 1 to %d", bench.MaxN), "See: comity bench accounts --help")
	}
	switch {
	case c.Prosody != "":
		if err := a.WriteProsody(c.Prosody, c.N); err != nil {
			return err
		}
		return e.tell(bulkResult{Accounts: c.N}, "%d accounts are in %s. They have to belong to the user that Prosody runs as.", c.N, filepath.Clean(c.Prosody))
	case c.Format == "xep0227":
		return a.WriteXML(e.stdout, c.N)
	}
	return a.WriteLines(e.stdout, c.N)
}

// benchCompareCmd compares servers.
type benchCompareCmd struct {
	Files []string `arg:"" name:"file" help:"Files that --out wrote, one for each server."`
}

// Run writes a table in Markdown.
func (c *benchCompareCmd) Run(e *env) error {
	servers := make([][]*bench.Result, len(c.Files))
	for i, name := range c.Files {
		var err error
		if servers[i], err = readResults(name); err != nil {
			return err
		}
	}
	return bench.WriteComparison(e.stdout, servers)
}

func readResults(name string) ([]*bench.Result, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []*bench.Result
	for in := json.NewDecoder(f); ; {
		r := &bench.Result{}
		err := in.Decode(r)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, advise(fmt.Errorf("%s: %w", name, err), "It has to be a file that comity bench --out wrote.")
		}
		all = append(all, r)
	}
}
