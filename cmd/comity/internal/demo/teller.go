package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// width is how many columns a terminal has at least.
const width = 80

// Style says how the story is printed.
type Style struct {
	ASCII   bool // nothing but ASCII
	Colours bool // those of a terminal
	JSON    bool // a line of JSON for each step and each thing that is said, for programs
}

// teller prints the story. What it is told comes from one goroutine; names are given by others.
type teller struct {
	out   io.Writer
	style Style
	words interpreter

	mu    sync.Mutex
	names map[jid.JID]string // of bare addresses
}

func newTeller(out io.Writer, style Style) *teller {
	t := &teller{out: out, style: style, names: map[jid.JID]string{}}
	t.words = interpreter{name: t.name, open: map[string]*stanza.Stanza{}, why: map[asked]string{}}
	return t
}

// call gives a party a name.
func (t *teller) call(who jid.JID, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names[who.Bare()] = name
}

// name returns what a party is called: as it was named, or by the first part of its address.
func (t *teller) name(who jid.JID) string {
	t.mu.Lock()
	name := t.names[who.Bare()]
	t.mu.Unlock()
	if name == "" {
		name = who.Local()
	}
	if name == "" {
		name = who.Domain()
	}
	return name
}

// tell prints an event, if it is of interest.
func (t *teller) tell(e event) {
	switch {
	case e.line != nil:
		e.line(t)
	case e.verdict != nil:
		t.words.heard(*e.verdict)
	default:
		if text := t.words.says(e.stanza); text != "" {
			t.said(t.name(e.stanza.From), t.name(e.stanza.To), text)
		}
	}
}

// line is what programs read.
type line struct {
	Step  int    `json:"step,omitempty"`
	Title string `json:"title,omitempty"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	Says  string `json:"says,omitempty"`
	Note  string `json:"note,omitempty"`
}

func (t *teller) json(l line) { json.NewEncoder(t.out).Encode(l) }

// step begins a step.
func (t *teller) step(no int, title string) {
	if t.style.JSON {
		t.json(line{Step: no, Title: title})
		return
	}
	head := fmt.Sprintf("%2d  %s", no, title)
	if t.style.Colours {
		head = "\x1b[1m" + head + "\x1b[0m"
	}
	fmt.Fprintf(t.out, "\n%s\n", head)
}

// The columns of what is said: who, to whom, what.
const (
	indent    = "    "
	nameWidth = 12
	saidAt    = len(indent) + nameWidth + 4 + nameWidth + 2
)

// said prints what one says to another.
func (t *teller) said(from, to, text string) {
	if t.style.JSON {
		t.json(line{From: from, To: to, Says: text})
		return
	}
	arrow := " → "
	if t.style.ASCII {
		arrow = " -> "
	}
	head := fmt.Sprintf("%s%-*s%s%-*s  ", indent, nameWidth, t.clean(from), arrow, nameWidth, t.clean(to))
	t.wrap(head, text)
}

// note prints what the story has found out, or explains.
func (t *teller) note(text string) {
	if t.style.JSON {
		t.json(line{Note: text})
		return
	}
	t.wrap(indent+"  ", text)
}

// code prints the sticker of a thing.
func (t *teller) code(name, claim string, code []string) {
	if t.style.JSON {
		t.json(line{Note: "QR code of the " + name, From: name, Says: claim})
		return
	}
	fmt.Fprintf(t.out, "\n%sQR code of the %s:\n\n", indent, name)
	for _, l := range code {
		fmt.Fprintln(t.out, indent+l)
	}
	fmt.Fprintf(t.out, "\n%s\n", claim) // on a line of its own, whole, so that it can be copied
}

// wrap prints text behind a head, with lines that follow below its beginning. Lines of the text stay lines.
func (t *teller) wrap(head, text string) {
	at := utf8.RuneCountInString(head)
	for paragraph := range strings.SplitSeq(text, "\n") {
		for _, l := range fold(t.clean(paragraph), width-at) {
			fmt.Fprintln(t.out, strings.TrimRight(head+l, " "))
			head = strings.Repeat(" ", at)
		}
	}
}

// clean makes text of others fit to be printed: nothing in it commands the terminal, and where that is wanted it is ASCII.
func (t *teller) clean(text string) string {
	if t.style.ASCII {
		text = inASCII.Replace(text)
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || t.style.ASCII && r > unicode.MaxASCII:
			return '?'
		}
		return r
	}, text)
}

// inASCII replaces what there is a way to write.
var inASCII = strings.NewReplacer("“", `"`, "”", `"`, "’", "'", "…", "...", "–", "-", "°C", "degC")

// fold cuts text into lines of at most n columns, between words where that is possible. There is one line at least.
func fold(text string, n int) (lines []string) {
	rest := []rune(text)
	for len(rest) > n {
		cut := n
		for i := n; i > n/3; i-- {
			if rest[i] == ' ' {
				cut = i
				break
			}
		}
		lines = append(lines, string(rest[:cut]))
		rest = []rune(strings.TrimLeft(string(rest[cut:]), " "))
	}
	return append(lines, string(rest))
}
