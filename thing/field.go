package thing

import (
	"context"
	"strings"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/sensordata"
)

// Field is something that a thing can tell. Name and Read are required; zero in any other field means the default, in brackets.
type Field struct {
	Name       string         // unique in the thing: "Temperature"
	Unit       string         // of numbers: "°C" [none]
	Categories iot.Categories // what kind of values it has [Momentary]
	Timeout    time.Duration  // of one Read [10 s]

	// Read returns the value of now. It must return when ctx ends. Of its error only a *stanza.Error's text is told to who
	// asked; the log has all of it.
	Read func(ctx context.Context) (Value, error)
}

// What kinds of values there are; a field may be of several. XEP-0323#fieldtypes
const (
	Momentary = iot.Momentary // of now
	Peak      = iot.Peak      // the largest or least of a period
	Status    = iot.Status    // of the thing itself: how it is
	Computed  = iot.Computed  // not measured
	Identity  = iot.Identity  // who or where the thing is
)

// callLimit is how long a function of the maker may take, unless said otherwise.
const callLimit = 10 * time.Second

// field is a Field, or a parameter that can be read.
type field struct {
	Field
	writable bool // a parameter has the same name
}

// Field declares something that the thing can tell. A mistake in it is an error of Run.
func (t *Thing) Field(f Field) {
	switch {
	case !goodName(f.Name):
		t.mistaken("the field %q cannot have this name", f.Name)
	case f.Read == nil:
		t.mistaken("the field %q has no Read", f.Name)
	case t.findField(f.Name) != nil && !t.findField(f.Name).writable:
		t.mistaken("two fields are %q", f.Name)
	default:
		t.addField(f)
	}
}

// addField puts a field in the place of one that a parameter of the same name brought, else behind the others.
func (t *Thing) addField(f Field) {
	if f.Categories == 0 {
		f.Categories = Momentary
	}
	if f.Timeout == 0 {
		f.Timeout = callLimit
	}
	if old := t.findField(f.Name); old != nil {
		old.Field = f
		return
	}
	t.fields = append(t.fields, field{Field: f, writable: t.findParameter(f.Name) != nil})
}

// goodName reports whether a field or parameter may be called s.
func goodName(s string) bool {
	return s != "" && len(s) <= sensordata.MaxName && s == strings.TrimSpace(s) && !strings.ContainsAny(s, "\r\n=")
}

// findField returns the field of that name, or nil.
func (t *Thing) findField(name string) *field {
	for i := range t.fields {
		if t.fields[i].Name == name {
			return &t.fields[i]
		}
	}
	return nil
}

// reading returns a value as one of the field. Only a Numeric has a unit, so that an integer with one is told as that.
func (f *field) reading(v Value) sensordata.Reading {
	r := v.reading
	r.Name, r.Categories, r.Writable = f.Name, f.Categories, f.writable
	switch r.Type {
	case sensordata.Int, sensordata.Long:
		if f.Unit != "" {
			r.Type, r.Unit = sensordata.Numeric, f.Unit
		}
	case sensordata.Numeric:
		r.Unit = f.Unit
	}
	return r
}

// shape is the field as a request is held against: without a value.
func (f *field) shape() sensordata.Field {
	return sensordata.Field{Name: f.Name, Categories: f.Categories}
}
