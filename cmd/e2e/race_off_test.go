//go:build !race

package e2e

var buildFlags []string

// raceEnabled says whether the race detector slows everything down.
const raceEnabled = false
