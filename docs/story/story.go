// Command story draws the picture of the README: who says what to whom, from the making of a thing until its owner takes a
// permission back.
//
//	go run ./docs/story > docs/story.svg
package main

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"os"
	"strings"
)

// lane is one of those who speak, from left to right: everybody is beside whom they speak with.
type lane int

const (
	owner lane = iota
	broker
	thing
	neighbour
)

var names = [...]string{owner: "Owner", broker: "Broker", thing: "Thing", neighbour: "Neighbour"}

// step is a message, or the title of a scene where it has no lines.
type step struct {
	title    string
	from, to lane
	verdict  string // "yes", "no" or nothing: how the message is coloured
	lines    []string
}

// story is what is told. docs/owners.md and docs/things.md tell the same in words.
var story = [...]step{
	{title: "Made"},
	{from: thing, to: broker, lines: []string{"I am T-0042, signed", "with my maker's key."}},
	{title: "Claimed"},
	{from: owner, to: broker, lines: []string{"I have read the", "sticker: it is mine."}},
	{from: broker, to: thing, lines: []string{"You are Alice's."}},
	{title: "Asked"},
	{from: neighbour, to: thing, lines: []string{"Will you be", "my friend?"}},
	{from: thing, to: broker, lines: []string{"May Bob?"}},
	{from: broker, to: thing, verdict: "no", lines: []string{"No."}},
	{from: thing, to: neighbour, verdict: "no", lines: []string{"Not now."}},
	{from: broker, to: owner, lines: []string{"Bob asks."}},
	{from: owner, to: broker, verdict: "yes", lines: []string{"He may be a friend."}},
	{from: broker, to: thing, lines: []string{"Befriend Bob."}},
	{title: "Read"},
	{from: neighbour, to: thing, lines: []string{"Temperature?", "Humidity?"}},
	{from: thing, to: neighbour, verdict: "no", lines: []string{"Not now."}},
	{from: broker, to: owner, lines: []string{"May Bob read these?"}},
	{from: owner, to: broker, verdict: "yes", lines: []string{"The temperature only."}},
	{from: neighbour, to: thing, lines: []string{"Temperature?", "Humidity?"}},
	{from: thing, to: neighbour, verdict: "yes", lines: []string{"21.5 °C"}},
	{title: "Taken back"},
	{from: owner, to: broker, verdict: "no", lines: []string{"Not any more."}},
	{from: broker, to: thing, lines: []string{"Forget it."}},
	{from: neighbour, to: thing, lines: []string{"Temperature?"}},
	{from: thing, to: neighbour, verdict: "no", lines: []string{"No."}},
}

// Sizes are in units of which a phone shows about one a pixel.
const (
	width    = 360
	margin   = 44 // from the edge to the outer lanes
	head     = 56 // height of the names
	line     = 16 // height of a line of text
	gap      = 14 // between two messages
	glyph    = 7  // width of a letter, about
	titleGap = 34
)

const style = `
  .page { fill: #fff } .life { stroke: #d0d7de; stroke-width: 1.5 } .name { font-weight: 600; font-size: 12px }
  .scene { fill: #59636e; font-size: 12px; font-weight: 600; letter-spacing: .04em } .rule { stroke: #d0d7de; stroke-dasharray: 2 3 }
  text { font: 13px -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; fill: #1f2328; text-anchor: middle }
  .box { fill: #f6f8fa; stroke: #d0d7de } .arrow { stroke: #0969da; fill: none; stroke-width: 1.5 } .tip { fill: #0969da }
  .yes .arrow { stroke: #1a7f37 } .yes .tip, .yes text { fill: #1a7f37 } .no .arrow { stroke: #cf222e } .no .tip, .no text { fill: #cf222e }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .life, .rule, .box { stroke: #3d444d } .box { fill: #151b23 } text { fill: #f0f6fc } .scene { fill: #9198a1 }
    .arrow { stroke: #4493f8 } .tip { fill: #4493f8 }
    .yes .arrow { stroke: #3fb950 } .yes .tip, .yes text { fill: #3fb950 } .no .arrow { stroke: #f85149 } .no .tip, .no text { fill: #f85149 }
  }
`

func main() {
	if err := draw(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "story:", err)
		os.Exit(1)
	}
}

// draw writes the picture as SVG, with the story in words for who cannot see it.
func draw(w io.Writer) error {
	out := bufio.NewWriter(w)
	height := head + gap
	for _, s := range story {
		height += s.height()
	}
	fmt.Fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"title desc\">\n", width, height)
	fmt.Fprintf(out, "<title id=\"title\">A thing, its owner and a neighbour</title>\n<desc id=\"desc\">%s</desc>\n", html.EscapeString(words()))
	fmt.Fprintf(out, "<style>%s</style>\n<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n", style, width, height)
	for l, name := range names {
		x := lane(l).x()
		fmt.Fprintf(out, "<line class=\"life\" x1=\"%d\" y1=\"40\" x2=\"%d\" y2=\"%d\"/>\n", x, x, height-gap)
		fmt.Fprintf(out, "<rect class=\"box\" x=\"%d\" y=\"12\" width=\"80\" height=\"28\" rx=\"6\"/><text class=\"name\" x=\"%d\" y=\"31\">%s</text>\n", x-40, x, name)
	}
	y := head
	for _, s := range story {
		s.draw(out, y)
		y += s.height()
	}
	fmt.Fprintln(out, "</svg>")
	return out.Flush()
}

func (l lane) x() int { return margin + int(l)*(width-2*margin)/(len(names)-1) }

func (s step) height() int {
	if s.title != "" {
		return titleGap
	}
	return len(s.lines)*line + gap
}

func (s step) draw(out io.Writer, y int) {
	if s.title != "" {
		middle := y + titleGap/2
		half := len(s.title)*glyph/2 + 10
		fmt.Fprintf(out, "<line class=\"rule\" x1=\"8\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", width-8, middle, middle)
		fmt.Fprintf(out, "<rect class=\"page\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"16\"/>", width/2-half, middle-8, 2*half)
		fmt.Fprintf(out, "<text class=\"scene\" x=\"%d\" y=\"%d\">%s</text>\n", width/2, middle+4, html.EscapeString(s.title))
		return
	}
	fmt.Fprintf(out, "<g class=\"%s\">", s.verdict)
	center := (s.from.x() + s.to.x()) / 2
	for i, text := range s.lines {
		half := len([]rune(text))*glyph/2 + 3
		x := min(max(center, half+4), width-half-4) // inside the picture
		fmt.Fprintf(out, "<rect class=\"page\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", x-half, y+i*line, 2*half, line)
		fmt.Fprintf(out, "<text x=\"%d\" y=\"%d\">%s</text>", x, y+i*line+12, html.EscapeString(text))
	}
	end, toward := s.to.x(), 1
	if s.to < s.from {
		toward = -1
	}
	y += len(s.lines)*line + 4
	fmt.Fprintf(out, "<line class=\"arrow\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", s.from.x(), end-7*toward, y, y)
	fmt.Fprintf(out, "<path class=\"tip\" d=\"M%d %d l%d -4 v8 z\"/></g>\n", end, y, -8*toward)
}

// words tells the story in sentences.
func words() string {
	var all []string
	for _, s := range story {
		if s.title == "" {
			all = append(all, fmt.Sprintf("%s to %s: %s", names[s.from], strings.ToLower(names[s.to]), strings.Join(s.lines, " ")))
		}
	}
	return strings.Join(all, " ")
}
