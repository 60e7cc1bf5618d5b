package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// watchEvery is how often there is a look for new questions. They come as messages too, but those are for the client in which the user
// chats: a message that is taken here would be missing there.
const watchEvery = 2 * time.Second

// watch answers questions as they come.
type watch struct {
	*user
	prov  *provisioning.OwnerClient
	seen  map[string]bool // keys that were shown
	lines <-chan string   // of the person, closed at the end of the input; nil where nobody answers
}

// run shows questions until the person has enough.
func (w *watch) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.lines = w.env.readLines(ctx)
	w.env.say("Questions about your things are shown as they come. Ctrl-C ends this.")
	for tick := time.NewTicker(watchEvery); ; {
		all, err := w.questions(ctx, w.prov.Service)
		if err != nil {
			return err
		}
		for _, q := range all {
			if w.seen[q.Key] {
				continue
			}
			w.seen[q.Key] = true
			if more, err := w.put(ctx, q); err != nil || !more {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-w.Done():
			return w.Err()
		case <-ctx.Done():
			return nil
		}
	}
}

const watchHelp = `  y  yes, for this caller        n        no
  d  yes, for its whole domain   f A,B    yes, but only these fields or parameters
  a  yes, for everybody          Enter    later
  q  quit`

// put puts one question to the person, and reports whether to go on.
func (w *watch) put(ctx context.Context, q question) (more bool, err error) {
	if err := w.env.tell(q.line(), "\n%s", q); err != nil {
		return false, err
	}
	for w.lines != nil {
		if !w.env.json {
			fmt.Fprint(w.env.stdout, "y, n, d, a, f FIELDS, Enter for later, ? for help: ")
		}
		select {
		case line, ok := <-w.lines:
			_, person := terminal(w.env.stdin)
			switch {
			case !ok && !person:
				w.lines = nil // of a program that only listens
				return true, nil
			case !ok || line == "q":
				return false, nil
			case line == "":
				return true, nil
			}
			v, ok := parseVerdict(line)
			if !ok || q.Op == provisioning.Befriend && len(v.names) > 0 {
				w.env.say("%s", watchHelp)
				continue
			}
			return true, w.decide(ctx, q, v)
		case <-w.Done():
			return false, w.Err()
		case <-ctx.Done():
			return false, nil
		}
	}
	return true, nil
}

// parseVerdict reads what a person answers.
func parseVerdict(line string) (verdict, bool) {
	word, rest, _ := strings.Cut(line, " ")
	switch strings.ToLower(word) {
	case "y", "yes", "allow":
		return verdict{allow: true}, rest == ""
	case "n", "no", "deny":
		return verdict{}, rest == ""
	case "d":
		return verdict{allow: true, who: provisioning.FromDomain}, rest == ""
	case "a":
		return verdict{allow: true, who: provisioning.FromAnyone}, rest == ""
	case "f":
		var names []string
		for name := range strings.SplitSeq(rest, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
		return verdict{allow: true, names: names}, len(names) > 0
	}
	return verdict{}, false
}

func (w *watch) decide(ctx context.Context, q question, v verdict) error {
	rule, err := w.answer(ctx, w.prov, q, v)
	if errors.Is(err, stanza.ItemNotFound) {
		w.env.say("This was answered elsewhere meanwhile.")
		return nil
	}
	if err != nil {
		return err
	}
	delete(w.seen, q.Key) // it may be asked anew when the rule is gone
	return w.env.tell(answerResult{q.line(), v.allow, rule}, "From now on %s.", rule)
}

// readLines reads the standard input until it ends, or ctx and whatever is being read.
func (e *env) readLines(ctx context.Context) <-chan string {
	lines := make(chan string)
	go func() { // ends with the program where nobody writes
		defer close(lines)
		in := bufio.NewScanner(e.stdin)
		for in.Scan() {
			select {
			case lines <- strings.TrimSpace(in.Text()):
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}
