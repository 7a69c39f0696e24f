package group

import (
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/internal/sealed"
	"github.com/atedb/atedb/sdk/keys"
)

// Limits, checked before memory is taken.
const (
	MaxMembers     = 1000                 // of a group
	MaxGenerations = 64                   // of a role's keys that are kept, the newest among them
	MaxRoster      = 4 << 20              // bytes of an encoded roster
	MaxStatement   = account.MaxStatement // bytes of an encoded statement
)

const (
	encapsulatedSize = 1120 // of HPKE with X-Wing, in bytes
	hpkeTagSize      = 16
	// maxSeed bounds an encoded seed in a keychain, with its role, its
	// generation and the sizes.
	maxSeed     = keys.SigningSeedSize + 16
	maxKeys     = encapsulatedSize + hpkeTagSize + maxSeed
	maxKeychain = sealed.Overhead + (MaxGenerations-1)*maxSeed
)
