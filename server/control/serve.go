package control

import (
	"context"

	"github.com/comity-iot/comity/module"
)

// do carries out a request. What it returns ends the answer.
func (s *Server) do(ctx context.Context, l *lines, r *request) error {
	switch r.Op {
	case opCreate:
		if r.Account == nil {
			return errRequest
		}
		return s.admin.Create(ctx, *r.Account)
	case opCreateAll:
		return s.createAll(ctx, l)
	case opSetPassword:
		return s.admin.SetPassword(ctx, r.JID, r.Password)
	case opRemove:
		return s.admin.Remove(ctx, r.JID)
	case opList:
		return s.list(ctx, l, r)
	case opNewKey:
		key, err := s.admin.NewKey(ctx, r.Owner, r.Limit, r.Kind)
		if err != nil {
			return err
		}
		return l.send(reply{Key: &key})
	case opListKeys:
		return s.listKeys(ctx, l)
	case opDisableKey:
		return s.admin.DisableKey(ctx, r.ID, r.Disabled)
	}
	return errRequest
}

func (s *Server) list(ctx context.Context, l *lines, r *request) error {
	all, err := s.admin.List(ctx, r.After, min(r.Limit, maxPage))
	if err != nil {
		return err
	}
	for _, a := range all {
		if err := l.send(reply{Account: &a}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) listKeys(ctx context.Context, l *lines) error {
	all, err := s.admin.ListKeys(ctx)
	if err != nil {
		return err
	}
	for _, k := range all {
		k.Secret = "" // shown when it is made, never again
		if err := l.send(reply{Key: &k}); err != nil {
			return err
		}
	}
	return nil
}

// createAll takes accounts from the connection as they come, and never holds more than a page of them.
func (s *Server) createAll(ctx context.Context, l *lines) error {
	page, created := make([]module.NewAccount, 0, maxPage), 0
	flush := func() error {
		if len(page) == 0 {
			return nil
		}
		if err := s.admin.CreateAll(ctx, page, func(int) {}); err != nil {
			return err
		}
		created += len(page)
		page = page[:0]
		return l.send(reply{Created: created})
	}
	for {
		var next item
		if err := l.receive(&next); err != nil {
			return err
		}
		if next.Account == nil {
			return flush()
		}
		if page = append(page, *next.Account); len(page) == maxPage {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}
