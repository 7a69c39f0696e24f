// Command atedb-plugin-compaction-retention is the compaction plugin that keeps
// and drops events by age, number and size.
//
// The README of plugins/compaction/retention describes its configuration.
package main

import (
	"github.com/atedb/atedb/plugins/compaction/retention"
	"github.com/atedb/atedb/sdk/plugin"
)

func main() {
	strategy := retention.New()
	plugin.Serve(plugin.Plugin{
		Name: "retention", Version: plugin.BuildVersion(),
		Lifecycle: strategy, Compaction: strategy,
	})
}
