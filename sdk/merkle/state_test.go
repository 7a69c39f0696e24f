package merkle

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

func state(t testing.TB, leaves int) []byte {
	t.Helper()
	tree := New(new(MemoryBundles))
	tree.Append(testLeaves(leaves)...)
	if err := tree.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	return tree.AppendState(nil)
}

// TestStateFormat follows the package comment's table.
func TestStateFormat(t *testing.T) {
	leaves := testLeaves(BundleSize + 2)
	want := []byte{1, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0}
	root, bundle := naiveRoot(leaves), naiveRoot(leaves[:BundleSize])
	want = slices.Concat(want, root[:], bundle[:], leaves[BundleSize][:], leaves[BundleSize+1][:])
	if got := state(t, len(leaves)); !slices.Equal(got, want) {
		t.Errorf("got %x\nwant %x", got, want)
	}
}

// TestDamagedState: every flipped bit, every cut and every future version of a
// state is noticed.
func TestDamagedState(t *testing.T) {
	good := state(t, BundleSize+3)
	refuse := func(what string, at int, state []byte) {
		t.Helper()
		if _, err := Restore(nil, state); !fault.Is(err, fault.Damaged) {
			t.Errorf("%s %d: %v", what, at, err)
		}
	}
	for bit := range 8 * len(good) {
		bad := slices.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		refuse("bit", bit, bad)
	}
	for n := range good {
		refuse("cut to", n, good[:n])
	}
	refuse("with bytes after it", 1, append(slices.Clone(good), 0))
	refuse("with a hash after it", 1, append(slices.Clone(good), make([]byte, hashSize)...))
	huge := slices.Clone(good)
	binary.LittleEndian.PutUint64(huge[1:], 1<<64-1)
	refuse("with bundles", -1, huge)
}

// FuzzRestore: whatever a state says, restoring it takes no memory beyond its
// size, and what is accepted is written back the same.
func FuzzRestore(f *testing.F) {
	f.Add(state(f, 0))
	f.Add(state(f, 3))
	f.Add(state(f, BundleSize+1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tree, err := Restore(nil, raw)
		if err == nil && !slices.Equal(tree.AppendState(nil), raw) {
			t.Error("a state was restored to another one")
		}
	})
}

// TestHeadForms shows that a head survives being text and being a message, and
// that nothing else is taken for one.
func TestHeadForms(t *testing.T) {
	head := Head{7, naiveRoot(testLeaves(7))}
	if got, err := ParseHead(head.String()); err != nil || got != head {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := HeadOf(head.Proto()); err != nil || got != head {
		t.Errorf("got %s, %v", got, err)
	}
	text := head.String()
	for _, bad := range []string{"", ":", "7", text[1:], "+" + text, "0" + text, " " + text, text + "0", text[:len(text)-2], "x" + text[1:], "18446744073709551616" + text[1:], "18446744073709551615" + text[1:]} {
		if _, err := ParseHead(bad); !fault.Is(err, fault.BadRequest) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, bad := range []*wirepb.Head{nil, {}, {Root: make([]byte, 31)}, {Root: make([]byte, 33)}, {Size: MaxSize + 1, Root: make([]byte, 32)}} {
		if _, err := HeadOf(bad); !fault.Is(err, fault.BadMessage) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
