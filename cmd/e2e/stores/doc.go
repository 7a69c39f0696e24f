// Package stores tests the daemon's core over the storage plugins' own code, in
// one process, where their disks can be made to fail. It has no code of its own
// beside the tests.
package stores
