package merkle

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
)

// faulty is bundles whose reads and writes a test can spoil.
type faulty struct {
	MemoryBundles
	put func(n uint64) error
	get func(raw []byte) ([]byte, error)
}

func (f *faulty) PutBundle(ctx context.Context, n uint64, leaves []byte) error {
	if f.put != nil {
		if err := f.put(n); err != nil {
			return err
		}
	}
	return f.MemoryBundles.PutBundle(ctx, n, leaves)
}

func (f *faulty) GetBundle(ctx context.Context, n uint64) ([]byte, error) {
	raw, err := f.MemoryBundles.GetBundle(ctx, n)
	if err == nil && f.get != nil {
		return f.get(slices.Clone(raw))
	}
	return raw, err
}

// TestDamagedBundle: storage gives back other leaf hashes than were stored.
// Nothing computed from them may leave the tree.
func TestDamagedBundle(t *testing.T) {
	ctx := context.Background()
	for name, get := range map[string]func([]byte) ([]byte, error){
		"one bit":  func(raw []byte) ([]byte, error) { raw[BundleBytes/2] ^= 1; return raw, nil },
		"last bit": func(raw []byte) ([]byte, error) { raw[BundleBytes-1] ^= 0x80; return raw, nil },
		"swapped": func(raw []byte) ([]byte, error) {
			return append(slices.Clone(raw[hashSize:2*hashSize]), append(slices.Clone(raw[:hashSize]), raw[2*hashSize:]...)...), nil
		},
		"short":   func(raw []byte) ([]byte, error) { return raw[:BundleBytes-1], nil },
		"long":    func(raw []byte) ([]byte, error) { return append(raw, 0), nil },
		"empty":   func([]byte) ([]byte, error) { return nil, nil },
		"missing": func([]byte) ([]byte, error) { return nil, fault.New(fault.NotFound, "gone") },
	} {
		store := new(faulty)
		tree := New(store)
		tree.Append(testLeaves(BundleSize + 5)...)
		if err := tree.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		store.get = get
		_, err1 := tree.RootAt(ctx, 100)
		_, err2 := tree.ProveInclusion(ctx, 7, BundleSize+5)
		_, err3 := tree.ProveConsistency(ctx, 7, BundleSize+5)
		_, err4 := tree.Leaves(ctx, BundleSize-1, 2)
		for i, err := range []error{err1, err2, err3, err4} {
			if !fault.Is(err, fault.Damaged) {
				t.Errorf("%s, %d: %v", name, i, err)
			}
		}
		store.get = nil
		if _, err := tree.RootAt(ctx, 100); err != nil {
			t.Errorf("%s: the damage was remembered: %v", name, err)
		}
	}
}

// TestUnavailableBundles: storage is away for a while. Nothing is lost, and
// what was put twice is the same.
func TestUnavailableBundles(t *testing.T) {
	ctx := context.Background()
	away := fault.New(fault.Unavailable, "away")
	store := &faulty{put: func(n uint64) error {
		if n == 1 {
			return away
		}
		return nil
	}}
	tree := New(store)
	leaves := testLeaves(3*BundleSize + 1)
	tree.Append(leaves...)
	head := tree.Head()
	if err := tree.Flush(ctx); !errors.Is(err, away) || !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	if tree.stored != 1 || len(tree.tail) != 2*BundleSize+1 {
		t.Fatalf("%d bundles are stored, %d leaves in memory", tree.stored, len(tree.tail))
	}
	if again, err := Restore(store, tree.AppendState(nil)); err != nil || again.Head() != head {
		t.Errorf("restoring between two bundles: %v", err)
	}
	store.put = nil
	if err := tree.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	store.get = func([]byte) ([]byte, error) { return nil, away }
	if _, err := tree.Leaves(ctx, 0, 1); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	store.get = nil
	if got, err := tree.Leaves(ctx, 0, len(leaves)); err != nil || !slices.Equal(got, leaves) || tree.Head() != head {
		t.Errorf("got %d leaves, head %s, %v", len(got), tree.Head(), err)
	}
}

// TestConcurrentUse appends and stores while others prove, and checks each proof
// against heads that were seen. It is meant for the race detector.
func TestConcurrentUse(t *testing.T) {
	ctx := context.Background()
	tree := New(new(MemoryBundles))
	leaves := testLeaves(3 * BundleSize)
	tree.Append(leaves[0])
	first := tree.Head()
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		for i := 1; i < len(leaves); i += 101 {
			tree.Append(leaves[i:min(i+101, len(leaves))]...)
			tree.Head()
		}
	})
	until := func(f func(head Head) error) {
		wg.Go(func() {
			for stop := false; !stop; {
				select {
				case <-done:
					stop = true
				default:
				}
				if err := f(tree.Head()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	until(func(Head) error { tree.AppendState(nil); return tree.Flush(ctx) })
	until(func(head Head) error {
		proof, err := tree.ProveConsistency(ctx, 1, head.Size)
		if err != nil {
			return err
		}
		return CheckConsistency(proof, first, head)
	})
	until(func(head Head) error {
		seq := head.Size / 2
		proof, err := tree.ProveInclusion(ctx, seq, head.Size)
		if err != nil {
			return err
		}
		return CheckInclusion(proof, head, seq, leaves[seq])
	})
	until(func(head Head) error {
		got, err := tree.Leaves(ctx, head.Size/2, int(head.Size-head.Size/2))
		if err == nil && !slices.Equal(got, leaves[head.Size/2:head.Size]) {
			err = errors.New("other leaves than were appended")
		}
		return err
	})
	wg.Wait()
	if got := tree.Head(); got.Root != Root(leaves) {
		t.Errorf("head %s", got)
	}
}

// TestMemoryBundlesRefuseParts shows that only whole bundles are kept.
func TestMemoryBundlesRefuseParts(t *testing.T) {
	m := new(MemoryBundles)
	if err := m.PutBundle(context.Background(), 0, make([]byte, 32)); !fault.Is(err, fault.BadRequest) {
		t.Error(err)
	}
	if _, err := m.GetBundle(context.Background(), 0); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
}
