// Command atedb-plugin-storage-memory is the storage plugin that keeps chains
// in memory.
//
// The README of plugins/storage/memory describes its configuration.
package main

import (
	"github.com/atedb/atedb/plugins/storage/memory"
	"github.com/atedb/atedb/sdk/plugin"
)

func main() {
	store := memory.New()
	plugin.Serve(plugin.Plugin{
		Name: "memory", Version: plugin.BuildVersion(),
		Lifecycle: store, Storage: store,
	})
}
