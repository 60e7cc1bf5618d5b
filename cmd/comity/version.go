package main

import (
	"runtime"
	"runtime/debug"
)

// versionCmd prints what program this is.
type versionCmd struct{}

// build tells a program from another.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"` // of the revision
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Run prints what the Go tool wrote into the program.
func (versionCmd) Run(e *env) error {
	b := thisBuild()
	text := "comity " + b.Version
	if b.Revision != "" {
		text += ", revision " + b.Revision
	}
	return e.tell(b, "%s\n%s, %s", text, b.Go, b.Platform)
}

func thisBuild() build {
	b := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		}
	}
	return b
}
