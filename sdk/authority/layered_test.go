package authority

import (
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
)

// TestLayered proves that a layered map is a map: with many more changes than
// its index has room for at first, taken back, settled and thrown away.
func TestLayered(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	l := layered[version]{settled: make(map[objectID]version)}
	settled := map[objectID]version{}
	for round := range 60 {
		staged, marked, mark := maps.Clone(settled), maps.Clone(settled), 0
		for range []int{3, 100, 3000}[round%3] {
			id := objectID{r.Uint64N(40), r.Uint64N(40)}
			switch r.IntN(50) {
			case 0:
				mark, marked = len(l.changes), maps.Clone(staged)
			case 1:
				l.revert(mark)
				staged = maps.Clone(marked)
			}
			value := version(r.Uint64N(4))
			if l.put(id, value); value == 0 {
				delete(staged, id)
			} else {
				staged[id] = value
			}
			if id[0]--; l.get(id) != staged[id] {
				t.Fatalf("%v is %d, want %d", id, l.get(id), staged[id])
			}
		}
		for id := range staged {
			if l.get(id) != staged[id] {
				t.Fatalf("%v is %d, want %d", id, l.get(id), staged[id])
			}
		}
		if r.IntN(3) == 0 {
			l.revert(0)
		} else {
			l.settle()
			settled = staged
		}
		if !maps.Equal(l.settled, settled) {
			t.Fatalf("round %d: settled is not as it should be", round)
		}
		for i, at := range l.latest.slots {
			if at != 0 {
				t.Fatalf("round %d: slot %d is left over", round, i)
			}
		}
	}
}

// TestReadWhileJudging proves, under the race detector, that what is settled
// can be read while the leader judges.
func TestReadWhileJudging(t *testing.T) {
	_, tree := eventful(t)
	var state sync.RWMutex // as a chain has
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				tree.PublicKey(eve) // without the lock
				state.RLock()
				tree.Newest([]byte("a"))
				tree.Len()
				_ = tree.MayWriteTop([]event.Hash{eve})
				_, _ = tree.Authority([]byte("b"), nil)
				tree.AppendSnapshot(nil)
				state.RUnlock()
			}
		})
	}
	for i := range 300 {
		m := tree.Mark()
		for _, h := range []*eventpb.Header{on("a"), on("x", under("a"), introducing([]byte{byte(i), 1})), on(RootKey, anyOf(root, eve))} {
			if err := tree.Judge(tree.Next(), h, false, []event.Hash{root}); err != nil {
				t.Error(err)
			}
		}
		switch i % 3 {
		case 0:
			tree.Revert(m)
		case 1:
			state.Lock()
			tree.Settle()
			state.Unlock()
		case 2:
			tree.Discard()
		}
	}
	close(done)
	readers.Wait()
}

// TestJudgeAllocatesNothing proves that a new plain object costs no allocation
// of its own.
func TestJudgeAllocatesNothing(t *testing.T) {
	tree, h, seq := New(event.Genesis{}), &eventpb.Header{Key: make([]byte, 16)}, 0
	each := testing.AllocsPerRun(20, func() {
		for range 1000 {
			seq++
			h.Key[0], h.Key[1], h.Key[2] = byte(seq), byte(seq>>8), byte(seq>>16)
			if err := tree.Judge(tree.Next(), h, true, nil); err != nil {
				t.Fatal(err)
			}
		}
		tree.Settle()
	}) / 1000
	if each > 0.1 {
		t.Errorf("%.2f allocations for each object", each)
	}
}
