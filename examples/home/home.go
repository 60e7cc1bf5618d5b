// Package home has the things of a home. They are declared here once: the examples run them one by one, and the story that
// `comity demo` tells is theirs. The third thing of the story, the machine that it runs on, is in package thing/machine.
package home

import (
	"context"

	"github.com/comity-iot/comity/thing"
)

// Maker makes them. A domain name of yours makes a maker unique.
const Maker = "maker.example"

// Sensor returns what is measured now.
type Sensor = func(context.Context) (thing.Value, error)
