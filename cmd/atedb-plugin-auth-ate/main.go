// Command atedb-plugin-auth-ate is the auth plugin that asks an authentication
// server.
//
// The README of plugins/auth/ate describes its configuration.
package main

import (
	"github.com/atedb/atedb/plugins/auth/ate"
	"github.com/atedb/atedb/sdk/plugin"
)

func main() {
	resolver := ate.New()
	plugin.Serve(plugin.Plugin{
		Name: "ate", Version: plugin.BuildVersion(),
		Lifecycle: resolver, Auth: resolver,
	})
}
