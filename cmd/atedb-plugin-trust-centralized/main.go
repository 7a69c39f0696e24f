// Command atedb-plugin-trust-centralized is the trust plugin for proofs once
// per connection.
//
// The README of plugins/trust/centralized describes its configuration.
package main

import (
	"github.com/atedb/atedb/plugins/trust/centralized"
	"github.com/atedb/atedb/sdk/plugin"
)

func main() {
	plugin.Serve(plugin.Plugin{
		Name: "centralized", Version: plugin.BuildVersion(),
		Trust: centralized.New(),
	})
}
