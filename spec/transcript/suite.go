package transcript

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const nsDiscoInfo = "http://jabber.org/protocol/disco#info"

// Report says which files of a folder ran, and what a server lacks for the others.
type Report struct {
	Ran     []string
	Skipped map[string][]Need // by file
}

// String lists the files that did not run.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d transcripts ran", len(r.Ran))
	for _, name := range slices.Sorted(maps.Keys(r.Skipped)) {
		fmt.Fprintf(&b, "\n%s not: no %v", name, r.Skipped[name])
	}
	return b.String()
}

// Load parses the files of a folder that end in .txt, and expands them.
func Load(folder string) ([]*File, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, err
	}
	var all []*File
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		f, err := Parse(path, src)
		if err != nil {
			return nil, err
		}
		all = append(all, f.Expand()...)
	}
	return all, nil
}

// Suite runs files against a server, each as a parallel test of its own, and returns when all have ended. Files that need what the
// server does not announce are left out and reported.
func Suite(t *testing.T, files []*File, peer *Peer) Report {
	t.Helper()
	report := Report{Skipped: map[string][]Need{}}
	features, err := announced(t.Context(), files, peer)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("transcripts", func(t *testing.T) {
		for _, f := range files {
			name := filepath.Base(f.Name)
			missing := slices.DeleteFunc(slices.Clone(f.Needs), func(n Need) bool { return features[n] })
			if len(missing) > 0 {
				report.Skipped[name] = missing
				continue
			}
			report.Ran = append(report.Ran, name)
			t.Run(strings.Replace(name, ".txt", "", 1), func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				if err := f.Run(ctx, peer); err != nil {
					t.Error(err)
				}
			})
		}
	})
	return report
}

// announced asks the server for the features that files need.
func announced(ctx context.Context, files []*File, peer *Peer) (map[Need]bool, error) {
	ask := &File{Name: "features", Accounts: []string{"asker"}}
	r := &runner{
		ctx: ctx, peer: peer, file: ask,
		values: values{"domain": peer.Domain}, accounts: map[string]*login{}, parties: map[string]*party{},
	}
	maps.Copy(r.values, peer.Services)
	if err := r.prepare(); err != nil {
		return nil, err
	}
	p, err := r.session(ctx, "asker")
	if err != nil {
		return nil, err
	}
	defer p.conn.Close()
	has := map[Need]bool{}
	known := map[string]*xmlstream.Element{}
	for _, f := range files {
		for _, n := range f.Needs {
			at := n.At
			if at == "" {
				at = "{domain}"
			}
			info, asked := known[at]
			if !asked {
				if info, err = p.info(at, r.values); err != nil {
					return nil, err
				}
				known[at] = info
			}
			for c := range info.ChildrenNamed(nsDiscoInfo, "feature") {
				has[n] = has[n] || c.Attr("var") == n.Feature
			}
		}
	}
	return has, p.close()
}

// info returns what an address says of itself, nil for an error.
func (p *party) info(at string, v values) (*xmlstream.Element, error) {
	t, err := parseTemplate("<iq type='get' id='info' to='" + at + "'><query xmlns='" + nsDiscoInfo + "'/></iq>")
	if err != nil {
		return nil, err
	}
	text, err := t.fill(v, true)
	if err != nil {
		return nil, nil // there is no such service here
	}
	if err := p.send(text); err != nil {
		return nil, err
	}
	for {
		el, err := p.read()
		if err != nil {
			return nil, err
		}
		if isAnswer(el) && el.Attr("id") == "info" {
			if el.Attr("type") == string(stanza.ErrorType) {
				return nil, nil
			}
			return el.Child(nsDiscoInfo, "query"), nil
		}
	}
}
