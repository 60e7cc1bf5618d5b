package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"testing"
)

// The picture in the repository is what this program draws, and is well-formed.
func TestStory(t *testing.T) {
	var want bytes.Buffer
	if err := draw(&want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../story.svg")
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%v; to draw it anew: go run ./docs/story > docs/story.svg", err)
	}
	for d := xml.NewDecoder(&want); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// Nothing is said past somebody, for then the arrow would cross a third.
func TestNeighbours(t *testing.T) {
	for _, s := range story {
		if d := s.from - s.to; s.title == "" && d != 1 && d != -1 {
			t.Errorf("%s speaks past others: %q", names[s.from], s.lines)
		}
	}
}
