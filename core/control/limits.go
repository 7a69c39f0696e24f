package control

import "time"

const (
	maxRequest     = 4 << 10 // bytes of a request's body
	maxHeaders     = 8 << 10 // bytes of a request's headers
	maxAtOnce      = 16      // requests that are answered at the same time
	maxCompactions = 4       // of these, compactions
	maxConnections = 64
	maxPage        = 1000     // chains on a page
	maxLine        = 64 << 10 // bytes of a line or a problem
	maxAnswer      = 16 << 20 // bytes of a JSON answer
	maxSocketPath  = 103      // bytes, where the system's limit is shortest

	requestTimeout = 5 * time.Second  // for a request to arrive
	writeTimeout   = 10 * time.Second // for a part of an answer to be taken
	idleTimeout    = 30 * time.Second // between requests
	farewellTime   = time.Second      // for answers at Close
	progressEvery  = 200 * time.Millisecond
	dialTimeout    = 5 * time.Second
)
