// Package module is all that a feature may know of the server: what it declares (Def), what it is given (Host), and where it
// may take part (Hooks).
//
// A feature is one folder and one line in the module list. Its Module function returns a new Def each time, so that several
// brokers run in one process. For each domain that the broker serves, Init is called once with that domain's Host and returns the
// Hooks. Hooks run in the order of the module list.
package module

import "io/fs"

// Def declares a feature. From it follow the section of the configuration, the migrations, the table of documents in docs/, the
// features that disco announces, and the labels of metrics.
type Def struct {
	Name       string // as people say it: lower case, a word; names the section, the tables and the folder
	Title      string // a line for the documentation
	Specs      []Spec
	Config     any   // pointer to a struct of settings holding their defaults; nil for none
	Migrations fs.FS // NNN_name.sql; nil for none
	Init       func(*Host) (*Hooks, error)
}

// Spec is a document that a feature implements.
type Spec struct {
	ID      string // "XEP-0199", "RFC 6121"
	Version string
	Missing string // what of it is left out, in plain words; empty for nothing
}

// Place says at which of the broker's addresses something is: Domain, Account, Own, Services, or a service by its label, the
// first part of its address ("discovery").
type Place string

const (
	Domain  Place = "@domain"  // the domain itself
	Account Place = "@account" // a bare JID with an account, on behalf of its owner; anybody may ask
	Own     Place = "@own"     // the sender's own bare JID, or no address at all

	// Services is each of the domain's services, whoever mounts it. What a feature has at one service goes before what is here.
	Services Place = "@services"
)
