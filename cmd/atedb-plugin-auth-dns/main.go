// Command atedb-plugin-auth-dns is the auth plugin that finds keys in TXT records of
// the owners' domains.
//
// The README of plugins/auth/dns describes its configuration.
package main

import (
	"github.com/atedb/atedb/plugins/auth/dns"
	"github.com/atedb/atedb/sdk/plugin"
)

func main() {
	resolver := dns.New()
	plugin.Serve(plugin.Plugin{
		Name: "dns", Version: plugin.BuildVersion(),
		Lifecycle: resolver, Auth: resolver,
	})
}
