package merkle

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/atedb/atedb/sdk/event"
)

// The functions of RFC 6962, section 2.1, as they stand there: recursive, and
// sharing nothing with the code under test.

func naiveRoot(d []event.Hash) event.Hash {
	switch len(d) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return d[0]
	}
	k := naiveSplit(len(d))
	return naiveNode(naiveRoot(d[:k]), naiveRoot(d[k:]))
}

func naiveNode(left, right event.Hash) event.Hash {
	h := sha256.New()
	h.Write([]byte{1})
	h.Write(left[:])
	h.Write(right[:])
	return event.Hash(h.Sum(nil))
}

func naiveSplit(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

// naivePath is PATH(m, D[n]) of section 2.1.1.
func naivePath(m int, d []event.Hash) []event.Hash {
	if len(d) == 1 {
		return nil
	}
	k := naiveSplit(len(d))
	if m < k {
		return append(naivePath(m, d[:k]), naiveRoot(d[k:]))
	}
	return append(naivePath(m-k, d[k:]), naiveRoot(d[:k]))
}

// naiveProof is SUBPROOF(m, D[n], b) of section 2.1.2.
func naiveProof(m int, d []event.Hash, b bool) []event.Hash {
	if m == len(d) {
		if b {
			return nil
		}
		return []event.Hash{naiveRoot(d)}
	}
	k := naiveSplit(len(d))
	if m <= k {
		return append(naiveProof(m, d[:k], b), naiveRoot(d[k:]))
	}
	return append(naiveProof(m-k, d[k:], false), naiveRoot(d[:k]))
}

// testLeaves returns n leaves, each different.
func testLeaves(n int) []event.Hash {
	leaves := make([]event.Hash, n)
	for i := range leaves {
		leaves[i] = sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i)))
	}
	return leaves
}
