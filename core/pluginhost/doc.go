// Package pluginhost starts plugins, which are processes of their own, and
// keeps them running.
//
// # Finding and trusting a program
//
// The plugin of kind K and name N is the program atedb-plugin-K-N in one of the
// plugin folders, or the one at the absolute path that the configuration
// names. Its SHA-256 is checked at each start against the one that the
// configuration pins, if it does.
//
// # A process
//
// A plugin gets a small part of the daemon's environment, /dev/null as standard
// input, a process group of its own, and a folder for its sockets inside a
// folder that no other user may enter. What it writes to standard error, and
// after the handshake to standard output, goes to the daemon's log under its
// name. It dies with the daemon: on Linux the kernel kills it when the thread
// that started it ends, so one thread that lives as long as the Host starts
// them all.
//
// There is no TLS between daemon and plugin (go-plugin's AutoMTLS). Whoever can
// reach the sockets is the same user and could as well replace the program or
// read the daemon's memory; TLS would make a start four times as slow (25 ms
// for 6) and cost a quarter of the throughput.
//
// # Supervision
//
// A Plugin is in one of these states; each change is logged.
//
//	serving     a process is configured and answers
//	restarting  it died, or did not answer its health checks and was killed;
//	            another is being started
//	failed      starts failed too often: nothing is tried until the cool-down
//	            is over; then one start, which leads to serving or back here
//	closed      for good
//
// The first restarts come at once, later ones after a delay that doubles; see
// budget. Each process that served has a generation number, counted from 1.
package pluginhost
