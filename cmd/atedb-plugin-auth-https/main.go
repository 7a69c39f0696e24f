// Command atedb-plugin-auth-https is the auth plugin that fetches keys from
// the owners' domains over HTTPS.
//
// The README of plugins/auth/https describes its configuration.
package main

import (
	"github.com/atedb/atedb/plugins/auth/https"
	"github.com/atedb/atedb/sdk/plugin"
)

func main() {
	resolver := https.New()
	plugin.Serve(plugin.Plugin{
		Name: "https", Version: plugin.BuildVersion(),
		Lifecycle: resolver, Auth: resolver,
	})
}
