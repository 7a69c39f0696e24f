//go:build !race

package pqnoise

const raceEnabled = false
