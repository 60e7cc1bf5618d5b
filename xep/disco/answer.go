package disco

import (
	"context"
	"slices"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func (s *service) info(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	query, err := disco.ParseInfo(iq.Payload)
	if err != nil {
		return nil, err
	}
	at, err := s.admit(ctx, iq)
	if err != nil {
		return nil, err
	}
	info, err := s.about(ctx, at, iq, query.Node)
	if err != nil {
		return nil, err
	}
	info.Node = query.Node // XEP-0030#info-nodes: the response mirrors it
	return info.Element(), nil
}

// admit returns the place that a request is about, unless the sender may not know. XEP-0030#security
func (s *service) admit(ctx context.Context, iq *stanza.IQ) (module.Place, error) {
	if iq.Type != stanza.Get {
		return "", stanza.BadRequest // XEP-0030#info-basic
	}
	at := s.host.PlaceOf(iq.To)
	switch {
	case at == module.Account && !s.host.Roster.Sees(ctx, iq.From.Bare(), iq.To.Bare()):
		// As for an account that is not there, and of items too, where the document would have an empty list: the two must not be
		// told apart, and of an account that is not there RFC 6121 §8.5.1 has the last word.
		return "", stanza.ServiceUnavailable
	case at != module.Account && iq.To.Local() != "":
		return "", stanza.ItemNotFound // parts of a service, the service knows
	}
	return at, nil
}

// about returns what there is to say of a place, or a node there.
func (s *service) about(ctx context.Context, at module.Place, iq *stanza.IQ, node string) (*disco.Info, error) {
	if node == "" {
		info := s.host.Directory.Info(ctx, at, iq.To, iq.From)
		if at == module.Account && iq.From.Bare() == iq.To.Bare() {
			info = merge(info, s.host.Directory.Info(ctx, module.Own, iq.To, iq.From))
		}
		return &info, nil
	}
	if at == module.Domain {
		if info, caps, err := s.caps(ctx); err == nil && node == caps.InfoNode() {
			return &info, nil // XEP-0115#discover
		}
	}
	return s.aboutCommand(ctx, at, iq.From, node)
}

// merge adds to what everybody is told of an account what only the owner is.
func merge(all, own disco.Info) disco.Info {
	all.Identities = append(all.Identities, own.Identities...)
	all.Features = append(all.Features, own.Features...)
	slices.Sort(all.Features)
	all.Features = slices.Compact(all.Features)
	all.Forms = append(all.Forms, own.Forms...)
	return all
}

func (s *service) items(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	query, err := disco.ParseItems(iq.Payload)
	if err != nil {
		return nil, err
	}
	at, err := s.admit(ctx, iq)
	if err != nil {
		return nil, err
	}
	items := disco.Items{Node: query.Node}
	switch {
	case query.Node == nsCommands:
		items.Items = s.commandItems(ctx, at, iq)
	case query.Node != "":
		// A command has no items; what is not there has no node. XEP-0030#items-nodes
		if _, err := s.aboutCommand(ctx, at, iq.From, query.Node); err != nil {
			return nil, err
		}
	case at == module.Domain:
		items.Items = s.host.Directory.Items()
	}
	return items.Element(), nil
}
