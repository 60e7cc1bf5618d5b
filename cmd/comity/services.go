package main

import (
	"context"
	"errors"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xep/command"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// registry finds the registry at an address, or without one that of the user's server.
func (u *user) registry(ctx context.Context, at jid.JID) (*registry.Client, error) {
	at, g, err := u.service(ctx, at, registry.Space, "no registry of things")
	return &registry.Client{Requester: u, Registry: at, Generation: g}, err
}

// provisioning finds where the user's server takes what owners decide.
func (u *user) provisioning(ctx context.Context) (*provisioning.OwnerClient, error) {
	at, g, err := u.service(ctx, jid.JID{}, provisioning.OwnerSpace, "nothing that decides for owners of things")
	return &provisioning.OwnerClient{Requester: u, Service: at, Generation: g}, err
}

func (u *user) service(ctx context.Context, at jid.JID, protocol iot.Family, none string) (jid.JID, iot.Generation, error) {
	if !at.IsZero() {
		info, err := disco.GetInfo(ctx, u, at, "")
		return at, generationOf(info, protocol), err
	}
	domain := u.JID().DomainJID()
	at, info, err := disco.Find(ctx, u, domain, namespaces(protocol)...)
	if errors.Is(err, stanza.ItemNotFound) {
		err = advise(stanza.ItemNotFound.With("%s has %s", domain, none), "It takes a broker for things: an account at a Comity, for example.")
	}
	return at, generationOf(info, protocol), err
}

// command runs an ad-hoc command to its end, with what to fill in where it asks for something. It returns the last form, which may be
// nil, and what was noted.
func (u *user) command(ctx context.Context, at jid.JID, node string, values map[string][]string) (*form.Form, []command.Note, error) {
	s, err := command.Start(ctx, u, at, node)
	if err != nil {
		return nil, nil, err
	}
	if s.Status == command.Executing {
		if err := s.Complete(ctx, values); err != nil {
			return nil, nil, err
		}
	}
	return s.Form, s.Notes, nil
}

// cell returns the value of a column in a row of a table.
func cell(row []form.Field, name string) string {
	f := form.Form{Fields: row}
	return f.String(name)
}

// thingOf reads the columns that name a thing.
func thingOf(row []form.Field) (iot.Thing, error) {
	at, err := jid.Parse(cell(row, "thing"))
	return iot.Thing{JID: at, Node: iot.Node{ID: cell(row, "id"), Source: cell(row, "src"), Partition: cell(row, "pt")}}, err
}
