// Package auth is the contract between the daemon and what knows who owns a
// chain: version 1.
//
// When a client creates a chain in centralized trust mode, the daemon asks its
// resolvers, in the order of the config file, whose keys may write the chain's
// roots. There are three answers: a grant with the keys, a denial with a
// reason, and an unavailable fault from a resolver that cannot say now. Only
// the first creates the chain; what was created before is never affected.
//
// A resolver may also know whether tokens, with which users let a key act for
// them for a while, still hold: see [TokenChecker].
package auth

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
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

// TokenChecker is a Resolver that knows whether a token still holds. Without one
// a daemon accepts no tokens.
type TokenChecker interface {
	// CheckToken says whether a token was issued and not revoked since. It
	// returns an unavailable fault if it cannot say now. The same as of Resolve
	// holds for it.
	CheckToken(ctx context.Context, q TokenQuery) (TokenAnswer, error)
}

// TokenQuery is a token that somebody acts with, whose signature and times are
// good. Package token has its format.
type TokenQuery struct {
	User   string // name@domain
	ID     [16]byte
	Issuer event.Hash // the id of the key that issued it
}

// TokenAnswer says whether a token holds.
type TokenAnswer struct {
	// Refused is why it does not, a sentence; empty if it does.
	Refused string
	// Unknown says of a refusal that the resolver does not know the token, so that
	// it holds if another one says so. Otherwise the token has ended for all: it
	// was revoked, or its time is over.
	Unknown bool
	// TTL is how long the answer may be kept; zero for not at all.
	TTL time.Duration
}

// Query is the chain that somebody wants to create.
type Query struct {
	Chain chainname.Name
}

// Answer is a grant, or a denial if Denied is not empty.
type Answer struct {
	// Denied is the reason for a denial, a sentence for the chain's creator.
	Denied string
	// RootKeys may write the chain's roots. A grant with neither keys nor ids of
	// keys lets anyone.
	RootKeys [][]byte
	// RootKeyIDs are what a resolver gives that knows no keys but only their
	// ids. Of these keys the chain's creator has to show at least one, and
	// those that he shows may write its roots.
	RootKeyIDs []event.Hash
	// ChainOnly says that the answer is about the chain that was asked for.
	// Otherwise it is about every chain of its owner.
	ChainOnly bool
	// TTL is how long the answer may be kept; zero for not at all.
	TTL time.Duration
}
