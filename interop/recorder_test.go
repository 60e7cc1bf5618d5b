//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// recorder stands between clients and a broker that lets them in without TLS, and keeps what the broker sends, octet by octet.
type recorder struct {
	port   int // for clients
	open   net.Listener
	broker string
	folder string
	work   sync.WaitGroup
	mu     sync.Mutex
	files  []string
}

// record starts a recorder, which ends with the test.
func record(t *testing.T, b *broker) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{
		port: l.Addr().(*net.TCPAddr).Port, open: l, broker: fmt.Sprintf("127.0.0.1:%d", b.starttls), folder: t.TempDir(),
	}
	t.Cleanup(func() { r.end() })
	r.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.work.Go(func() {
				if err := r.carry(c); err != nil {
					t.Errorf("recorder: %v", err)
				}
			})
		}
	})
	return r
}

// carry takes one stream to the broker and back until the broker ends it.
func (r *recorder) carry(client net.Conn) error {
	defer client.Close()
	broker, err := net.Dial("tcp", r.broker)
	if err != nil {
		return err
	}
	defer broker.Close()
	r.mu.Lock()
	name := filepath.Join(r.folder, fmt.Sprintf("stream-%d.xml", len(r.files)+1))
	r.files = append(r.files, name)
	r.mu.Unlock()
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	r.work.Go(func() {
		io.Copy(broker, client) // ends when either side does
		broker.(*net.TCPConn).CloseWrite()
	})
	// A client may go while the broker still talks: what it says is kept all the same.
	_, err = io.Copy(io.MultiWriter(file, deaf{client}), broker)
	if closed := file.Close(); closed != nil {
		return closed
	}
	return err
}

// deaf never says that a write failed.
type deaf struct{ io.Writer }

func (d deaf) Write(p []byte) (int, error) {
	d.Writer.Write(p)
	return len(p), nil
}

// judged is what expat says of one stream. See testdata/wellformed.py.
type judged struct {
	File     string
	Octets   int
	Streams  int            // with restarts
	Ended    bool           // in good order
	Seen     map[string]int // elements below the stream's, by name
	Elements []tree         // the same
	Error    string
	Before   string // the error
}

// tree is an element or, where it has no name, text. A name is a namespace, if any, a space and what is local.
type tree struct {
	Name       string
	Attributes map[string]string
	Content    []tree
	Text       string
}

// stanzas are those of the elements that are any.
func (j judged) stanzas() (all []tree) {
	for _, e := range j.Elements {
		if strings.HasPrefix(e.Name, "jabber:client ") {
			all = append(all, e)
		}
	}
	return all
}

// judge has expat read files that hold streams, and fails the test for each that is none.
func judge(t *testing.T, files ...string) []judged {
	t.Helper()
	cmd := exec.Command(installed(t, "python3"), append([]string{"testdata/wellformed.py"}, files...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []judged
	for from := json.NewDecoder(out); ; {
		var j judged
		if err := from.Decode(&j); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if j.Error != "" {
			t.Errorf("expat: %s after\n%s", j.Error, j.Before)
		}
		all = append(all, j)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(all) != len(files) {
		t.Fatalf("expat read %d streams of %d", len(all), len(files))
	}
	return all
}

// end waits for the streams that there are, takes no more, and returns the files of all.
func (r *recorder) end() []string {
	r.open.Close()
	r.work.Wait()
	return r.files
}
