package secrecy

import "github.com/atedb/atedb/sdk/event"

// Limits that every writer keeps and every reader checks before it takes memory.
const (
	// Overhead is how many bytes longer a ciphertext is than its plaintext.
	Overhead = 16
	// MaxPlaintext is the most bytes of data that one event can carry encrypted.
	MaxPlaintext = event.MaxData - Overhead
	// MaxMembers is the most members of one key record.
	MaxMembers = 10_000
	// MaxRecord is the largest key record, in bytes. It fits an event's data.
	MaxRecord = recordFixed + event.MaxKey + MaxMembers*wrapSize
	// MaxKeyring is the most data keys that a keyring holds.
	MaxKeyring = 10_000
)
