package main

import (
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xep/blocking"
	"github.com/comity-iot/comity/xep/carbons"
	"github.com/comity-iot/comity/xep/command"
	"github.com/comity-iot/comity/xep/disco"
	"github.com/comity-iot/comity/xep/entitytime"
	"github.com/comity-iot/comity/xep/eventlog"
	"github.com/comity-iot/comity/xep/last"
	"github.com/comity-iot/comity/xep/offline"
	"github.com/comity-iot/comity/xep/ping"
	"github.com/comity-iot/comity/xep/register"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xep/sm"
	"github.com/comity-iot/comity/xep/stanzaid"
	"github.com/comity-iot/comity/xep/version"
)

// modules are the features of the broker. Their hooks run in this order: what refuses a stanza before what copies or keeps it. Each
// call makes them anew, with the defaults of their settings, so that several brokers can run in one process.
func modules() []module.Def {
	things := registry.New()
	return []module.Def{
		blocking.Module(), // what is blocked concerns nobody behind it
		disco.Module(),    // the broker's own identity comes before others'
		roster.Module(),
		register.Module(),
		sm.Module(),
		stanzaid.Module(), // before what goes by a message's id, or gives it one
		carbons.Module(),
		command.Module(),
		version.Module(),
		last.Module(),
		entitytime.Module(),
		ping.Module(),
		eventlog.Module(),
		things.Module(),
		provisioning.Module(things),
		offline.Module(), // takes what nobody else has taken
	}
}
