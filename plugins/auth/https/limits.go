package https

import "time"

// What one question may take.
const (
	maxSize      = 1 << 20  // bytes of an answer, at most
	maxHeader    = 16 << 10 // bytes of its header
	maxAddresses = 4        // of a domain that are tried
	maxSentence  = 300      // bytes of what somebody else's error says

	defaultTimeout = 4 * time.Second // for everything; the daemon waits for 5 seconds
	leastTimeout   = 100 * time.Millisecond
	mostTimeout    = 30 * time.Second
	slack          = time.Second // after the timeout, for what net/http does not end with the question
	defaultTTL     = time.Minute
)

// Questions under way at once.
const (
	maxAsked     = 128
	maxAskedHost = 32 // of them, to one host
)
