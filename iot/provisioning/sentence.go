package provisioning

import (
	"fmt"
	"strings"
)

// sentence is the question for people whose client knows nothing of things.
func (q Question) sentence() string {
	var b strings.Builder
	fmt.Fprintf(&b, "May %s %s %s", q.Remote, q.Op, q.Thing)
	if q.Op != Befriend && (len(q.Asked.Names) > 0 || q.Asked.Categories != 0) {
		fmt.Fprintf(&b, " (%s)", q.Asked)
	}
	b.WriteString("? It was refused for now. Answer with `comity questions`, or in a client that knows things.")
	return b.String()
}
