package authserver

import (
	"time"

	"github.com/atedb/atedb/sdk/group"
)

// Limits of the protocol. Sizes are in bytes.
const (
	MaxMessage    = group.MaxRoster + 64<<10 // of a request or reply
	MaxBefore     = 96 << 10                 // of a request before a login; a new user fits
	MaxUnanswered = 64                       // requests on a connection
	MaxFrame      = 40 << 10                 // of the frame in Found
	MaxReason     = 4 << 10                  // of a refusal's reason that is kept
	MaxEarlier    = 16                       // statements before the newest in Found
	MaxLinks      = 1024                     // statements that a client checks at once, to trust the newest

	// IdleTimeout is how long a client may ask nothing.
	IdleTimeout = time.Minute
)
