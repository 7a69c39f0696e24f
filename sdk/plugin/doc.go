// Package plugin is what an AteDB plugin's program is built with: a main
// function is one call of [Serve].
//
//	func main() {
//		resolver := acme.New()
//		plugin.Serve(plugin.Plugin{
//			Name: "acme", Version: plugin.BuildVersion(),
//			Lifecycle: resolver, Auth: resolver,
//		})
//	}
//
// # A plugin's life
//
// The daemon starts the program as a child process, with the environment that
// it allows, /dev/null as standard input, and a socket in a folder that no
// other user may enter. Then come, over gRPC:
//
//	Info         what the plugin is, and which versions of which contracts it serves
//	SetLogLevel  the daemon's level; again whenever that changes
//	Validate     is this configuration good? For a check of a config file this is all
//	Configure    once: take this configuration and be ready for calls
//	...          calls of the plugin's contracts, and Health now and then
//	Shutdown     finish what is under way; the process then ends
//
// A call of a contract before Configure is refused. A plugin that dies is
// started anew and configured anew, so it must keep nothing in memory that
// others rely on. A panic ends the process, with its trace in the daemon's log.
//
// # Rules for plugins
//
//   - Log with [Setup.Logger], or to standard error. What goes to standard
//     output while Serve runs is turned to the log; what was printed before
//     breaks the handshake.
//   - SIGINT, SIGTERM and SIGHUP are the daemon's business: Serve ignores
//     them. When the daemon dies, the process ends within a second.
//   - Errors should be faults, of the fault package. Others reach the daemon
//     with code internal.
//
// # Other languages
//
// The protocol is go-plugin's, version 1 of its core, over gRPC: the handshake
// line on standard output, grpc.health.v1 with service "plugin", go-plugin's
// GRPCController and GRPCStdio, and beside them ate.plugin.v1.Lifecycle and the
// contracts' services. A plugin should refuse to run unless the environment has
// the cookie of [Handshake]. TLS is not used. Log lines are hclog's JSON, or
// plain text, on standard error.
package plugin
