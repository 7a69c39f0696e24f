package authserver

import "time"

// Limits of the protocol. Sizes are in bytes.
const (
	MaxMessage    = 1 << 20   // of a request or reply
	MaxBefore     = 128 << 10 // of a request before a login; a CreateUser fits
	MaxUnanswered = 64        // requests on a connection
	MaxFrame      = 40 << 10  // of the frame in Found
	MaxReason     = 4 << 10   // of a refusal's reason that is kept

	// IdleTimeout is how long a client may ask nothing.
	IdleTimeout = 5 * time.Minute
)
