package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/comity-iot/comity/cmd/comity/internal/demo"
)

// demoJoin says how to join in, for programs.
type demoJoin struct {
	Server   string   `json:"server"` // "host:port"
	Trust    string   `json:"trust"`  // file of the authority to trust
	Folder   string   `json:"folder"`
	People   []person `json:"people"`
	Things   []string `json:"things"`
	APIKey   string   `json:"apikey,omitempty"`
	Secret   string   `json:"secret,omitempty"`
	Accounts int      `json:"accounts,omitempty"` // that can still be made with the key
}

// person is somebody whose part can be taken.
type person struct {
	JID      string `json:"jid"`
	Password string `json:"password"`
	Profile  string `json:"profile"` // file
}

// stay tells how to join in, and waits for the end.
func (c *demoCmd) stay(ctx context.Context, e *env, r *running, show *demo.Show, played bool) error {
	people, err := c.profiles(r, show, played)
	if err != nil {
		return err
	}
	show.Rest()
	authority := localAuthority{folder: r.folder}
	thermometer, lamp, machine := show.Things()
	join := demoJoin{
		Server: r.ports[0].Addr().String(), Trust: authority.path(authorityFile), Folder: r.folder, People: people,
		Things: []string{thermometer.String(), lamp.String(), machine.String()},
	}
	if !played {
		k := show.Key()
		join.APIKey, join.Secret, join.Accounts = k.ID, k.Secret, k.Limit-len(join.Things)
	}
	if err := e.tell(join, "%s", join.text(c.Data != "")); err != nil {
		return err
	}
	select {
	case err := <-r.broker.Failed():
		return err
	case <-ctx.Done():
		e.say("\nThe end.")
		return nil
	}
}

// profiles writes those of the people, or brings those of a story that was played before up to date.
func (c *demoCmd) profiles(r *running, show *demo.Show, played bool) ([]person, error) {
	var all []person
	for i, name := range []string{demoOwner, demoOther} {
		file := filepath.Join(r.folder, name)
		p := profile{}
		if played {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			if err := toml.Unmarshal(text, &p); err != nil {
				return nil, profileMistake(file, err)
			}
		} else {
			alice, bob := show.People()
			who := []demo.Person{alice, bob}[i]
			p = profile{JID: who.Account.String(), Password: who.Password, CA: authorityFile}
		}
		p.Addr = r.ports[0].Addr().String()
		text, err := toml.Marshal(p)
		if err := errors.Join(err, writeOver(file, text)); err != nil {
			return nil, err
		}
		all = append(all, person{p.JID, p.Password, file})
	}
	return all, nil
}

// text is the same for people.
func (j demoJoin) text(kept bool) string {
	var b strings.Builder
	self := selfName()
	owner, other := j.People[0], j.People[1]
	host, port, _ := strings.Cut(j.Server, ":")
	fmt.Fprintf(&b, "\nNow it is your turn, until Ctrl-C. What you do is told here too.\n\n")
	fmt.Fprintf(&b, "Any XMPP client on this machine\n")
	fmt.Fprintf(&b, "  server     %s, port %s, STARTTLS\n", host, port)
	fmt.Fprintf(&b, "  trust      %s\n", j.Trust)
	fmt.Fprintf(&b, "  owner      %s   password %s\n", owner.JID, owner.Password)
	fmt.Fprintf(&b, "  neighbour  %s     password %s\n", other.JID, other.Password)
	fmt.Fprintf(&b, "  As the owner, write ? to %s\n", j.Things[1])
	fmt.Fprintf(&b, "\nThe command line, in another window\n")
	fmt.Fprintf(&b, "  %s friends --profile %s\n", self, owner.Profile)
	fmt.Fprintf(&b, "  %s read %s --profile %s\n", self, j.Things[2], owner.Profile)
	fmt.Fprintf(&b, "  %s set %s Relay=true --profile %s\n", self, j.Things[1], other.Profile)
	fmt.Fprintf(&b, "  %s read %s --profile %s\n", self, j.Things[0], other.Profile)
	fmt.Fprintf(&b, "  %s questions --watch --profile %s\n", self, owner.Profile)
	if j.Accounts > 0 {
		fmt.Fprintf(&b, "\nA thing of your own, of which this key makes %d more\n", j.Accounts)
		fmt.Fprintf(&b, "  %s thing run --broker %s --addr %s --ca %s \\\n    --api-key %s --secret %s\n",
			self, demoDomain, j.Server, j.Trust, j.APIKey, j.Secret)
	}
	if kept {
		fmt.Fprintf(&b, "\nAll is kept in %s\n", j.Folder)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// selfName is how people call this program.
func selfName() string {
	path, err := os.Executable()
	if err == nil && strings.Contains(path, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/comity"
	}
	return "comity"
}
