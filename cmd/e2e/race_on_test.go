//go:build race

package e2e

// buildFlags builds the programs as the tests are built.
var buildFlags = []string{"-race"}

// raceEnabled says whether the race detector slows everything down.
const raceEnabled = true
