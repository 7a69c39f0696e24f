package token

import "time"

// How long a token may act.
const (
	DefaultLife = 24 * time.Hour
	MaxLife     = 90 * 24 * time.Hour
	// Skew is how much the clock of who issues a token may be ahead of the
	// clock of who is shown it.
	Skew = 5 * time.Minute
)

// Limits, checked before memory is taken.
const (
	MaxScopes = 32       // of a delegation
	MaxLabel  = 128      // bytes of a delegation's label
	MaxServer = 1024     // bytes of a token's URL
	MaxText   = 64 << 10 // bytes of a token as text
)
