package main

import (
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xep/disco"
	"github.com/comity-iot/comity/xep/entitytime"
	"github.com/comity-iot/comity/xep/offline"
	"github.com/comity-iot/comity/xep/ping"
	"github.com/comity-iot/comity/xep/register"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xep/version"
)

// modules are the features of the broker. Their hooks run in this order. Each call makes them anew, with the defaults of their
// settings, so that several brokers can run in one process.
func modules() []module.Def {
	return []module.Def{
		roster.Module(),
		offline.Module(),
		register.Module(),
		disco.Module(),
		version.Module(),
		entitytime.Module(),
		ping.Module(),
	}
}
