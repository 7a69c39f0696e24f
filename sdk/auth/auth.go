// Package auth is the contract between the daemon and what knows who owns a
// chain: version 1.
//
// When a client creates a chain in centralized trust mode, the daemon asks its
// resolvers, in the order of the config file, whose keys may write the chain's
// roots. There are three answers: a grant with the keys, a denial with a
// reason, and an unavailable fault from a resolver that cannot say now. Only
// the first creates the chain; what was created before is never affected.
package auth

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
)

// Version is the version of this contract.
const Version = 1

// Limits of an answer. The daemon refuses one that goes beyond them.
const (
	MaxRootKeys  = 64
	MaxPublicKey = 16 << 10 // bytes of an encoded public key
	MaxTTL       = 24 * time.Hour
)

// Resolver knows who owns chains. Its methods may be called at the same time
// by several goroutines: a slow answer must not hold up another.
type Resolver interface {
	// Resolve says whose keys may write the roots of a chain, or that its
	// owner may not have it. It returns an unavailable fault if it cannot say
	// now. It must return soon after ctx is done.
	Resolve(ctx context.Context, q Query) (Answer, error)
}

// Query is the chain that somebody wants to create.
type Query struct {
	Chain chainname.Name
}

// Answer is a grant, or a denial if Denied is not empty.
type Answer struct {
	// Denied is the reason for a denial, a sentence for the chain's creator.
	Denied string
	// RootKeys may write the chain's roots. A grant without keys lets anyone.
	RootKeys [][]byte
	// TTL is how long the answer may be kept; zero for not at all.
	TTL time.Duration
}
