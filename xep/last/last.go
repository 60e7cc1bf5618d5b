// Package last implements Last Activity, XEP-0012 (2.0): for an account how long ago its owner left and with which words, and for the
// domain and the services how long they have been running. A client answers for itself; a question to it from somebody who may not
// see the owner's presence does not get there.
//
// Missing: after a crash of the broker, an account that was online then was last seen before that session.
package last

import (
	"strconv"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NS is the namespace, and the disco feature of who answers.
const NS = "jabber:iq:last"

// Activity is the answer. What it means depends on who answers (XEP-0012#protocol): of an account the time since it was left, of
// a client that its owner has been idle, of a server or service that it has been running.
type Activity struct {
	For    time.Duration // to the second
	Status string        // of an account: what its owner said on leaving; may be empty
}

// parse reads an answer. The error is a stanza.BadRequest.
func parse(el *xmlstream.Element) (Activity, error) {
	if !el.Is(NS, "query") {
		return Activity{}, stanza.BadRequest.With("no last activity")
	}
	const most = int64(1<<63-1) / int64(time.Second)
	seconds, err := strconv.ParseUint(el.Attr("seconds"), 10, 63)
	if err != nil || int64(seconds) > most {
		return Activity{}, stanza.BadRequest.With("no seconds")
	}
	return Activity{For: time.Duration(seconds) * time.Second, Status: el.Text()}, nil
}

func (a Activity) element() *xmlstream.Element {
	// A clock that was set back must not make a negative number.
	seconds := strconv.FormatInt(int64(max(a.For, 0)/time.Second), 10)
	el := xmlstream.New(NS, "query", xmlstream.A("seconds", seconds))
	if a.Status != "" {
		el = el.With(xmlstream.Text(a.Status))
	}
	return el
}
