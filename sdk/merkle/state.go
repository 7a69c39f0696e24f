package merkle

import (
	"encoding/binary"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

const (
	stateVersion = 1
	stateHeader  = 1 + 8 + 4 + hashSize
)

// AppendState appends the tree's state to dst, as the package comment describes
// it: 32 bytes for each stored bundle, and 32 for each leaf after them. Flush
// first to have fewer than BundleSize of those.
func (t *Tree) AppendState(dst []byte) []byte {
	t.mu.Lock()
	head := t.headLocked()
	v := t.view
	if v.stored > 0 {
		v.upper = [][]event.Hash{t.upper[0]}
	}
	t.mu.Unlock()

	dst = append(dst, stateVersion)
	dst = binary.LittleEndian.AppendUint64(dst, v.stored)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(v.tail)))
	dst = append(dst, head.Root[:]...)
	if v.stored > 0 {
		dst = appendHashes(dst, v.upper[0][:v.stored])
	}
	return appendHashes(dst, v.tail)
}

func appendHashes(dst []byte, hashes []event.Hash) []byte {
	for i := range hashes {
		dst = append(dst, hashes[i][:]...)
	}
	return dst
}

// Restore returns the tree whose state this is, with the bundles that b holds.
// It reads none of them, and does not keep state. A state of another version or
// length, or whose root is not that of its hashes, is a damaged fault; the tree
// must then be built from the chain's events.
func Restore(b Bundles, state []byte) (*Tree, error) {
	if len(state) < stateHeader {
		return nil, fault.New(fault.Damaged, "the state of a Merkle tree has %d bytes, which is too short", len(state))
	}
	if state[0] != stateVersion {
		return nil, fault.New(fault.Damaged, "the state of a Merkle tree is of version %d; this program knows version %d", state[0], stateVersion)
	}
	stored, count := binary.LittleEndian.Uint64(state[1:]), uint64(binary.LittleEndian.Uint32(state[9:]))
	root, rest := event.Hash(state[13:stateHeader]), state[stateHeader:]
	have := uint64(len(rest) / hashSize)
	if len(rest)%hashSize != 0 || stored > have || count != have-stored {
		return nil, fault.New(fault.Damaged, "the state of a Merkle tree says that it has %d bundles and %d leaves, in %d bytes", stored, count, len(rest))
	}
	t := New(b)
	t.stored = stored
	for ; stored > 0; stored-- {
		t.keepLocked(bundleHeight, event.Hash(rest))
		t.edge.add(bundleHeight, event.Hash(rest), t.keepLocked)
		rest = rest[hashSize:]
	}
	leaves := make([]event.Hash, count)
	for i := range leaves {
		leaves[i] = event.Hash(rest[i*hashSize:])
	}
	t.appendLocked(leaves)
	if got := t.headLocked().Root; got != root {
		return nil, fault.New(fault.Damaged, "the state of a Merkle tree says that its root is %s; its %d hashes give %s", root, have, got)
	}
	return t, nil
}
