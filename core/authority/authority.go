// Package authority decides who may write what in one chain.
//
// An event is judged by the authority in force before it. In this version the
// only authority is the chain's root: the keys that its genesis names, or
// everyone if it names none.
package authority

import (
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Tree is the authority in force in one chain. It is immutable and may be used
// by several goroutines.
type Tree struct {
	roots []event.Hash // ids of the root keys; none means everyone
}

// New returns the authority that a genesis sets up.
func New(genesis event.Genesis) *Tree {
	t := &Tree{}
	for _, key := range genesis.RootKeys {
		t.roots = append(t.roots, event.KeyID(key))
	}
	return t
}

// MayWrite returns nil if the owner of the given keys may write in the chain,
// and otherwise a not_authorized fault.
func (t *Tree) MayWrite(proven []event.Hash) error {
	if len(t.roots) == 0 {
		return nil
	}
	for _, id := range proven {
		if slices.Contains(t.roots, id) {
			return nil
		}
	}
	return fault.New(fault.NotAuthorized, "only the owner's keys may write in this chain, and this connection has proven none of them; proving a key is not built yet in this version, so list the owner as public where the auth resolver looks, or use a chain that is")
}
