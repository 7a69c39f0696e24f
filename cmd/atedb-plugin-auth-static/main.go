// Command atedb-plugin-auth-static is the auth plugin that reads owners and
// keys from a file.
//
// The README of plugins/auth/static describes its configuration.
package main

import (
	"github.com/atedb/atedb/plugins/auth/static"
	"github.com/atedb/atedb/sdk/plugin"
)

func main() {
	resolver := static.New()
	plugin.Serve(plugin.Plugin{
		Name: "static", Version: plugin.BuildVersion(),
		Lifecycle: resolver, Auth: resolver,
	})
}
