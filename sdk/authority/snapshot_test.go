package authority

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
)

// ExampleTree_AppendSnapshot is the worked example of the format: a chain of
// everyone in which an object was made and ended by a tombstone, which
// introduced a public key of one byte.
func ExampleTree_AppendSnapshot() {
	tree := New(event.Genesis{Nonce: [32]byte{31: 0xee}})
	for seq, h := range []*eventpb.Header{{Key: []byte("k")}, {Key: []byte("k"), Tombstone: true, Keys: [][]byte{{0xaa}}}} {
		if err := tree.Judge(event.Seq(seq+1), h, false, nil); err != nil {
			panic(err)
		}
	}
	tree.Settle()
	b := tree.AppendSnapshot(nil)
	for _, part := range []struct {
		size int
		what string
	}{
		{8, "magic"}, {4, "version"}, {32, "nonce"}, {8, "next seq"}, {1, "root: everyone"},
		{8, "objects"}, {16, "  id of the genesis"}, {8, "  seq"}, {8, "with parent or authority"},
		{8, "public keys"}, {2, "  length"}, {1, "  encoding"}, {4, "CRC-32C"},
	} {
		fmt.Printf("%s  %s\n", hex.EncodeToString(b[:part.size]), part.what)
		b = b[part.size:]
	}
	// Output:
	// 415445617574680a  magic
	// 01000000  version
	// 00000000000000000000000000000000000000000000000000000000000000ee  nonce
	// 0300000000000000  next seq
	// 02  root: everyone
	// 0100000000000000  objects
	// 48b220c312cd7d2806e4ae6a6e738e3a    id of the genesis
	// 0000000000000000    seq
	// 0000000000000000  with parent or authority
	// 0100000000000000  public keys
	// 0100    length
	// aa    encoding
	// b639b87e  CRC-32C
}

// eventful returns a tree with one of everything, and its genesis.
func eventful(t testing.TB) (event.Genesis, *Tree) {
	g := event.Genesis{RootKeys: [][]byte{rootKey}, Nonce: [32]byte{3}}
	tree := New(g)
	for _, h := range []*eventpb.Header{
		on("a", anyOf(alice, bob, root), introducing(aliceKey, bobKey)), on("b", under("a"), readByKey(dataKey, 3)),
		on("c", under("b"), writable(event.WriteNobody)), on("d", under("a"), writable(event.WriteEveryone), readable(event.ReadEveryone)),
		on(RootKey, anyOf(root, eve)), on("e"),
	} {
		if err := tree.Judge(tree.Next(), h, false, []event.Hash{root}); err != nil {
			t.Fatal(err)
		}
	}
	tree.Settle()
	return g, tree
}

// seal puts the right checksum at the end of a snapshot.
func seal(b []byte) []byte {
	end := len(b) - snapshotSum
	binary.LittleEndian.PutUint32(b[end:], event.Checksum(b[:end]))
	return b
}

// TestSnapshotLeavesOutStaged proves that a snapshot is of the settled state.
func TestSnapshotLeavesOutStaged(t *testing.T) {
	g, tree := eventful(t)
	h := on("staged", under("e"), introducing(eveKey), anyOf(eve))
	if err := tree.Judge(tree.Next(), h, false, []event.Hash{root}); err != nil {
		t.Fatal(err)
	}
	restored, err := Restore(g, tree.AppendSnapshot([]byte("before"))[len("before"):])
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := restored.PublicKey(eve); ok || restored.Len() != tree.Len() || restored.Next() != tree.Next()-1 {
		t.Errorf("public key known: %v; %d objects, next %d", ok, restored.Len(), restored.Next())
	}
	if _, ok := restored.Staged([]byte("staged")); ok {
		t.Error("a staged object is in the snapshot")
	}
	if err := restored.Judge(restored.Next(), on("e", ended), false, []event.Hash{root}); err != nil {
		t.Errorf("a staged child is in the snapshot: %v", err)
	}
}

