package transcript

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const nsDiscoInfo = "http://jabber.org/protocol/disco#info"

// Report says which files of a folder ran, and what a server lacks for the others.
type Report struct {
	Ran      []string
	Deviated map[string]error  // how, by file, of the server's known deviations
	Skipped  map[string][]Need // by file
}

// String lists the files that did not run.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d transcripts ran, %d deviate as known", len(r.Ran), len(r.Deviated))
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
// server does not announce are left out and reported. So are those of its deviations, but they are played too: one that passes after
// all is an error, as is one that is not there to be played.
func Suite(t *testing.T, files []*File, peer *Peer) Report {
	t.Helper()
	report := Report{Deviated: map[string]error{}, Skipped: map[string][]Need{}}
	features, err := announced(t.Context(), files, peer)
	if err != nil {
		t.Fatal(err)
	}
	var deviating []*File
	t.Run("transcripts", func(t *testing.T) {
		for _, f := range files {
			name := filepath.Base(f.Name)
			missing := slices.DeleteFunc(slices.Clone(f.Needs), func(n Need) bool { return features[n] })
			if len(missing) > 0 {
				report.Skipped[name] = missing
				continue
			}
			if _, known := peer.Deviations[f.base()]; known {
				deviating = append(deviating, f)
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
	if len(peer.Deviations) == 0 {
		return report
	}
	t.Run("deviations", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		known, wrong := deviate(ctx, deviating, peer, &report)
		for _, text := range known {
			t.Log(text)
		}
		for _, text := range wrong {
			t.Error(text)
		}
	})
	return report
}

// base is the name of the file as it lies in its folder.
func (f *File) base() string {
	name, _, _ := strings.Cut(filepath.Base(f.Name), " ")
	return name
}

// deviate plays the files that a server is known not to pass, all at once, for most of them end in waiting. wrong is what is not as
// it is known.
func deviate(ctx context.Context, files []*File, peer *Peer, report *Report) (known, wrong []string) {
	for name := range peer.Deviations {
		if !slices.ContainsFunc(files, func(f *File) bool { return f.base() == name }) {
			wrong = append(wrong, name+" is not played against this server: take it off the list of deviations")
		}
	}
	errs := make([]error, len(files))
	var all sync.WaitGroup
	for i, f := range files {
		all.Go(func() { errs[i] = f.Run(ctx, peer) })
	}
	all.Wait()
	for i, f := range files {
		report.Deviated[filepath.Base(f.Name)] = errs[i]
		var step *Error
		switch err := errs[i]; {
		case err == nil:
			wrong = append(wrong, f.Name+" passes: take it off the list of deviations")
		case !errors.As(err, &step):
			wrong = append(wrong, err.Error())
		default:
			known = append(known, peer.Deviations[f.base()]+"\n"+err.Error())
		}
	}
	return known, wrong
}

// asker is the account that asks which features there are; {account} in what files need.
const asker = "account"

// announced asks the server for the features that files need.
func announced(ctx context.Context, files []*File, peer *Peer) (map[Need]bool, error) {
	ask := &File{Name: "features", Accounts: []string{asker}}
	r := &runner{
		ctx: ctx, peer: peer, file: ask,
		values: values{"domain": peer.Domain}, accounts: map[string]*login{}, parties: map[string]*party{},
	}
	maps.Copy(r.values, peer.Services)
	if err := r.prepare(); err != nil {
		return nil, err
	}
	p, err := r.session(ctx, asker)
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
			for c := range p.features.Children() {
				has[n] = has[n] || n.At == "" && c.Space() == n.Feature
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
