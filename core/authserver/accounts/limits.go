package accounts

// Limits of what is kept for one user.
const (
	MaxTokens = 100  // registered tokens that are not expired
	MaxGroups = 100  // groups created
	MaxListed = 1000 // groups listed as those that a user is in; more are not listed
)

// Limits of a change.
const (
	maxAttempts = 16       // how often a change is tried anew when others change the same
	maxRecord   = 8 << 20  // bytes of a record that is read
	maxNames    = 64 << 10 // of groups, in bytes
)