// TestDamagedSnapshot proves that no snapshot with a bit flipped, cut short,
// from another chain or from a later version is taken.
func TestDamagedSnapshot(t *testing.T) {
	g, tree := eventful(t)
	good := tree.AppendSnapshot(nil)
	want := func(code fault.Code, g event.Genesis, b []byte, what string) {
		t.Helper()
		if _, err := Restore(g, b); fault.CodeOf(err) != code {
			t.Errorf("%s: %v", what, err)
		}
	}
	want("", g, good, "good")
	for i := range good {
		want(fault.Damaged, g, good[:i], fmt.Sprint("cut at ", i))
		b := bytes.Clone(good)
		if b[i] ^= 0x10; i < 8 || i >= 12 {
			want(fault.Damaged, g, b, fmt.Sprint("flipped at ", i))
		}
		if i > snapshotHeader { // with a good checksum, too
			want(fault.Damaged, g, seal(bytes.Clone(good[:i])), fmt.Sprint("cut and sealed at ", i))
		}
	}
	other := g
	other.Nonce[0]++
	want(fault.Damaged, other, good, "of another chain")
	later := bytes.Clone(good)
	later[8] = snapshotVersion + 1
	want(fault.Unsupported, g, later, "of a later version")
	want(fault.Damaged, g, seal(append(bytes.Clone(good), 0)), "with a byte more")
	huge := bytes.Clone(good)
	binary.LittleEndian.PutUint64(huge[snapshotHeader+8+1+4+2*32:], 1<<60)
	want(fault.Damaged, g, seal(huge), "of 2^60 objects")
}

// FuzzRestore proves that no snapshot, though its checksum is good, does worse
// than be refused or give a tree that works.
func FuzzRestore(f *testing.F) {
	g, tree := eventful(f)
	f.Add(tree.AppendSnapshot(nil))
	f.Add(New(g).AppendSnapshot(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		if len(b) > snapshotHeader+snapshotSum {
			copy(b[12:], g.Nonce[:])
			seal(b)
		}
		tree, err := Restore(g, b)
		if err != nil {
			return
		}
		for _, key := range []string{"a", "b", "c", "d"} {
			_, _ = tree.Authority([]byte(key), nil)
			_ = tree.Judge(tree.Next(), on(key, under("b")), true, []event.Hash{root})
			_ = tree.Judge(tree.Next(), on(key, ended), false, []event.Hash{root})
		}
		tree.Settle()
		if _, err := Restore(g, tree.AppendSnapshot(nil)); err != nil {
			t.Fatalf("what a restored tree gives is refused: %v", err)
		}
	})
}

// TestApply proves what Apply takes from a compacted log, and what it does not
// take from a damaged one.
func TestApply(t *testing.T) {
	tree := New(event.Genesis{})
	apply := func(want fault.Code, seq event.Seq, h *eventpb.Header) {
		t.Helper()
		if err := tree.Apply(seq, h); fault.CodeOf(err) != want {
			t.Fatalf("event %d: %v, want %q", seq, err, want)
		}
	}
	apply("", 0, on(event.GenesisKey))
	apply("", 4, on("child", under("p"))) // p's older value is dropped
	if _, err := tree.Authority([]byte("child"), nil); !fault.Is(err, fault.Damaged) {
		t.Errorf("who may write under what is missing: %v", err)
	}
	if err := tree.Judge(5, on("child"), false, nil); !fault.Is(err, fault.Damaged) {
		t.Errorf("writing under what is missing: %v", err)
	}
	apply("", 5, on("p"))
	apply("", 6, on("q", under("p")))
	apply("", 7, on("p", ended)) // q's move before this is dropped, for it says so again
	apply("", 8, on("q", atTop))
	apply("", 9, on("child", atTop))
	apply("", 10, on("p"))
	if err := tree.Judge(11, on("p", ended), false, nil); err != nil {
		t.Errorf("all children have left: %v", err)
	}
	tree.Settle()
	if extras := len(tree.extras.settled); extras != 0 || tree.Len() != 3 {
		t.Errorf("%d extras, %d objects", extras, tree.Len())
	}
	apply(fault.Damaged, 11, on("again"))
	apply(fault.Damaged, 0, on("first"))
	apply(fault.Damaged, 20, on(event.GenesisKey))
	apply(fault.Damaged, 20, on(event.ReservedPrefix+"x"))
	apply(fault.Damaged, 20, on(RootKey, ended))
	apply(fault.Damaged, 20, on("self", under("self")))
	if err := tree.Judge(11, on("again"), false, nil); !fault.Is(err, fault.OutOfSequence) {
		t.Errorf("judging an event twice: %v", err)
	}
}
