// Package control lets the command line speak with a running broker, through a Unix socket in the broker's data folder.
//
// The socket is readable and writable for its owner only, and on Linux the broker asks the kernel who is calling: its own user
// or root. A connection carries one command: a line of JSON with a request, for bulk work more lines with the accounts, and
// lines of JSON as the answer, the last of which says that it is done or what went wrong. This is between a broker and a command
// line of the same version; what programs may rely on is "comity … --json".
//
// What is missing: named pipes on Windows, where Go's Unix sockets are used too.
package control

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Admin is what an operator does with the accounts of a broker. *account.Accounts does it on the store itself, and Client
// through the socket. Errors: store.ErrNotFound, and stanza conditions as those of module.Accounts.
type Admin interface {
	Create(context.Context, module.NewAccount) error
	// CreateAll makes many accounts, and calls done with how many there are so far. An account that exists gets the password.
	CreateAll(ctx context.Context, all []module.NewAccount, done func(int)) error
	SetPassword(ctx context.Context, bare jid.JID, password string) error
	Remove(ctx context.Context, bare jid.JID) error
	// List returns accounts in the order of their addresses, those behind after, at most limit.
	List(ctx context.Context, after string, limit int) ([]module.AccountInfo, error)

	// NewKey makes an API key with which limit accounts of a kind may be created.
	NewKey(ctx context.Context, owner string, limit int, kind module.AccountKind) (module.APIKey, error)
	ListKeys(context.Context) ([]module.APIKey, error)
	DisableKey(ctx context.Context, id string, disabled bool) error
}

// ErrNotRunning says that no broker answers in the data folder.
var ErrNotRunning = errors.New("control: no broker is running here")

// Path is the socket of the broker with that data folder.
func Path(folder string) string { return filepath.Join(folder, socketName) }

const (
	socketName = "control.sock"
	// maxLine bounds a line in either direction, in bytes.
	maxLine = 64 << 10
	// maxPage bounds the accounts in one answer, and those that wait to be created: stretching the passwords of a page must take a
	// slow processor much less than patience.
	maxPage = 64
	// maxConns bounds the commands that are served at a time.
	maxConns = 16
	// patience is how long one side waits for the other's next line, or for it to take one. Bulk work answers after each chunk.
	patience = 30 * time.Second
)

// The operations of a request.
const (
	opCreate      = "create"
	opCreateAll   = "create-all"
	opSetPassword = "set-password"
	opRemove      = "remove"
	opList        = "list"
	opNewKey      = "new-key"
	opListKeys    = "list-keys"
	opDisableKey  = "disable-key"
)

// request is the first line. Which fields it has follows from Op.
type request struct {
	Op       string
	Account  *module.NewAccount `json:",omitempty"`
	JID      jid.JID            `json:",omitzero"`
	Password string             `json:",omitempty"`
	After    string             `json:",omitempty"`
	Limit    int                `json:",omitempty"` // of accounts: in an answer, or for a key
	Owner    string             `json:",omitempty"`
	Kind     module.AccountKind `json:",omitempty"`
	ID       string             `json:",omitempty"`
	Disabled bool               `json:",omitempty"`
}

// item is a line that follows a request to create many accounts. The last has no account.
type item struct {
	Account *module.NewAccount `json:",omitempty"`
}

// reply is a line of the answer. The last has Done or Error.
type reply struct {
	Created int                 `json:",omitempty"` // how many accounts so far
	Account *module.AccountInfo `json:",omitempty"`
	Key     *module.APIKey      `json:",omitempty"`
	Done    bool                `json:",omitempty"`
	Error   *failure            `json:",omitempty"`
}

// failure carries an error so that errors.Is finds the same on the other side.
type failure struct {
	Condition stanza.Condition
	Text      string
}

func fail(err error) *failure {
	if errors.Is(err, store.ErrNotFound) {
		return &failure{Condition: stanza.ItemNotFound}
	}
	e, text := stanza.AsError(err), err.Error() // with all that was put around it: who asks is who reads the log
	if bare, ok := err.(*stanza.Error); ok && e.Condition != stanza.InternalServerError {
		switch {
		case bare.Text != "":
			text = bare.Text
		case bare.Cause != nil:
			text = bare.Cause.Error()
		}
	}
	if err == error(e.Condition) {
		text = ""
	}
	return &failure{e.Condition, text}
}

func (f *failure) err() error {
	switch {
	case f.Condition == stanza.ItemNotFound:
		return store.ErrNotFound
	case f.Condition == stanza.InternalServerError:
		return errors.New(f.Text)
	case f.Text == "":
		return f.Condition
	}
	return f.Condition.With("%s", f.Text)
}
