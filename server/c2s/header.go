package c2s

import (
	"strconv"
	"strings"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// header answers the client's header with ours and the features of the phase. RFC 6120 §4.7
func (st *clientStream) header() error {
	h := st.conn.Header()
	host := st.hostOf(h.To)
	st.conn.SetWriteDeadline(time.Now().Add(st.server.Settings.Write))
	if err := st.open(host); err != nil {
		return err
	}
	switch {
	case h.Content != stanza.Client:
		return stream.InvalidNamespace
	case !speaks(h.Version):
		return stream.UnsupportedVersion
	case host == nil:
		return stream.HostUnknown
	case st.host != nil && host != st.host:
		return stream.HostUnknown.With("another domain than before")
	}
	st.host = host
	return st.write(stream.Features(st.features()...))
}

// hostOf returns the domain that a header is for, or nil. One without a name is for that of the header before it, or for the only one
// that there is. RFC 6120 §4.7.2
func (st *clientStream) hostOf(to string) *Host {
	if to == "" {
		if st.host == nil && len(st.server.Hosts) == 1 {
			for _, only := range st.server.Hosts {
				return only
			}
		}
		return st.host
	}
	addr, err := jid.Parse(to)
	if err != nil || !addr.IsDomain() {
		return nil
	}
	return st.server.Hosts[addr.Domain()]
}

// speaks reports whether a client's version goes with ours, which is 1.0: a later minor version breaks nothing, and without a version
// it is older than features. RFC 6120 §4.7.5
func speaks(version string) bool {
	major, minor, ok := strings.Cut(version, ".")
	_, err := strconv.ParseUint(minor, 10, 32)
	return ok && err == nil && strings.TrimLeft(major, "0") == "1"
}

// open sends our header, in the name of host. Where that is nil, a domain that is here answers for one that is not. RFC 6120 §4.9.3.6
func (st *clientStream) open(host *Host) error {
	st.id = stream.NewID()
	st.opened = true
	h := transport.Header{ID: st.id, Version: "1.0", Content: stanza.Client, Lang: "en"}
	if host == nil {
		host = st.host
	}
	if host != nil {
		h.From = host.Domain.Addr.String()
	} else {
		for h.From = range st.server.Hosts {
			break
		}
	}
	return st.conn.Open(h)
}

// write sends what belongs to the negotiation. Once there is a session, all that is sent goes through its queue.
func (st *clientStream) write(items ...xmlstream.Appender) error {
	st.conn.SetWriteDeadline(time.Now().Add(st.server.Settings.Write))
	return st.conn.Write(items...)
}

// restart makes ready for the client's new header, which is answered with a new one of ours. RFC 6120 §5.4.3.3, §6.4.6
func (st *clientStream) restart() error {
	st.opened = false
	return st.conn.Restart()
}
