package transcript

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// parseStep reads one step.
func (f *File) parseStep(l line) (action, error) {
	text := l.joined()
	if text == "all settle" {
		return settle{}, nil
	}
	who, rest, _ := strings.Cut(text, " ")
	if who == "let" {
		return parseLet(rest)
	}
	if b, ok := strings.CutSuffix(rest, " are friends"); ok {
		b, ok = strings.CutPrefix(b, "and ")
		if !ok || !f.hasAccount(who) || !f.hasAccount(b) || strings.Contains(who+b, "/") {
			return nil, errors.New("friends are two accounts")
		}
		return befriend{who, b}, nil
	}
	switch {
	case isRaw(who):
		if a, err := f.parseRaw(who, rest); a != nil || err != nil {
			return a, err
		}
	case !f.hasAccount(who):
		return nil, fmt.Errorf("%q is no account of this file, nor a raw stream", who)
	default:
		if a, err := parseSession(who, rest); a != nil || err != nil {
			return a, err
		}
	}
	return parseAny(who, rest, l)
}

// parseSession reads what only accounts do.
func parseSession(who, rest string) (action, error) {
	if rest == "connects" {
		return connect{who}, nil
	}
	if p, ok := strings.CutPrefix(rest, "is available"); ok {
		if p == "" {
			return available{who: who}, nil
		}
		n, ok := strings.CutPrefix(p, ", priority ")
		priority, err := strconv.ParseInt(n, 10, 8)
		if !ok || err != nil {
			return nil, errors.New("the priority is a number of 8 bits")
		}
		return available{who, int(priority)}, nil
	}
	if text, ok := strings.CutPrefix(rest, "may receive:"); ok {
		p, err := parsePatterns(text)
		if err == nil && len(p) != 1 {
			err = errors.New("may receive one element at a time")
		}
		if err != nil {
			return nil, err
		}
		return permitted{who, p[0]}, nil
	}
	return nil, nil
}

// parseRaw reads what only raw streams do.
func (f *File) parseRaw(who, rest string) (action, error) {
	switch rest {
	case "connects":
		return rawConnect{who}, nil
	case "opens":
		return rawOpen{who}, nil
	case "starts TLS":
		return rawTLS{who}, nil
	case "restarts":
		return rawRestart{who}, nil
	}
	if attrs, ok := strings.CutPrefix(rest, "receives header:"); ok {
		p, err := parsePatterns("<stream:stream " + attrs + "/>")
		if err != nil {
			return nil, err
		}
		return rawHeader{who, p[0]}, nil
	}
	login := rawLogin{who: who, mechanism: "SCRAM-SHA-256"}
	as, ok := strings.CutPrefix(rest, "logs in as ")
	if !ok {
		if as, ok = strings.CutPrefix(rest, "fails to log in as "); !ok {
			return nil, nil
		}
		as, login.condition, ok = strings.Cut(as, ": ")
		if !ok {
			return nil, errors.New("a login fails with a condition")
		}
	}
	if account, m, ok := strings.Cut(as, " using "); ok {
		as, login.mechanism = account, m
	}
	login.account = as
	return login, nil
}

// parseAny reads what all parties do.
func parseAny(who, rest string, l line) (action, error) {
	switch rest {
	case "disconnects":
		return disconnect{who: who}, nil
	case "drops":
		return disconnect{who: who, cut: true}, nil
	case "receives nothing":
		return silence{who}, nil
	case "is closed":
		return ended{who: who}, nil
	case "is cut":
		return ended{who: who, cut: true}, nil
	}
	verb, text, ok := strings.Cut(rest, ":")
	text = strings.TrimSpace(text)
	switch {
	case !ok:
	case verb == "sends":
		t, err := parseTemplate(text)
		return send{who, t}, err
	case verb == "receives":
		p, err := parsePatterns(text)
		if err == nil && len(p) != 1 {
			err = errors.New("receives one element at a time")
		}
		return receive{who: who, want: p}, err
	case verb == "receives in any order" || verb == "receives one of":
		p, err := parsePatterns(strings.Join(l.more, "\n"))
		if err == nil && len(p) < 2 {
			err = errors.New("an order needs two elements, and so does a choice")
		}
		return receive{who, p, verb == "receives one of"}, err
	case verb == "receives stream error":
		return streamError{who, text}, nil
	}
	return nil, fmt.Errorf("%s does not know how to %q", who, verb)
}

func parseLet(rest string) (action, error) {
	name, call, ok := strings.Cut(rest, " = ")
	words := strings.Fields(call)
	if !ok || !nameForm.MatchString(name) || len(words) == 0 {
		return nil, errors.New(`not of the form "let name = function words"`)
	}
	a := let{name: name, function: words[0]}
	for _, w := range words[1:] {
		t, err := parseTemplate(w)
		if err != nil {
			return nil, err
		}
		a.args = append(a.args, t)
	}
	return a, nil
}
