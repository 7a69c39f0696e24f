package merkle

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// MaxSize is the size of the largest tree. It keeps tlog's arithmetic within
// 63 bits.
const MaxSize = 1 << 62

// Head names a state of a chain: how many events it has, dropped ones included,
// and the root of their leaf hashes. Heads are comparable with ==.
type Head struct {
	Size uint64
	Root event.Hash
}

// EmptyHead returns the head of a tree without leaves.
func EmptyHead() Head { return Head{Root: sha256.Sum256(nil)} }

// String returns the head as "size:root", the root in hexadecimal.
func (h Head) String() string { return strconv.FormatUint(h.Size, 10) + ":" + h.Root.String() }

// ParseHead parses what String returns, and nothing else. Its error is a
// bad_request fault.
func ParseHead(s string) (Head, error) {
	var h Head
	size, root, _ := strings.Cut(s, ":")
	n, err := strconv.ParseUint(size, 10, 64)
	raw, rootErr := hex.DecodeString(root)
	if err == nil && rootErr == nil && len(raw) == len(h.Root) {
		h.Size = n
		copy(h.Root[:], raw)
		if h.String() == s && h.Size <= MaxSize {
			return h, nil
		}
	}
	return Head{}, fault.New(fault.BadRequest, "%.100q is not a head; one is a size, a colon and 64 hexadecimal digits in lower case", s)
}

// Proto returns the head's message, which shares no memory with h.
func (h Head) Proto() *wirepb.Head { return &wirepb.Head{Size: h.Size, Root: h.Root[:]} }

// HeadOf returns what a message says. A missing message, and one with a root
// that is not 32 bytes or a size over MaxSize, is a bad_message fault.
func HeadOf(pb *wirepb.Head) (Head, error) {
	if pb == nil {
		return Head{}, fault.New(fault.BadMessage, "the server's message lacks the chain's head; it is of another version, or breaks the protocol")
	}
	if len(pb.Root) != len(event.Hash{}) || pb.Size > MaxSize {
		return Head{}, fault.New(fault.BadMessage, "a head has size %d and a root of %d bytes; the size must be at most %d and the root %d bytes", pb.Size, len(pb.Root), uint64(MaxSize), len(event.Hash{}))
	}
	return Head{Size: pb.Size, Root: event.Hash(pb.Root)}, nil
}
