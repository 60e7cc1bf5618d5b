package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/comity-iot/comity/iot/sensordata"
)

// readings prints parts of a report as they come: the first decides how wide the columns are.
type readings struct {
	env    *env
	widths [4]int // of name, value, unit and time
}

// readingLine is a reading for programs.
type readingLine struct {
	Node       string    `json:"node,omitempty"` // behind the address
	Name       string    `json:"name"`
	Value      any       `json:"value"` // a number with the digits that the thing gave it, true or false, or text
	Unit       string    `json:"unit,omitempty"`
	Type       string    `json:"type"`
	Time       time.Time `json:"time"`
	Quality    []string  `json:"quality,omitempty"` // none: read out automatically
	Categories []string  `json:"categories,omitempty"`
	Writable   bool      `json:"writable,omitempty"`
}

// print prints a part. Errors in it are left to the end.
func (r *readings) print(part sensordata.Report) error {
	if r.env.json {
		for s := range part.Samples() {
			if err := r.env.tell(lineOfSample(s), ""); err != nil {
				return err
			}
		}
		return nil
	}
	rows := [][4]string{}
	if r.widths[0] == 0 {
		rows = append(rows, [4]string{"FIELD", "VALUE", "UNIT", "TIME"})
	}
	qualities := make([]string, len(rows), len(rows)+1)
	if len(rows) > 0 {
		qualities[0] = "QUALITY"
	}
	for s := range part.Samples() {
		name := s.Name
		if !s.Node.IsZero() {
			name = s.Node.String() + ": " + name
		}
		rows = append(rows, [4]string{plain(name), plain(s.Value), plain(s.Unit), s.Time.Local().Format(time.DateTime)})
		qualities = append(qualities, strings.Join(qualityWords(s.Quality), ", "))
	}
	if len(rows) == 1 && r.widths[0] == 0 {
		return nil // nothing yet to put under the head
	}
	r.fit(rows)
	for i, row := range rows {
		w := r.widths
		line := fmt.Sprintf("%-*s  %*s  %-*s  %-*s  %s", w[0], row[0], w[1], row[1], w[2], row[2], w[3], row[3], qualities[i])
		if _, err := fmt.Fprintln(r.env.stdout, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

// fit makes the columns wide enough for the first rows.
func (r *readings) fit(rows [][4]string) {
	if r.widths[0] > 0 {
		return
	}
	for _, row := range rows {
		for i, text := range row {
			r.widths[i] = max(r.widths[i], utf8.RuneCountInString(text))
		}
	}
}

func lineOfSample(s sensordata.Sample) readingLine {
	line := readingLine{
		Node: s.Node.String(), Name: s.Name, Value: valueOf(s.Reading), Unit: s.Unit, Type: s.Type.String(),
		Time: s.Time, Writable: s.Writable,
	}
	if s.Quality != 0 && s.Quality != sensordata.AutomaticReadout {
		line.Quality = qualityWords(s.Quality)
	}
	if c := s.Categories.String(); c != "" {
		line.Categories = strings.Split(c, ", ")
	}
	return line
}

// valueOf returns a value as JSON has it. A number keeps its digits, which tell how precise it is.
func valueOf(r sensordata.Reading) any {
	switch r.Type {
	case sensordata.Numeric, sensordata.Int, sensordata.Long:
		if json.Valid([]byte(r.Value)) { // not INF, and not +1
			return json.Number(r.Value)
		}
	case sensordata.Boolean:
		if b, err := r.Bool(); err == nil {
			return b
		}
	}
	return r.Value
}

// qualityWords returns the flags for people, the most reliable first.
func qualityWords(q sensordata.Quality) (words []string) {
	if q == 0 {
		return []string{"automatic"}
	}
	for _, f := range []struct {
		flag sensordata.Quality
		word string
	}{
		{sensordata.InvoiceConfirmed, "invoice confirmed"},
		{sensordata.Invoiced, "invoiced"},
		{sensordata.Signed, "signed off"},
		{sensordata.AutomaticReadout, "automatic"},
		{sensordata.ManualReadout, "manual"},
		{sensordata.ManualEstimate, "manual estimate"},
		{sensordata.AutomaticEstimate, "automatic estimate"},
		{sensordata.InProgress, "in progress"},
		{sensordata.Missing, "missing"},
		{sensordata.Error, "error"},
		{sensordata.Warning, "warning"},
		{sensordata.TimeOffset, "time offset"},
		{sensordata.PowerFailure, "power failure"},
		{sensordata.EndOfSeries, "end of series"},
	} {
		if q&f.flag != 0 {
			words = append(words, f.word)
		}
	}
	return words
}
