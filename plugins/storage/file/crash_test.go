package file

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

// tiny are options under which a few operations fill everything there is.
func tiny(fs vfs.FS) Options {
	return Options{Path: "/data/store", FS: fs, SegmentSize: 2 << 10, JournalSegmentSize: 8 * block, JournalSegmentsMax: 3, maxUnwritten: 64 << 10}
}

// TestCrash does random operations and takes copies of the disk at random
// moments, as a loss of power would leave it. Each copy, recovered, must hold
// exactly what there was after the last operation that had been answered, or
// after one that was under way.
func TestCrash(t *testing.T) {
	const seeds = 6
	copies := 0
	for seed := range seeds {
		w := &workload{t: t, rng: rand.New(rand.NewPCG(uint64(seed), 7)), chains: map[chainname.Name]modelChain{}}
		fs := vfs.NewCrashableMem()
		for range 3 {
			w.run(fs, 40)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
			copies += len(w.copies)
			fs = w.resume()
		}
	}
	t.Logf("%d copies were recovered", copies)
	if copies < 5*seeds {
		t.Errorf("only %d copies were taken in %d runs", copies, seeds)
	}
}

// modelChain is what a chain must hold. It is never changed in place.
type modelChain struct {
	records []byte
	next    event.Seq
	blob    string
}

type model map[chainname.Name]modelChain

func (m model) String() string {
	var lines []string
	for name, c := range m {
		lines = append(lines, fmt.Sprintf("%s next %d blob %d records %08x%s\n", name, c.next, len(c.blob), event.Checksum(c.records), seqs(c.records)))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// seqs says which events some records hold.
func seqs(records []byte) string {
	var b strings.Builder
	for batch := range event.Records(records) {
		fmt.Fprintf(&b, " [%d,%d)", batch.First, batch.Next())
	}
	return b.String()
}

// workload is a sequence of operations with the states that they lead to.
type workload struct {
	t      *testing.T
	rng    *rand.Rand  // of the operations
	chains model       // after the last operation
	before model       // before it
	stays  bool        // no chain is removed
	dead   func() bool // reports whether the process was killed; may be nil

	mu     sync.Mutex // guards what follows
	states []string   // after each operation since the start of run
	done   int        // operations answered; one more may be under way
	crash  *rand.Rand
	copies []crashCopy
}

// crashCopy is the disk at a moment between after `done` operations and
// `begun` ones.
type crashCopy struct {
	fs          *vfs.MemFS
	done, begun int
}

// run opens a store, does n operations, and checks the copies taken meanwhile.
func (w *workload) run(fs *vfs.MemFS, n int) {
	w.states, w.done, w.copies = []string{w.chains.String()}, 0, nil
	w.crash = rand.New(rand.NewPCG(w.rng.Uint64(), 1))
	s := open(w.t, tiny(injecting(fs, func(op errorfs.Op) error {
		w.maybeCopy(fs, op)
		return nil
	})))
	handles := map[chainname.Name]storage.Chain{}
	for range n {
		w.operate(s, handles)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		w.t.Error(err)
	}
	w.maybeCopy(fs, errorfs.Op{Kind: errorfs.OpFileSync})
	for i := range w.copies {
		w.check(&w.copies[i])
	}
}

// maybeCopy copies the disk before one in some operations that change it.
func (w *workload) maybeCopy(fs *vfs.MemFS, op errorfs.Op) {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.crash.IntN(25) != 0 {
		return
	}
	percent := []int{0, 20, 60, 100}[w.crash.IntN(4)]
	// While mu is held no operation begins or ends.
	c := crashCopy{done: w.done, begun: len(w.states) - 1}
	c.fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: w.crash})
	w.copies = append(w.copies, c)
}

// check recovers a copy and compares it with the states that it may be in.
func (w *workload) check(c *crashCopy) {
	s, err := Open(tiny(c.fs.CrashClone(vfs.CrashCloneCfg{})))
	if err != nil {
		w.t.Errorf("recovering after operation %d: %v", c.done, err)
		return
	}
	got := contents(w.t, s).String()
	if !slices.Contains(w.states[c.done:c.begun+1], got) {
		w.t.Errorf("after operations %d to %d there is\n%.3000s\nwant\n%.3000s", c.done, c.begun, got, w.states[c.done])
	}
	if err := s.Shutdown(context.Background()); err != nil {
		w.t.Error(err)
	}
}

// resume returns a copy to go on with, from the state that it is in.
func (w *workload) resume() *vfs.MemFS {
	fs := w.copies[w.rng.IntN(len(w.copies))].fs
	s := open(w.t, tiny(fs.CrashClone(vfs.CrashCloneCfg{})))
	w.chains = contents(w.t, s)
	if err := s.Shutdown(context.Background()); err != nil {
		w.t.Error(err)
	}
	return fs
}

// contents reads everything that a store holds.
func contents(t *testing.T, s *Store) model {
	t.Helper()
	m, err := readStore(t.Context(), s)
	if err != nil {
		t.Error(err)
	}
	return m
}

