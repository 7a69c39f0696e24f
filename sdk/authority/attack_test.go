package authority

import (
	"bytes"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// TestOutsider proves that a stranger can do nothing in an owned chain.
func TestOutsider(t *testing.T) {
	c := owned(t)
	c.yes(on("a"), root)
	c.yes(on("b", under("a")), root)
	for _, writer := range [][]event.Hash{nil, {}, {eve}, {{}}} {
		c.no(on("new"), writer...)
		c.no(on("new", under("a")), writer...)
		c.no(on("a"), writer...)
		c.no(on("a", ended), writer...)
		c.no(on("b", atTop), writer...)
		c.no(on("b", anyOf(eve)), writer...)
		c.no(on("b", readByKey(dataKey, 1)), writer...)
		c.no(on(RootKey, anyOf(eve)), writer...)
	}
}

// TestSelfAuthorising proves that no event, alone or with others of its commit,
// gives its author what the author lacks.
func TestSelfAuthorising(t *testing.T) {
	c := owned(t)
	c.yes(on("a", anyOf(alice)), root)
	c.no(on("a", anyOf(eve)), eve)
	c.no(on("a", anyOf(alice, eve)), alice) // its own authority does not reach that far
	c.no(on("mine", anyOf(eve)), eve)
	c.no(on("mine", writable(event.WriteEveryone), introducing(eveKey)), eve)
	c.no(on(RootKey, anyOf(eve), introducing(eveKey)), eve)
	if _, ok := c.PublicKey(eve); ok {
		t.Error("a refused event introduced a key")
	}

	// An own subtree authorises nothing outside it.
	c.yes(on("eve's", anyOf(eve)), root)
	c.yes(on("tool", under("eve's"), anyOf(eve)), eve)
	c.no(on("a", under("eve's"), anyOf(eve)), eve)
	c.no(on("a", under("tool")), eve)
}

// TestReparented proves that moving takes neither an object from the authority
// above it nor one into a place where the mover has none.
func TestReparented(t *testing.T) {
	c := owned(t)
	c.yes(on("eve's", anyOf(eve)), root)
	c.yes(on("lent", anyOf(eve)), root) // for as long as root wishes
	c.no(on("lent", under("eve's")), eve)
	c.no(on("lent", under("eve's"), anyOf(eve)), eve)
	c.yes(on("lent", anyOf(alice)), root)
	c.no(on("lent"), eve)

	// Nor by making an object anew after its end: rule 1 judges it.
	c.yes(on("lent", anyOf(eve)), root)
	c.yes(on("lent", ended), eve)
	c.no(on("lent"), eve)

	// Nor are others' objects put under one's own, or one's own under others'.
	c.yes(on("bob's", anyOf(bob)), root)
	c.no(on("bob's", under("eve's")), eve)
	c.yes(on("x", under("eve's")), eve)
	c.no(on("x", under("bob's")), eve)
	c.no(on("x", atTop), eve)
}

// TestCyclic proves that two moves of one commit close no circle, each of which
// would be good alone.
func TestCyclic(t *testing.T) {
	c := owned(t)
	c.yes(on("a"), root)
	c.yes(on("b"), root)
	c.Settle()
	m := c.Mark()
	c.yes(on("a", under("b")), root)
	c.check(fault.ParentCycle, on("b", under("a")), true, root)
	c.Revert(m)
	c.yes(on("b", under("a")), root)
}

// TestRevokedKey proves that a key is worth nothing from the event on that
// takes it out, within a commit too, and what it wrote stays.
func TestRevokedKey(t *testing.T) {
	c := owned(t)
	c.yes(on("a", anyOf(alice, eve)), root)
	c.yes(on("b", under("a")), eve)
	c.yes(on("a", anyOf(alice)), root)
	c.no(on("a"), eve)
	c.no(on("b"), eve)
	c.no(on("b", ended), eve)
	if _, ok := c.Staged([]byte("b")); !ok {
		t.Error("b is gone")
	}
}

// TestRotation proves that a lost key is replaced by the authority above, of
// an object, a whole subtree and the chain.
func TestRotation(t *testing.T) {
	c := owned(t)
	c.yes(on("a", anyOf(alice), introducing(aliceKey)), root)
	c.yes(on("b", under("a")), alice)
	c.yes(on("a", anyOf(bob), introducing(bobKey)), root)
	c.yes(on("b"), bob)
	c.no(on("b"), alice)
	c.check("", on(RootKey, anyOf(eve)), false, root)
	c.yes(on("a", anyOf(alice)), eve)
	c.yes(on("b"), alice)
}

// TestRootReplay proves that an old root key cannot give itself the chain back
// by the very event that once made it root, before or after settling and
// restoring.
func TestRootReplay(t *testing.T) {
	c := owned(t)
	first, second := on(RootKey, anyOf(alice)), on(RootKey, anyOf(bob))
	c.check("", first, false, root)
	c.check("", second, false, alice)
	replay := func() {
		t.Helper()
		c.no(first, root)
		c.no(first, alice)
		c.no(second, alice)
		c.no(on("a"), root)
	}
	replay()
	c.Settle()
	replay()
	var err error
	if c.Tree, err = Restore(event.Genesis{RootKeys: [][]byte{rootKey}}, c.AppendSnapshot(nil)); err != nil {
		t.Fatal(err)
	}
	replay()
	if err := c.MayWriteTop([]event.Hash{root, alice}); !fault.Is(err, fault.NotAuthorized) {
		t.Errorf("the old root keys may write: %v", err)
	}
	if err := c.MayWriteTop([]event.Hash{bob}); err != nil {
		t.Error(err)
	}
}

// TestGenerationRollback proves that a removed member gets no later data by
// going back to the generation it holds, by any of three ways.
func TestGenerationRollback(t *testing.T) {
	c := owned(t)
	c.check("", on("old", readByKey(dataKey, 1)), false, root)
	c.check("", on("new", readByKey(dataKey, 2)), false, root)
	c.yes(on("doc", under("new"), encrypted(dataKey, 2)), root)
	c.check(fault.BadRequest, on("doc", readByKey(dataKey, 1), encrypted(dataKey, 1)), true, root)
	c.check(fault.BadRequest, on("doc", under("old"), encrypted(dataKey, 1)), true, root)
	c.check(fault.NotEncrypted, on("doc", encrypted(dataKey, 1)), true, root)
}

// TestThrownAway proves that a commit that is thrown away leaves
// nothing: no authority, no public key, no child, no version.
func TestThrownAway(t *testing.T) {
	c := owned(t)
	c.yes(on("a"), root)
	c.Settle()
	before := c.AppendSnapshot(nil)
	c.yes(on("a", anyOf(eve), introducing(eveKey)), root)
	c.yes(on("b", under("a")), eve)
	c.check("", on(RootKey, anyOf(eve)), false, root)
	if key, ok := c.PublicKey(eve); !ok || !bytes.Equal(key, eveKey) {
		t.Error("a staged key is not known")
	}
	c.Discard()
	if _, ok := c.PublicKey(eve); ok {
		t.Error("the key is known")
	}
	c.no(on("a"), eve)
	c.no(on("b"), eve)
	c.yes(on("a", ended), root)
	c.Discard()
	if after := c.AppendSnapshot(nil); len(after) != len(before) || c.Next() != 2 {
		t.Errorf("%d bytes of snapshot before, %d after; next is %d", len(before), len(after), c.Next())
	}
}
