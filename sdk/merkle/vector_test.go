package merkle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/atedb/atedb/sdk/event"
)

// TestReferenceVectors checks the tree of Certificate Transparency's reference
// implementation: its eight leaves, the root at each size, and its proofs.
func TestReferenceVectors(t *testing.T) {
	ctx := context.Background()
	tree := New(nil)
	heads := []Head{EmptyHead()}
	for i, step := range []struct{ leaf, root string }{
		{"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
		{"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
		{"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
		{"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
		{"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
		{"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
		{"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
		{"606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
	} {
		data, err := hex.DecodeString(step.leaf)
		if err != nil {
			t.Fatal(err)
		}
		tree.Append(sha256.Sum256(append([]byte{0}, data...)))
		heads = append(heads, Head{uint64(i + 1), hash(t, step.root)})
		if got := tree.Head(); got != heads[i+1] {
			t.Errorf("head %s, want %s", got, heads[i+1])
		}
	}
	path := []event.Hash{
		hash(t, "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
		hash(t, "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
		hash(t, "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"),
	}
	if got, err := tree.ProveInclusion(ctx, 0, 8); err != nil || !slices.Equal(got, path) {
		t.Errorf("inclusion proof of 0 in 8: %v, %v", got, err)
	}
	proof := []event.Hash{
		hash(t, "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
		hash(t, "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
		hash(t, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
	}
	if got, err := tree.ProveConsistency(ctx, 6, 8); err != nil || !slices.Equal(got, proof) {
		t.Errorf("consistency proof from 6 to 8: %v, %v", got, err)
	}
	if err := CheckConsistency(proof, heads[6], heads[8]); err != nil {
		t.Error(err)
	}
}

func hash(t *testing.T, s string) event.Hash {
	t.Helper()
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != hashSize {
		t.Fatalf("%q is no hash", s)
	}
	return event.Hash(raw)
}

// TestExample checks what the package comment says of three leaves.
func TestExample(t *testing.T) {
	var leaves []event.Hash
	for i := range byte(3) {
		leaves = append(leaves, event.Hash([]byte(repeat(i))))
	}
	tree := New(nil)
	tree.Append(leaves[:2]...)
	two := tree.Head()
	tree.Append(leaves[2])
	three := tree.Head()
	if got, want := two.String(), "2:2ad82c3a51e8ed6418cb5bf267c5f9e521b99f7ab4fce657f460a8f1a3e87b2e"; got != want {
		t.Errorf("head %s, want %s", got, want)
	}
	if got, want := three.String(), "3:61385e67b5ba76d8531b20adc14bec9ef6e0553abcc56d899e640d4d67401429"; got != want {
		t.Errorf("head %s, want %s", got, want)
	}
	for seq, proof := range map[uint64][]event.Hash{0: leaves[1:], 2: {two.Root}} {
		if err := CheckInclusion(proof, three, seq, leaves[seq]); err != nil {
			t.Error(err)
		}
	}
	if err := CheckConsistency(leaves[2:], two, three); err != nil {
		t.Error(err)
	}
}

func repeat(b byte) string {
	raw := make([]byte, hashSize)
	for i := range raw {
		raw[i] = b
	}
	return string(raw)
}
