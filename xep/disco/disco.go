// Package disco is the broker's half of Service Discovery, XEP-0030 (2.5.0): it tells what the domain, the services and, to those
// who may see them, the accounts are and can do. What there is to tell the features announce (module.Announcement); of the
// ad-hoc commands among them (XEP-0050) it lists those that the asker may run. The hash of what the domain is goes into the
// stream features (XEP-0115, 1.6.0).
//
// The client half and the wire types are package xmpp/disco.
//
// Missing: items of accounts, which are no available resources here; result set management of long lists; and, as XEP-0115
// has it for servers, caps optimisation.
package disco

// capsNode names the software whose capabilities are hashed. XEP-0115#protocol
const capsNode = "https://github.com/comity-iot/comity"

// Namespaces of a command's node. XEP-0050#retrieve
const (
	nsCommands = "http://jabber.org/protocol/commands"
	nsForms    = "jabber:x:data"
)
