package file

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/storage"
)

// TestKill does random operations in processes that are killed one after the
// other, some of them as they start. Each sees what the one before has left, be it
// durable or not, and goes on. The power fails at random moments: what any of them
// had answered must be there.
func TestKill(t *testing.T) {
	const seeds, processes = 5, 12
	powerFailed, killed := 0, 0
	for seed := range uint64(seeds) {
		w := &workload{t: t, rng: rand.New(rand.NewPCG(seed, 11)), chains: model{}, stays: true}
		fs := vfs.NewCrashableMem()
		w.states = []string{w.chains.String()}
		for n := range processes {
			if w.live(fs) {
				killed++
			}
			powerFailed += len(w.copies)
			if t.Failed() {
				t.Fatalf("seed %d, process %d", seed, n)
			}
		}
	}
	t.Logf("%d of %d processes were killed, and the power failed %d times", killed, seeds*processes, powerFailed)
	if killed < seeds*processes/2 || powerFailed < seeds*processes {
		t.Error("the test sees too little")
	}
}

// live is the life of a process, which ends by being killed or in order. It begins
// with what the one before has left: one of states from done on.
func (w *workload) live(fs *vfs.MemFS) (killed bool) {
	w.states, w.done, w.copies = w.states[w.done:], 0, nil
	w.crash = rand.New(rand.NewPCG(w.rng.Uint64(), 1))
	var dead atomic.Bool
	dies := int64(w.rng.IntN([]int{60, 1200}[w.rng.IntN(2)])) // some as they start
	var count atomic.Int64
	w.dead = dead.Load
	s, err := Open(tiny(injecting(fs, func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && count.Add(1) > dies {
			dead.Store(true)
		}
		if dead.Load() {
			return errInjected
		}
		w.maybeCopy(fs, op)
		return nil
	})))
	if err == nil {
		err = w.takeOver(s)
	}
	handles := map[chainname.Name]storage.Chain{}
	for n := 0; err == nil && n < 40 && !dead.Load(); n++ {
		w.operate(s, handles)
	}
	if err != nil && !dead.Load() {
		w.t.Error(err)
	}
	if err := s.Shutdown(context.Background()); err != nil && !dead.Load() {
		w.t.Error(err)
	}
	for i := range w.copies {
		w.check(&w.copies[i])
	}
	return dead.Load()
}

// takeOver finds out which of the states the process before has left. A blob that
// was being put then is put again: until that is answered, it may be there or not.
func (w *workload) takeOver(s *Store) error {
	got, err := readStore(w.t.Context(), s)
	if err != nil {
		return err
	}
	if !slices.Contains(w.states, got.String()) {
		w.t.Errorf("after operations %d to %d there is\n%.3000s\nwant\n%.3000s", w.done, len(w.states)-1, got, w.states[0])
	}
	for name, is := range got {
		if w.before[name].blob == w.chains[name].blob {
			continue
		}
		c, err := s.Open(w.t.Context(), name, false)
		if err == nil {
			err = c.PutBlob(w.t.Context(), "blob", []byte(is.blob))
		}
		if err == nil {
			err = c.Close()
		}
		if err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.chains = got
	w.states = append(w.states, got.String())
	w.done = len(w.states) - 1
	return nil
}
