package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
)

// Client does what Admin says through the socket of a running broker, with a connection for each command.
type Client struct{ folder string }

var _ Admin = (*Client)(nil)

// Dial finds the broker that runs on a data folder. Errors: ErrNotRunning where none answers, fs.ErrPermission where it is
// another user's.
func Dial(ctx context.Context, folder string) (*Client, error) {
	c := &Client{folder}
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	return c, conn.Close()
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	short, release, err := shorten(c.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	defer release()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", filepath.Join(short, socketName))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED): // none, or left behind by one that was killed
		return nil, ErrNotRunning
	case err != nil:
		return nil, fmt.Errorf("control: %w", err)
	}
	return conn, nil
}

// call sends a request and gives each line of the answer but the last to line, which may be nil.
func (c *Client) call(ctx context.Context, r request, line func(reply)) error {
	return c.stream(ctx, r, nil, line)
}

// stream is a call with more lines behind the request. They are sent while the answer is read.
func (c *Client) stream(ctx context.Context, r request, more func(*lines) error, line func(reply)) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	l := newLines(conn)
	if err := l.send(r); err != nil {
		return c.lost(ctx, err)
	}
	sent := make(chan error, 1)
	go func() {
		if more == nil {
			sent <- nil
			return
		}
		sent <- more(l)
	}()
	err = c.answer(ctx, l, line)
	conn.Close() // the broker has said its last word
	if e := <-sent; err == nil && e != nil {
		err = c.lost(ctx, e)
	}
	return err
}

func (c *Client) answer(ctx context.Context, l *lines, line func(reply)) error {
	for {
		var p reply
		if err := l.receive(&p); err != nil {
			return c.lost(ctx, err)
		}
		switch {
		case p.Error != nil:
			return p.Error.err()
		case p.Done:
			return nil
		case line != nil:
			line(p)
		}
	}
}

// lost explains an answer that did not come.
func (c *Client) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("control: the broker at %s did not answer: %w", c.folder, err)
}

// Create implements Admin.
func (c *Client) Create(ctx context.Context, n module.NewAccount) error {
	return c.call(ctx, request{Op: opCreate, Account: &n}, nil)
}

// CreateAll implements Admin.
func (c *Client) CreateAll(ctx context.Context, all []module.NewAccount, done func(int)) error {
	send := func(l *lines) error {
		for i := range all {
			if err := l.send(item{&all[i]}); err != nil {
				return err
			}
		}
		return l.send(item{})
	}
	return c.stream(ctx, request{Op: opCreateAll}, send, func(p reply) { done(p.Created) })
}

// SetPassword implements Admin.
func (c *Client) SetPassword(ctx context.Context, bare jid.JID, password string) error {
	return c.call(ctx, request{Op: opSetPassword, JID: bare, Password: password}, nil)
}

// Remove implements Admin.
func (c *Client) Remove(ctx context.Context, bare jid.JID) error {
	return c.call(ctx, request{Op: opRemove, JID: bare}, nil)
}

// List implements Admin. It may return fewer than limit though there are more: ask again from the last one until none comes.
func (c *Client) List(ctx context.Context, after string, limit int) (all []module.AccountInfo, err error) {
	err = c.call(ctx, request{Op: opList, After: after, Limit: limit}, func(p reply) {
		if p.Account != nil {
			all = append(all, *p.Account)
		}
	})
	return all, err
}

// NewKey implements Admin.
func (c *Client) NewKey(ctx context.Context, owner string, limit int, kind module.AccountKind) (key module.APIKey, err error) {
	err = c.call(ctx, request{Op: opNewKey, Owner: owner, Limit: limit, Kind: kind}, func(p reply) {
		if p.Key != nil {
			key = *p.Key
		}
	})
	return key, err
}

// ListKeys implements Admin.
func (c *Client) ListKeys(ctx context.Context) (all []module.APIKey, err error) {
	err = c.call(ctx, request{Op: opListKeys}, func(p reply) {
		if p.Key != nil {
			all = append(all, *p.Key)
		}
	})
	return all, err
}

// DisableKey implements Admin.
func (c *Client) DisableKey(ctx context.Context, id string, disabled bool) error {
	return c.call(ctx, request{Op: opDisableKey, ID: id, Disabled: disabled}, nil)
}
