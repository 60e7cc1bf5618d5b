package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
)

// Server answers at the socket of a data folder.
type Server struct {
	admin Admin
	log   *slog.Logger
	path  string
	stop  context.CancelFunc
	work  sync.WaitGroup

	mu    sync.Mutex
	l     net.Listener
	conns map[net.Conn]struct{}
}

// Listen opens the socket in the data folder and serves admin there until Close. A socket that a broker left behind when it
// was killed is replaced; one that answers is an error.
func Listen(ctx context.Context, folder string, admin Admin, log *slog.Logger) (*Server, error) {
	short, release, err := shorten(folder)
	if err != nil {
		return nil, err
	}
	defer release()
	if c, err := net.DialTimeout("unix", filepath.Join(short, socketName), time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("control: another broker answers at %s", Path(folder))
	}
	l, err := listen(short)
	if err != nil {
		return nil, fmt.Errorf("control: %s: %w", Path(folder), err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{admin: admin, log: log, path: Path(folder), stop: stop, l: l, conns: map[net.Conn]struct{}{}}
	s.work.Go(func() { s.serve(ctx) })
	return s, nil
}

// listen makes the socket under another name, so that it is never there with wider permissions, and never absent.
func listen(folder string) (net.Listener, error) {
	fresh := filepath.Join(folder, socketName+".new")
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", fresh)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // it goes by another name by then
	if err = os.Chmod(fresh, 0o600); err == nil {
		err = os.Rename(fresh, filepath.Join(folder, socketName))
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(fresh))
	}
	return l, nil
}

func (s *Server) serve(ctx context.Context) {
	for {
		c, err := s.l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.log.Warn("accept failed", "err", err)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		if err := s.admit(c); err != nil {
			s.log.Warn("command refused", "err", err)
			c.Close()
			continue
		}
		s.work.Go(func() {
			defer s.release(c)
			s.command(ctx, c)
		})
	}
}

// admit lets the broker's own user and root in, and not too many at once.
func (s *Server) admit(c net.Conn) error {
	if err := checkPeer(c); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= maxConns {
		return errors.New("too many commands at once")
	}
	s.conns[c] = struct{}{}
	return nil
}

func (s *Server) release(c net.Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	c.Close()
}

// command serves one connection.
func (s *Server) command(ctx context.Context, c net.Conn) {
	lines := newLines(c)
	var r request
	if err := lines.receive(&r); err != nil {
		s.log.Debug("command unread", "err", err)
		return
	}
	end, level := reply{Done: true}, slog.LevelInfo
	if r.Op == opList || r.Op == opListKeys {
		level = slog.LevelDebug // changes nothing
	}
	attrs := []any{"op", r.Op}
	if about := r.subject(); about != "" {
		attrs = append(attrs, "about", about)
	}
	if err := s.do(ctx, lines, &r); err != nil {
		end = reply{Error: fail(err)}
		attrs = append(attrs, "err", err)
	}
	s.log.Log(ctx, level, "command", attrs...)
	if err := lines.send(end); err != nil {
		s.log.Debug("command unanswered", "op", r.Op, "err", err)
	}
}

// subject is what the log tells of a request: never a password.
func (r *request) subject() string {
	switch {
	case r.Account != nil:
		return r.Account.JID.String()
	case r.Owner != "":
		return r.Owner
	case r.ID != "":
		return r.ID
	}
	return r.JID.String()
}

var errRequest = stanza.BadRequest.With("the running broker does not know this command: it is of another version")

// Close ends the commands that are under way, takes the socket away and waits.
func (s *Server) Close() error {
	err := errors.Join(os.Remove(s.path), s.l.Close())
	s.stop()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
	return err
}
