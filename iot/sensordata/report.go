package sensordata

import (
	"iter"
	"slices"
	"time"

	"github.com/comity-iot/comity/iot"
)

// Report is what a thing told: readings and errors by node and time, in the order in which they came. The same node, and within
// it the same time, may come more than once.
type Report struct {
	Nodes []NodeReport
}

// NodeReport is what one node told. The zero Node is the thing itself.
type NodeReport struct {
	Node       iot.Node
	Timestamps []Timestamp
}

// Timestamp is what was at one time.
type Timestamp struct {
	Time     time.Time
	Readings []Reading
	Errors   []string // why there are no others, for people
}

// Sample is a reading with where and when it was taken.
type Sample struct {
	Node iot.Node
	Time time.Time
	Reading
}

// Fault is an error with where and when it occurred.
type Fault struct {
	Node iot.Node
	Time time.Time // zero if the thing did not say
	Text string
}

// Add adds readings of a node at a time.
func (r *Report) Add(n iot.Node, at time.Time, readings ...Reading) {
	ts := r.at(n, at)
	ts.Readings = append(ts.Readings, readings...)
}

// Fail adds an error of a node at a time.
func (r *Report) Fail(n iot.Node, at time.Time, text string) {
	ts := r.at(n, at)
	ts.Errors = append(ts.Errors, text)
}

// at returns the last timestamp if it is that of the node and time, else a new one.
func (r *Report) at(n iot.Node, at time.Time) *Timestamp {
	last := len(r.Nodes) - 1
	if last < 0 || r.Nodes[last].Node != n {
		r.Nodes = append(r.Nodes, NodeReport{Node: n})
		last++
	}
	node := &r.Nodes[last]
	if l := len(node.Timestamps); l == 0 || !node.Timestamps[l-1].Time.Equal(at) {
		node.Timestamps = append(node.Timestamps, Timestamp{Time: at})
	}
	return &node.Timestamps[len(node.Timestamps)-1]
}

// Merge adds what another report has, behind its own.
func (r *Report) Merge(more Report) { r.Nodes = append(r.Nodes, more.Nodes...) }

// Len returns the number of readings and errors.
func (r *Report) Len() int {
	n := 0
	for _, node := range r.Nodes {
		for _, ts := range node.Timestamps {
			n += len(ts.Readings) + len(ts.Errors)
		}
	}
	return n
}

// Samples yields all readings.
func (r *Report) Samples() iter.Seq[Sample] {
	return func(yield func(Sample) bool) {
		for _, node := range r.Nodes {
			for _, ts := range node.Timestamps {
				for _, reading := range ts.Readings {
					if !yield(Sample{node.Node, ts.Time, reading}) {
						return
					}
				}
			}
		}
	}
}

// Faults yields all errors.
func (r *Report) Faults() iter.Seq[Fault] {
	return func(yield func(Fault) bool) {
		for _, node := range r.Nodes {
			for _, ts := range node.Timestamps {
				for _, text := range ts.Errors {
					if !yield(Fault{node.Node, ts.Time, text}) {
						return
					}
				}
			}
		}
	}
}

// Latest returns the newest reading of the field, the better one of two of the same time; false where there is none.
func (r *Report) Latest(name string) (Sample, bool) {
	var latest Sample
	found := false
	for s := range r.Samples() {
		newer := s.Time.After(latest.Time) || s.Time.Equal(latest.Time) && s.Quality.Rank() > latest.Quality.Rank()
		if s.Name == name && (!found || newer) {
			latest, found = s, true
		}
	}
	return latest, found
}

// Filter returns the part of the report that was asked for: a thing takes a request as a hint, and may tell more
// (XEP-0323#usecases). All errors of the nodes that were asked for stay.
func (r *Report) Filter(req *Request) Report {
	var f Report
	for _, node := range r.Nodes {
		if !req.wantsNode(node.Node) {
			continue
		}
		for _, ts := range node.Timestamps {
			wanted := slices.DeleteFunc(slices.Clone(ts.Readings), func(r Reading) bool { return !req.Wants(ts.Time, r.Field) })
			if len(wanted) > 0 {
				f.Add(node.Node, ts.Time, wanted...)
			}
			for _, text := range ts.Errors {
				f.Fail(node.Node, ts.Time, text)
			}
		}
	}
	return f
}

// split returns the report in parts of at most size readings each, at least one part.
func (r *Report) split(size int) []Report {
	parts := []Report{{}}
	room := size
	for s := range r.Samples() {
		if room == 0 {
			parts, room = append(parts, Report{}), size
		}
		parts[len(parts)-1].Add(s.Node, s.Time, s.Reading)
		room--
	}
	for f := range r.Faults() {
		parts[len(parts)-1].Fail(f.Node, f.Time, f.Text)
	}
	return parts
}
