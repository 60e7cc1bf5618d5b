package main

import (
	"os"
	"strings"
)

// event is a line for programs that started the broker.
type event struct {
	Event    string   `json:"event"` // "listening" or "ready", which is the last
	Listener string   `json:"listener,omitempty"`
	Address  string   `json:"address,omitempty"`
	TLS      string   `json:"tls,omitempty"` // "starttls" or "direct"
	Domains  []string `json:"domains,omitempty"`
	Data     string   `json:"data,omitempty"`
	Trust    string   `json:"trust,omitempty"` // file of the authority that the broker made for itself
	PID      int      `json:"pid,omitempty"`
}

// announce says where the broker listens, and that it is ready.
func (r *running) announce(e *env) error {
	for _, l := range r.ports {
		how := "starttls"
		if l.direct {
			how = "direct"
		}
		ev := event{Event: "listening", Listener: l.name, Address: l.Addr().String(), TLS: how}
		if err := e.tell(ev, "listening  %-8s %s (%s)", l.name, l.Addr(), l.secure); err != nil {
			return err
		}
	}
	ready := event{Event: "ready", Data: r.folder, PID: os.Getpid()}
	for _, d := range r.domains {
		ready.Domains = append(ready.Domains, d.String())
	}
	if r.settings.broker.Cert == "" {
		authority := localAuthority{folder: r.folder}
		ready.Trust = authority.path(authorityFile)
		e.say("trust      %s is the authority of the broker's own certificate: give it to clients", ready.Trust)
	}
	e.say("data       %s", r.folder)
	return e.tell(ready, "ready      %s", strings.Join(ready.Domains, ", "))
}
