// Command atedb-plugin-auth-ldap is the auth plugin that finds owners and keys
// in a directory that speaks LDAP.
//
// The README of plugins/auth/ldap describes its configuration.
package main

import (
	"github.com/atedb/atedb/plugins/auth/ldap"
	"github.com/atedb/atedb/sdk/plugin"
)

func main() {
	resolver := ldap.New()
	plugin.Serve(plugin.Plugin{
		Name: "ldap", Version: plugin.BuildVersion(),
		Lifecycle: resolver, Auth: resolver,
	})
}
