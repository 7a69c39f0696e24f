package accounts

// Limits of what is kept for one user. A group's change with all its members'
// lists is one commit.
const (
	MaxTokens = 100 // registered tokens that are not expired
	MaxGroups = 100 // groups created
	MaxListed = 200 // groups listed as those that a user is in; more are not listed
)

// Limits of the store.
const (
	maxAttempts = 16        // how often a change is tried anew when others change the same
	maxRecord   = 8 << 20   // bytes of a record that is read
	maxCached   = 128 << 10 // bytes of an event that is kept in memory
	cacheSize   = 64 << 20  // bytes of all that are
)
