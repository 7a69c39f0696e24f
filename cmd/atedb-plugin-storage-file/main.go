// Command atedb-plugin-storage-file is the storage plugin that keeps chains in
// files.
//
// The README of plugins/storage/file describes its configuration.
package main

import (
	"github.com/atedb/atedb/plugins/storage/file"
	"github.com/atedb/atedb/sdk/plugin"
)

func main() {
	store := file.New()
	plugin.Serve(plugin.Plugin{
		Name: "file", Version: plugin.BuildVersion(),
		Lifecycle: store, Storage: store,
	})
}
