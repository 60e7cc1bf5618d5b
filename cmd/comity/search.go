package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// searchCmd finds public things.
type searchCmd struct {
	Terms        []string `arg:"" name:"tag=value" help:"What the things' tags must be, or a search as an iotdisco: URI."`
	Limit        int      `default:"100" placeholder:"N" help:"List so many things at most."`
	Offset       int      `placeholder:"N" help:"Leave out so many first."`
	Registry     string   `placeholder:"JID" help:"Where to search, if not at your own server."`
	profileFlags `embed:""`
}

// Help is shown by --help.
func (searchCmd) Help() string {
	return `All conditions must hold. # before a name says that the tag is a number; a shell wants quotes around < > and #:

  comity search MAN=maker.example '#V>=1.0'    = <> < <= > >= compare
  comity search 'CITY~st*'                     ~ is a mask, in which * is any text
  comity search '#LAT>=55' '#LAT<=69'          a range; with the ends exchanged, all outside of it`
}

// foundLine is a thing that was found, for programs.
type foundLine struct {
	JID  string         `json:"jid"`
	Node string         `json:"node,omitempty"` // behind the address
	Tags map[string]any `json:"tags"`           // texts and numbers
}

// Run lists what is found, a page at a time.
func (c *searchCmd) Run(ctx context.Context, e *env) error {
	if c.Limit < 1 || c.Offset < 0 {
		return usageError(errors.New("--limit is 1 or more, and --offset 0 or more"), "See: comity search --help")
	}
	uri, err := parseSearch(c.Terms)
	if err != nil {
		return err
	}
	if c.Registry != "" {
		if uri.Registry, err = jid.Parse(c.Registry); err != nil {
			return usageError(err, "Write the address of a registry: --registry discovery.example.org")
		}
	}
	u, err := c.login(ctx, e)
	if err != nil {
		return err
	}
	defer u.close()
	reg, err := u.registry(ctx, uri.Registry)
	if err != nil {
		return err
	}
	n := 0
	wanted := registry.Search{Page: iot.Page{Offset: c.Offset, MaxCount: min(c.Limit, 100)}, Operators: uri.Search}
	for t, err := range reg.Search(ctx, wanted) {
		if err != nil {
			return fmt.Errorf("search at %s: %w", reg.Registry, err)
		}
		if n == c.Limit {
			e.say("There are more: --offset %d", c.Offset+n)
			break
		}
		if err := e.tell(lineOfFound(t), "%s\n    %s", t.Thing, tagText(t.Tags)); err != nil {
			return err
		}
		n++
	}
	if n == 0 {
		return advise(stanza.ItemNotFound.With("no public thing at %s is like that", reg.Registry),
			"Things that their owners keep to themselves are not found.")
	}
	return nil
}

// parseSearch reads conditions, each as in an iotdisco URI but without its encoding, or such a URI.
func parseSearch(terms []string) (registry.URI, error) {
	text := terms[0]
	if len(terms) > 1 || !strings.HasPrefix(strings.ToLower(text), "iotdisco:") {
		items := make([]string, len(terms))
		for i, term := range terms {
			items[i] = encodeTerm(term)
		}
		text = "iotdisco:" + strings.Join(items, ";")
	}
	uri, err := registry.ParseURI(text)
	switch {
	case err != nil:
		return uri, usageError(err, "Write TAG=VALUE, such as MAN=maker.example or '#V>=1.0'. See: comity search --help")
	case uri.IsClaim():
		return uri, usageError(errors.New("this is a claim: it names KEY, which nobody can search for"), "To become the owner: comity claim 'iotdisco:…'")
	}
	return uri, nil
}

// encodeTerm writes a condition as an item of a URI. The wildcard of masks is *.
func encodeTerm(term string) string {
	i := strings.IndexAny(term, "=<>~")
	if i < 0 {
		return term // which is a mistake, told by who reads it
	}
	name, rest := term[:i], term[i:]
	op := rest[:1]
	if strings.HasPrefix(rest, "<>") || strings.HasPrefix(rest, "<=") || strings.HasPrefix(rest, ">=") {
		op = rest[:2]
	}
	value := rest[len(op):]
	if op == "~" {
		parts := strings.Split(value, "*")
		for i := range parts {
			parts[i] = url.PathEscape(parts[i])
		}
		return name + "~*" + strings.Join(parts, "*")
	}
	return name + op + url.PathEscape(value)
}

func lineOfFound(t registry.Listed) foundLine {
	line := foundLine{JID: t.Thing.JID.String(), Node: t.Thing.Node.String(), Tags: map[string]any{}}
	for tag := range t.Tags.All() {
		if line.Tags[tag.Name] = tag.Text; tag.Numeric {
			line.Tags[tag.Name] = tag.Number
		}
	}
	return line
}

// tagText shows tags on one line.
func tagText(tags registry.Tags) string {
	var all []string
	for tag := range tags.All() {
		text := plain(tag.Text)
		if text == "" || strings.ContainsAny(text, " \t") {
			text = fmt.Sprintf("%q", text)
		}
		all = append(all, plain(tag.Name)+"="+text)
	}
	return strings.Join(all, " ")
}
