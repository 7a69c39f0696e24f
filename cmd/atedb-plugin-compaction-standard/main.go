// Command atedb-plugin-compaction-standard is the compaction plugin that keeps
// the newest of each object.
//
// The README of plugins/compaction/standard describes its configuration.
package main

import (
	"github.com/atedb/atedb/plugins/compaction/standard"
	"github.com/atedb/atedb/sdk/plugin"
)

func main() {
	strategy := standard.New()
	plugin.Serve(plugin.Plugin{
		Name: "standard", Version: plugin.BuildVersion(),
		Lifecycle: strategy, Compaction: strategy,
	})
}
