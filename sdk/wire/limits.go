package wire

import (
	"time"

	"github.com/atedb/atedb/sdk/event"
)

// Limits of the protocol. Sizes are in bytes.
const (
	MaxAgent    = 200      // of the agent in a hello that is kept
	MaxHello    = 8 << 10  // of a message before the chain is open
	MaxOpen     = 32 << 10 // of Open, which may hold root keys
	MaxExpected = event.MaxBatchEvents
	// MaxMessage is the largest message: a Commit of the largest batch with
	// its expected versions.
	MaxMessage = event.MaxBatch + MaxExpected*(event.MaxKey+16)
	// MaxEvents is the most records that the server puts in one Events
	// message, unless a single record is larger.
	MaxEvents = 512 << 10
	MaxLoad   = 1000     // events asked for in one Load
	MaxLoaded = 16 << 20 // of the records in one Loaded
	MaxLeaves = 32 << 10 // leaf hashes asked for in one Leaves

	// HelloTimeout is how long a client has for the greeting and Open.
	HelloTimeout = 5 * time.Second
)