func readStore(ctx context.Context, s *Store) (model, error) {
	names, err := s.List(ctx, "", storage.MaxList)
	errs := []error{err}
	m := model{}
	for _, name := range names {
		c, err := s.Open(ctx, name, false)
		if err == nil {
			m[name], err = readAll(ctx, c)
			err = errors.Join(err, c.Close())
		}
		errs = append(errs, err)
	}
	return m, errors.Join(errs...)
}

func readChain(t *testing.T, c storage.Chain) modelChain {
	t.Helper()
	m, err := readAll(t.Context(), c)
	if err != nil {
		t.Error(err)
	}
	return m
}

func readAll(ctx context.Context, c storage.Chain) (modelChain, error) {
	m := modelChain{next: c.State().Next}
	if blob, err := c.GetBlob(ctx, "blob"); err == nil {
		m.blob = string(blob)
	}
	for from := event.Seq(0); ; {
		records, err := c.Read(ctx, nil, from, 5000, false)
		if len(records) == 0 || err != nil {
			return m, err
		}
		m.records = append(m.records, records...)
		for batch := range event.Records(records) {
			from = batch.Next()
		}
	}
}

// operate does a random operation.
func (w *workload) operate(s *Store, handles map[chainname.Name]storage.Chain) {
	name := chainname.Name(fmt.Sprintf("g/c%d", w.rng.IntN(5)))
	c := handles[name]
	if c == nil {
		after := w.chains[name]
		w.do(name, &after, func() (err error) {
			handles[name], err = s.Open(w.t.Context(), name, true)
			return err
		})
		return
	}
	switch w.rng.IntN(20) {
	case 0:
		if w.stays {
			return
		}
		w.do(name, nil, func() error { return w.remove(s, handles, name) })
	case 1, 2:
		after := w.chains[name]
		after.blob = strings.Repeat("b", w.rng.IntN(6000))
		w.do(name, &after, func() error { return c.PutBlob(w.t.Context(), "blob", []byte(after.blob)) })
	case 3, 4, 5:
		w.drop(name, c, w.rng.IntN(3) == 0)
	case 6:
		delete(handles, name)
		if err := c.Close(); err != nil {
			w.t.Error(err)
		}
	default:
		w.append(s, handles)
	}
}

func (w *workload) remove(s *Store, handles map[chainname.Name]storage.Chain, name chainname.Name) error {
	if err := handles[name].Close(); err != nil {
		return err
	}
	delete(handles, name)
	return s.Remove(w.t.Context(), name)
}

func (w *workload) drop(name chainname.Name, c storage.Chain, erase bool) {
	after := w.chains[name]
	var set storage.DropSet
	for at := event.Seq(w.rng.IntN(4)); at < after.next; {
		end := at + 1 + event.Seq(w.rng.IntN(5))
		set = append(set, storage.Range{First: at, End: end})
		at = end + event.Seq(w.rng.IntN(8))
	}
	if erase {
		after.records = storagetest.Erased(after.records, set)
		w.do(name, &after, func() error {
			_, err := c.Erase(w.t.Context(), set)
			return err
		})
		return
	}
	after.records = storagetest.Survivors(after.records, func(seq event.Seq) bool { return !storagetest.Contains(set, seq) })
	w.do(name, &after, func() error {
		_, err := c.Drop(w.t.Context(), set)
		return err
	})
}

// append appends to some of the open chains in one round.
func (w *workload) append(s *Store, handles map[chainname.Name]storage.Chain) {
	changes := map[chainname.Name]*modelChain{}
	var round []storage.AppendRequest
	for _, name := range slices.Sorted(maps.Keys(handles)) {
		after := w.chains[name]
		var records []byte
		for range w.rng.IntN(3) {
			n := 1 + w.rng.IntN(4)
			records = append(records, storagetest.Record(after.next, n, w.rng.IntN(700))...)
			after.next += event.Seq(n)
		}
		if len(records) == 0 {
			continue
		}
		after.records = slices.Concat(after.records, records)
		changes[name] = &after
		round = append(round, storage.AppendRequest{Chain: handles[name], Records: records})
	}
	w.doAll(changes, func() error {
		for _, err := range s.Append(round) {
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *workload) do(name chainname.Name, after *modelChain, op func() error) {
	w.doAll(map[chainname.Name]*modelChain{name: after}, op)
}

// doAll does an operation that changes chains to what is given; nil means that
// the chain is gone.
func (w *workload) doAll(changes map[chainname.Name]*modelChain, op func() error) {
	w.mu.Lock()
	w.before = maps.Clone(w.chains)
	for name, after := range changes {
		if after == nil {
			delete(w.chains, name)
		} else {
			w.chains[name] = *after
		}
	}
	w.states = append(w.states, w.chains.String())
	w.mu.Unlock()
	if err := op(); err != nil {
		if w.dead != nil && w.dead() {
			return
		}
		w.t.Errorf("operation %d: %v", len(w.states)-1, err)
	}
	w.mu.Lock()
	w.done++
	w.mu.Unlock()
}
