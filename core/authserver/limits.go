package authserver

import (
	"time"

	"github.com/atedb/atedb/sdk/group"
)

// Limits of what clients can make the server spend.
const (
	maxConnections = 8192
	maxPerAddress  = 1024 // connections at once

	maxStranger = 96 << 10                 // bytes of a message of who has not logged in: a new user is the largest
	maxMessage  = group.MaxRoster + 64<<10 // bytes of any other: a group with many members
	maxFailures = 16                       // of one connection; one more ends it

	greetTimeout    = 5 * time.Second  // for the greeting
	idleTimeout     = time.Minute      // for a client's next message
	requestTimeout  = 30 * time.Second // for what is read to answer one
	shutdownTimeout = 10 * time.Second // from the signal to stop until everything is cut off
	pluginShare     = 4                // the part of it that is kept for the storage plugin
	cutOffAfter     = 3 * time.Second  // after the signal, for answers to be taken and farewells said
)

// How long answers about a token may be kept.
const (
	goodTokenTTL    = 30 * time.Second
	refusedTokenTTL = 5 * time.Second
)
