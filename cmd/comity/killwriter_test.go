package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
)

// writer writes one kind of thing as fast as it is acknowledged, and knows what must be there.
type writer struct {
	name string
	as   []string // the accounts that it uses
	// ready prepares new sessions; may be nil.
	ready func(context.Context, []*client.Session) error
	// next makes the n-th write, each part of which is a try.
	next func(ctx context.Context, s []*client.Session, n int) error
	// read returns what there was, and what there is after that.
	read func(context.Context, []*client.Session) (was, is map[string]string, err error)

	n            int
	sure         map[string]string // what was acknowledged, by key; empty for what must not be there
	doubt        map[string]string // what was written and not acknowledged
	acknowledged int
	doubtful     int
}

// try notes a write before and after.
func (w *writer) try(key, value string, write func() error) error {
	w.doubt[key] = value
	if err := write(); err != nil {
		return err
	}
	delete(w.doubt, key)
	w.sure[key] = value
	w.acknowledged++
	return nil
}

// write goes on until the broker is dead. begun is called once the first write is acknowledged, or cannot be.
func (w *writer) write(ctx context.Context, addr string, begun func()) error {
	defer begun()
	s, leave, err := w.enter(ctx, addr)
	if err != nil {
		return err
	}
	defer leave()
	for {
		w.n++
		if err := w.next(ctx, s, w.n); err != nil {
			return err
		}
		begun()
	}
}

// check holds what is there against what must be.
func (w *writer) check(t *testing.T, addr string) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, leave, err := w.enter(ctx, addr)
	if err != nil {
		return err
	}
	defer leave()
	got, now, err := w.read(ctx, s)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(merge(w.sure, w.doubt, got))) {
		doubt, doubtful := w.doubt[key]
		if got[key] == w.sure[key] || doubtful && got[key] == doubt {
			continue
		}
		t.Errorf("%s: %s is %q, and must be %q (under way %v, %q)", w.name, key, got[key], w.sure[key], doubtful, doubt)
	}
	w.doubtful += len(w.doubt)
	w.sure, w.doubt = now, map[string]string{}
	return nil
}

func merge(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

// enter logs in all accounts.
func (w *writer) enter(ctx context.Context, addr string) (all []*client.Session, leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	leave = func() {
		for _, s := range all {
			s.Close(context.WithoutCancel(ctx))
		}
	}
	for _, name := range w.as {
		s, err := client.Dial(ctx, client.Config{
			JID: jid.MustParse(name + "@example.org"), Password: killPassword, Addr: addr, AllowPlaintext: true,
		})
		if err != nil {
			leave()
			return nil, nil, fmt.Errorf("login of %s: %w", name, err)
		}
		all = append(all, s)
	}
	if w.ready != nil {
		if err := w.ready(ctx, all); err != nil {
			leave()
			return nil, nil, err
		}
	}
	return all, leave, nil
}
