package main

import (
	"bytes"
	"slices"
	"testing"

	"github.com/atedb/atedb/cmd/ate/internal/savedlog"
	"github.com/atedb/atedb/sdk/checkpoint"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

// savedChain returns a saved log of a distributed chain with two sealed events.
func savedChain(t *testing.T) []byte {
	t.Helper()
	server, writer := keys.NewSigningKey(), keys.NewSigningKey()
	genesis := event.NewGenesis("example.com/joe/mydb", event.Distributed, [][]byte{writer.Public().Bytes()})
	frame, chain, err := genesis.Frame()
	if err != nil {
		t.Fatal(err)
	}
	tree := merkle.New(&merkle.MemoryBundles{})
	var leaves []byte
	add := func(b event.Batch) []byte {
		for f, err := range b.Events() {
			if err != nil {
				t.Fatal(err)
			}
			leaf := f.Leaf(chain)
			tree.Append(leaf)
			leaves = append(leaves, leaf[:]...)
		}
		return b.AppendRecord(nil)
	}
	records := [][]byte{add(event.Batch{Count: 1, Frames: frame})}
	for i, key := range []string{"a", "b"} {
		header, err := (&event.Header{Key: []byte(key)}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		b := event.Batch{First: event.Seq(1 + i), Count: 1, Frames: event.AppendFrame(nil, header, []byte("value"))}
		f, _, err := event.CutFrame(b.Frames)
		if err != nil {
			t.Fatal(err)
		}
		b.Evidence = evidence.SignSeal(writer, chain, []event.Hash{f.Leaf(chain)}, evidence.Writer{1}, uint64(1+i), tree.Head())
		records = append(records, add(b))
	}
	note, err := checkpoint.Sign(server, "a-server", chain, tree.Head())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := savedlog.NewWriter(&out)
	w.Write(savedlog.Server, server.Public().Bytes())
	w.Write(savedlog.Checkpoint, []byte(note))
	w.Write(savedlog.Leaves, leaves)
	for _, record := range records {
		w.Write(savedlog.Records, record)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestNoFlippedBitIsVerified flips bits all over a saved log, one at a time, and
// cuts it: none of it passes, not even as an event that compaction dropped.
func TestNoFlippedBitIsVerified(t *testing.T) {
	saved := savedChain(t)
	if v, err := readSaved(t.Context(), bytes.NewReader(saved)); err != nil || v.Counts().Seals != 2 {
		t.Fatal("the log itself:", err)
	}
	const step = 83 // odd, so that every bit of a byte has its turn
	for i := 0; i < 8*len(saved); i += step {
		changed := slices.Clone(saved)
		changed[i/8] ^= 1 << (i % 8)
		if v, err := readSaved(t.Context(), bytes.NewReader(changed)); err == nil {
			t.Errorf("a flipped bit %d of byte %d passes, with %+v", i%8, i/8, v.Counts())
		}
	}
	for n := range 40 {
		if _, err := readSaved(t.Context(), bytes.NewReader(saved[:n*len(saved)/40])); err == nil {
			t.Errorf("a log cut to %d of %d bytes passes", n*len(saved)/40, len(saved))
		}
	}
}

// TestSectionsInAnotherOrder turns one section's kind into each other: records
// that pass for a key or for leaf hashes would look like events that were
// dropped.
func TestSectionsInAnotherOrder(t *testing.T) {
	saved := savedChain(t)
	in, err := savedlog.NewReader(bytes.NewReader(saved))
	if err != nil {
		t.Fatal(err)
	}
	for {
		kind, _, offset, err := in.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range savedlog.Order + "X" {
			changed := slices.Clone(saved)
			changed[offset-5] = byte(other)
			if _, err := readSaved(t.Context(), bytes.NewReader(changed)); (err == nil) != (savedlog.Kind(other) == kind) {
				t.Errorf("a section %c at offset %d as %c: %v", kind, offset, other, err)
			}
		}
		if kind == savedlog.End {
			return
		}
	}
}
