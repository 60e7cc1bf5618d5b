package thing

import (
	"crypto/sha256"
	"encoding/json"
	"math"
	"slices"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/xmpp/jid"
)

// maxAnswers bounds the answers of decision support that are remembered. Beyond, denials go first, as strangers can make as many of
// them as they like, then what was not used for longest.
const maxAnswers = 256

// answer is one that decision support gave. It holds until the service says otherwise. XEP-0324#clearcache
type answer struct {
	Question   []byte         `json:"question"` // hash of what was asked
	Remote     jid.JID        `json:"remote"`
	Allowed    bool           `json:"allowed"`
	Categories iot.Categories `json:"categories,omitempty"`
	Names      []string       `json:"names,omitempty"`
}

// scope returns what the answer grants; false for nothing.
func (a *answer) scope() (provisioning.Scope, bool) {
	return provisioning.Scope{Categories: a.Categories, Names: a.Names}, a.Allowed
}

// hash returns what tells the question from others. The order of names does not matter.
func (q *Question) hash(tokens iot.Tokens) []byte {
	names := slices.Sorted(slices.Values(q.Names))
	text, err := json.Marshal([]any{q.Op, q.From, names, q.Categories, tokens})
	if err != nil {
		panic(err) // strings and numbers only
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

// recall returns the answer to a question, and the epoch in which one that is asked for now may be remembered.
func (s *state) recall(question []byte) (a answer, found bool, epoch uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.kept.Answers, func(a answer) bool { return slices.Equal(a.Question, question) })
	if i < 0 {
		return answer{}, false, s.epoch
	}
	a = s.kept.Answers[i]
	s.kept.Answers = append(slices.Delete(s.kept.Answers, i, i+1), a)
	return a, true, s.epoch
}

// remember keeps an answer that was asked for in an epoch, unless that is over: then the answer may be from before what ended
// it. The file is not written yet.
func (s *state) remember(epoch uint64, a answer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch != s.epoch {
		return false
	}
	if len(s.kept.Answers) >= maxAnswers {
		i := max(0, slices.IndexFunc(s.kept.Answers, func(a answer) bool { return !a.Allowed }))
		s.kept.Answers = slices.Delete(s.kept.Answers, i, i+1)
	}
	s.kept.Answers = append(s.kept.Answers, a)
	return true
}

// forget drops the answers about somebody, or all of them, and begins a new epoch. It returns when that is safe on the disk, lest
// a restart bring back a permission that was withdrawn.
func (s *state) forget(about func(jid.JID) bool) error {
	return s.change(func(k *kept) {
		s.epoch++
		k.Answers = slices.DeleteFunc(k.Answers, func(a answer) bool { return about(a.Remote) })
	})
}

// now is the time of news that is not older than any other.
const now = math.MaxUint64

// own notes whose thing it is, unless it was told more since a time of heard, and reports whether that was news: with another
// owner, all that was decided before is void. It returns when that is safe on the disk.
func (s *state) own(owner jid.JID, public bool, since uint64) (changed bool, err error) {
	s.mu.Lock()
	k := &s.kept
	if since != now && since != s.news {
		s.mu.Unlock()
		return false, nil
	}
	s.news++
	same := k.Owner == owner && k.Public == public
	if changed = k.Owner != owner; changed {
		s.epoch++
		k.Answers = nil
	}
	k.Owner, k.Public = owner, public
	s.mu.Unlock()
	if same {
		return false, nil
	}
	return changed, s.save()
}

// heard returns how often the thing was told whose it is.
func (s *state) heard() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.news
}

// everybody is for forget.
func everybody(jid.JID) bool { return true }

// current returns the epoch.
func (s *state) current() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}
