// Command atedb-plugin-trust-distributed is the trust plugin for seals in every
// batch.
//
// The README of plugins/trust/distributed describes its configuration.
package main

import (
	"github.com/atedb/atedb/plugins/trust/distributed"
	"github.com/atedb/atedb/sdk/plugin"
)

func main() {
	plugin.Serve(plugin.Plugin{
		Name: "distributed", Version: plugin.BuildVersion(),
		Trust: distributed.New(),
	})
}
