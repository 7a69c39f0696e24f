package chain

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
)

// What the model test sees of a chain that nobody else does.

// SaveOften has a chain save its state in small parts.
func SaveOften(c *Chain) { c.upkeep.every, c.upkeep.part = 20_000, 100_000 }

// Save saves a chain's state, which nobody else does then.
func Save(c *Chain) error {
	ctx, next := context.Background(), c.Next()
	if err := c.merkle.Flush(ctx); err != nil {
		return err
	}
	return c.save(ctx, next, c.snapshot(next))
}

// Knows reports whether a chain knows a public key.
func Knows(c *Chain, id event.Hash) bool {
	_, ok := c.tree.PublicKey(id)
	return ok
}

// Entries returns what a chain's authority tree holds.
func Entries(c *Chain) []byte { return entries(c.tree) }

// entries returns what a tree holds, whatever the order in which its snapshot
// has it: see package authority.
func entries(t *authority.Tree) []byte {
	b := t.AppendSnapshot(nil)
	le := binary.LittleEndian
	skipWrite := func(at int) int {
		if b[at] == byte(event.WriteAnyOf) {
			return at + 5 + 32*int(le.Uint32(b[at+1:]))
		}
		return at + 1
	}
	at := skipWrite(8 + 4 + 32 + 8)
	sorted := bytes.Clone(b[:at])
	section := func(skip func(at int) int) {
		var parts [][]byte
		n := le.Uint64(b[at:])
		at += 8
		for range n {
			end := skip(at)
			parts = append(parts, b[at:end])
			at = end
		}
		slices.SortFunc(parts, bytes.Compare)
		sorted = append(le.AppendUint64(sorted, n), bytes.Join(parts, nil)...)
	}
	section(func(at int) int { return at + 24 })
	section(func(at int) int {
		at = skipWrite(at + 32)
		if b[at] == byte(event.ReadByKey) {
			return at + 37
		}
		return at + 1
	})
	section(func(at int) int { return at + 2 + int(le.Uint16(b[at:])) })
	return sorted
}
