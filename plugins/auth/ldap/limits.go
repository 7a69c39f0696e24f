package ldap

import "time"

// MaxReply is how much a directory may send in reply to one request, in bytes.
const MaxReply = 512 << 10

// Bounds of what is read, asked and waited for.
const (
	maxEntries  = 2       // of a search: enough to see that there is more than one
	maxPassword = 1 << 10 // bytes of the file with the password
	maxCA       = 1 << 20 // bytes of the file with certificates
	maxFilter   = 4 << 10 // bytes of a filter in the configuration
	maxDomains  = 1024    // that a directory answers for
	maxInFlight = 32      // requests at a time
	maxAtOnce   = 4       // of them for the members of one group
	maxHeader   = 6       // bytes of a message before its content
	maxNesting  = 16      // of the elements in a message; RFC 4511 needs 7 in replies

	refusedPause  = time.Minute // before a login is tried again that was refused
	repeatedAfter = time.Minute // the log says again what it has said

	defaultTTL        = time.Minute
	defaultTimeout    = 5 * time.Second
	maxTimeout        = time.Minute
	defaultMaxMembers = 64
)
