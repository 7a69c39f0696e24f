// Package e2e tests the programs together: real processes, sockets, disks and
// signals. It has no code of its own beside the tests.
package e2e
