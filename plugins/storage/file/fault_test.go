package file

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

func injecting(fs vfs.FS, inject func(errorfs.Op) error) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(inject))
}

func appendTo(s *Store, c storage.Chain, records []byte) error {
	return s.Append([]storage.AppendRequest{{Chain: c, Records: records}})[0]
}

func shutdown(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

var errInjected = errors.New("injected failure")

// TestFailures lets each operation on the file system fail in turn: without its
// effect, with it, and as all later ones do, as if the process had been killed.
// It checks that a store opened afterwards, at once or after a loss of power, has
// everything that was acknowledged and nothing that was not asked for.
func TestFailures(t *testing.T) {
	for _, mode := range []struct {
		name         string
		done, killed bool
		step         int64
	}{
		{name: "not done", step: 3},
		{name: "done", done: true, step: 5},
		{name: "killed", killed: true, step: 3},
	} {
		failed := 0
		for n := int64(0); ; n += mode.step {
			fs := vfs.NewCrashableMem()
			var count atomic.Int64
			story := &story{t: t}
			story.tell(injecting(fs, func(op errorfs.Op) error {
				if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
					return nil
				}
				if i := count.Add(1) - 1; i < n || i > n && !mode.killed {
					return nil
				}
				if mode.done {
					carryOut(fs, op)
				}
				return errInjected
			}))
			story.check(fs.CrashClone(vfs.CrashCloneCfg{}))
			story.check(fs)
			if t.Failed() {
				t.Fatalf("%s: operation %d", mode.name, n)
			}
			if count.Load() <= n {
				break
			}
			failed++
		}
		if failed < 40 {
			t.Errorf("%s: only %d operations could fail", mode.name, failed)
		}
	}
}

// carryOut does an operation of which the caller is told that it failed.
func carryOut(fs *vfs.MemFS, op errorfs.Op) {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData:
		if f, err := fs.Open(op.Path); err == nil {
			f.Sync()
			f.Close()
		}
	case errorfs.OpRemove:
		fs.Remove(op.Path)
	case errorfs.OpMkdirAll:
		fs.MkdirAll(op.Path, 0o700)
	}
}

// story is a fixed sequence of operations, what was acknowledged of it, and
// what was at least begun.
type story struct {
	t                  *testing.T
	acked, begun       event.Seq
	dropped, dropBegun bool
	blob, blobBegun    bool
}

var storyDrop = storage.DropSet{{First: 3, End: 9}, {First: 20, End: 21}}

func (y *story) tell(fs vfs.FS) {
	s, err := Open(tiny(fs))
	if err != nil {
		return
	}
	defer s.Shutdown(context.Background())
	c, err := s.Open(y.t.Context(), "g/a", true)
	if err != nil {
		return
	}
	for y.begun < 40 {
		y.begun++
		if appendTo(s, c, storagetest.Record(y.begun-1, 1, 700)) != nil {
			// Whoever is refused sends again: so does the daemon.
			if appendTo(s, c, storagetest.Record(y.begun-1, 1, 700)) != nil {
				return
			}
		}
		y.acked = y.begun
		switch y.begun {
		case 25:
			y.dropBegun = true
			_, err := c.Drop(y.t.Context(), storyDrop)
			y.dropped = err == nil
		case 30:
			y.blobBegun = true
			y.blob = c.PutBlob(y.t.Context(), "blob", []byte("blob")) == nil
		}
	}
}

// check opens a store on what is there, appends to the chain, and has the power
// fail, before and after the store is shut down.
func (y *story) check(fs *vfs.MemFS) {
	y.t.Helper()
	s, err := Open(tiny(fs))
	if err != nil {
		y.t.Errorf("opening after a failure: %v", err)
		return
	}
	c, err := s.Open(y.t.Context(), "g/a", true)
	if err != nil {
		y.t.Error(err)
		return
	}
	got := readChain(y.t, c)
	if got.next < y.acked || got.next > y.begun {
		y.t.Errorf("the chain ends at %d; %d was acknowledged and %d begun", got.next, y.acked, y.begun)
	}
	all := storagetest.Records(0, int(got.next), 1, 700)
	less := storagetest.Survivors(all, func(seq event.Seq) bool { return !storagetest.Contains(storyDrop, seq) })
	if !(y.dropBegun && string(got.records) == string(less)) && !(!y.dropped && string(got.records) == string(all)) {
		y.t.Errorf("the chain has%s (drop begun %v, acknowledged %v)", seqs(got.records), y.dropBegun, y.dropped)
	}
	if y.blob && got.blob != "blob" || !y.blobBegun && got.blob != "" {
		y.t.Errorf("the blob is %q (begun %v, acknowledged %v)", got.blob, y.blobBegun, y.blob)
	}
	if err := appendTo(s, c, storagetest.Record(got.next, 1, 10)); err != nil {
		y.t.Errorf("appending after a failure: %v", err)
	}
	want := readChain(y.t, c)
	before := fs.CrashClone(vfs.CrashCloneCfg{})
	shutdown(y.t, s)
	for what, fs := range map[string]*vfs.MemFS{"as it ran": before, "when it was shut down": fs.CrashClone(vfs.CrashCloneCfg{})} {
		s, err := Open(tiny(fs))
		if err != nil {
			y.t.Errorf("the power failed %s: %v", what, err)
			continue
		}
		got := readChain(y.t, mustOpen(y.t, s, "g/a"))
		if got.next != want.next || string(got.records) != string(want.records) {
			y.t.Errorf("the power failed %s: the chain goes to %d and has%s, before to %d and%s", what, got.next, seqs(got.records), want.next, seqs(want.records))
		}
		if got.blob != want.blob && y.blob {
			y.t.Errorf("the power failed %s: the blob is %q", what, got.blob)
		}
		shutdown(y.t, s)
	}
}

// TestFailedSyncIsFinal lets one sync of the journal fail.
func TestFailedSyncIsFinal(t *testing.T) {
	mem := vfs.NewMem()
	var failing atomic.Bool
	var syncs atomic.Int64
	s := open(t, tiny(injecting(mem, func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSyncData && strings.Contains(op.Path, "JOURNAL") {
			syncs.Add(1)
			if failing.Swap(false) {
				return errInjected
			}
		}
		return nil
	})))
	c := mustOpen(t, s, "g/a")
	mustAppend(t, s, c, storagetest.Record(0, 1, 10))
	failing.Store(true)
	if err := appendTo(s, c, storagetest.Record(1, 1, 10)); !fault.Is(err, fault.Unavailable) || !errors.Is(err, errInjected) {
		t.Errorf("the append whose sync failed: %v", err)
	}
	before := syncs.Load()
	for range 3 {
		if err := appendTo(s, c, storagetest.Record(1, 1, 10)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("an append after a failed sync: %v", err)
		}
	}
	if err := c.PutBlob(t.Context(), "b", []byte("x")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("putting a blob after a failed sync: %v", err)
	}
	if got := syncs.Load(); got != before {
		t.Errorf("a file was synced %d times after its sync had failed", got-before)
	}
	if got := readChain(t, c); got.next != 1 || string(got.records) != string(storagetest.Record(0, 1, 10)) {
		t.Errorf("after a failed sync the chain reads as %+v", got)
	}
	if err := s.Health(t.Context()); err == nil {
		t.Error("the store says that it is well")
	}
	if stats, err := s.Stats(t.Context()); err != nil || stats.ReadOnly == "" {
		t.Errorf("the stats are %+v, %v", stats, err)
	}
	if err := s.Shutdown(context.Background()); err == nil {
		t.Error("shutting down reported no error although not all could be synced")
	}
	s = open(t, tiny(mem))
	c = mustOpen(t, s, "g/a")
	mustAppend(t, s, c, storagetest.Record(0, 1, 10))
	mustAppend(t, s, c, storagetest.Record(1, 1, 10))
	shutdown(t, s)
}

// TestRollInDoubt lets the sync fail by which CHAIN came to name another active
// segment, and changes closed ones then: that segment must stay what it is.
func TestRollInDoubt(t *testing.T) {
	set := storage.DropSet{{First: 3, End: 9}}
	for name, change := range map[string]func(context.Context, storage.Chain) error{
		"drop":          func(ctx context.Context, c storage.Chain) error { return second(c.Drop(ctx, set)) },
		"erase":         func(ctx context.Context, c storage.Chain) error { return second(c.Erase(ctx, set)) },
		"erase nothing": func(ctx context.Context, c storage.Chain) error { return second(c.Erase(ctx, nil)) },
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			var armed, renamed atomic.Bool
			s := open(t, tiny(injecting(mem, func(op errorfs.Op) error {
				switch {
				case !armed.Load():
				case op.Kind == errorfs.OpRename && strings.Contains(op.Path, manifestName):
					renamed.Store(true)
				case op.Kind == errorfs.OpFileSync && op.Path == chainDir && renamed.Load():
					return errInjected
				}
				return nil
			})))
			c := mustOpen(t, s, "g/a")
			next := event.Seq(0)
			for ; appendTo(s, c, storagetest.Record(next, 1, 700)) == nil; next++ {
				if next > 30 {
					t.Fatal("no segment was closed")
				}
				armed.Store(next >= 20)
				_, _ = s.drain() // or else writeBehind does it: the disk keeps the failure
			}
			if err := change(t.Context(), c); !fault.Is(err, fault.Unavailable) {
				t.Errorf("a change of what is in doubt: %v", err)
			}
			armed.Store(false)
			_ = s.Shutdown(context.Background()) // it says what failed
			s = open(t, tiny(mem))
			if got := readChain(t, mustOpen(t, s, "g/a")); got.next != next || string(got.records) != string(storagetest.Records(0, int(next), 1, 700)) {
				t.Errorf("the chain goes to %d and has%s; %d records were acknowledged", got.next, seqs(got.records), next)
			}
			shutdown(t, s)
		})
	}
}

// TestRemovalInDoubt has a chain's CHAIN be gone for the next process, but not for
// the one after a loss of power, unless the first of them sees to it: the chain must
// not come back without what only the journal had of it.
func TestRemovalInDoubt(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var armed atomic.Bool
	s := open(t, tiny(injecting(mem, func(op errorfs.Op) error {
		if armed.Load() && op.Kind == errorfs.OpFileSync && op.Path == chainDir {
			return errInjected
		}
		return nil
	})))
	c := mustOpen(t, s, "g/a")
	mustAppend(t, s, c, storagetest.Record(0, 1, 10))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	if err := s.Remove(t.Context(), "g/a"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a removal that is in doubt: %v", err)
	}
	armed.Store(false)
	_ = s.Shutdown(context.Background()) // it says what failed
	for _, fs := range []vfs.FS{mem, mem.CrashClone(vfs.CrashCloneCfg{})} {
		s = open(t, tiny(fs))
		if names, err := s.List(t.Context(), "", 10); err != nil || len(names) > 0 && readChain(t, mustOpen(t, s, "g/a")).next != 1 {
			t.Errorf("there are %v, without what was in the journal (%v)", names, err)
		}
		shutdown(t, s)
	}
	s = open(t, tiny(mem.CrashClone(vfs.CrashCloneCfg{})))
	if names, err := s.List(t.Context(), "", 10); err != nil || len(names) > 0 {
		t.Errorf("%v came back (%v)", names, err)
	}
	shutdown(t, s)
}

func mustOpen(t *testing.T, s *Store, name string) storage.Chain {
	t.Helper()
	c, err := s.Open(t.Context(), parseName(name), true)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustAppend(t *testing.T, s *Store, c storage.Chain, records []byte) {
	t.Helper()
	if err := appendTo(s, c, records); err != nil {
		t.Fatal(err)
	}
}

// TestDiskFull fills the disk, restarts the store while it is full, and makes
// space again.
func TestDiskFull(t *testing.T) {
	mem := vfs.NewMem()
	var full atomic.Bool
	fs := injecting(mem, func(op errorfs.Op) error {
		_, missing := mem.Stat(op.Path)
		takesSpace := op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpMkdirAll && missing != nil ||
			op.Kind == errorfs.OpFileWriteAt && !strings.Contains(op.Path, "JOURNAL") // overwritten blocks are there
		if full.Load() && takesSpace {
			return syscall.ENOSPC
		}
		return nil
	})
	s := open(t, tiny(fs))
	c := mustOpen(t, s, "g/a")
	next := event.Seq(0)
	for ; next < 20; next++ {
		mustAppend(t, s, c, storagetest.Record(next, 1, 700))
	}
	full.Store(true)
	for ; ; next++ {
		err := appendTo(s, c, storagetest.Record(next, 1, 700))
		if fault.Is(err, fault.DiskFull) {
			break
		}
		if err != nil || next > 1000 {
			t.Fatalf("filling the disk: %v after %d", err, next)
		}
	}
	check := func() {
		t.Helper()
		if got := readChain(t, c); got.next != next || string(got.records) != string(storagetest.Records(0, int(next), 1, 700)) {
			t.Fatalf("with a full disk the chain reads as next %d,%s; want %d", got.next, seqs(got.records), next)
		}
	}
	check()
	if stats, err := s.Stats(t.Context()); err != nil || !strings.Contains(stats.ReadOnly, "full") {
		t.Errorf("the stats are %+v, %v", stats, err)
	}
	if err := s.Health(t.Context()); err != nil {
		t.Errorf("a full disk is no reason to start anew: %v", err)
	}
	for _, err := range []error{
		c.PutBlob(t.Context(), "b", []byte("x")),
		second(s.Open(t.Context(), "g/new", true)),
		second(c.Drop(t.Context(), storage.DropSet{{First: 0, End: 1}})),
	} {
		if !fault.Is(err, fault.DiskFull) {
			t.Errorf("with a full disk: %v", err)
		}
	}
	if err := s.Shutdown(context.Background()); !fault.Is(err, fault.DiskFull) {
		t.Errorf("shutting down with a full disk: %v", err)
	}
	s = open(t, tiny(fs))
	c = mustOpen(t, s, "g/a")
	check()
	if err := appendTo(s, c, storagetest.Record(next, 1, 30_000)); !fault.Is(err, fault.DiskFull) && !fault.Is(err, fault.TooLarge) {
		t.Errorf("an append after a restart with a full disk: %v", err)
	}
	full.Store(false)
	for end := next + 50; next < end; next++ {
		mustAppend(t, s, c, storagetest.Record(next, 1, 700))
	}
	check()
	shutdown(t, s)
	s = open(t, tiny(fs))
	c = mustOpen(t, s, "g/a")
	check()
	shutdown(t, s)
}

func second[T any](_ T, err error) error { return err }

// TestDropCrash copies the disk before every operation of a drop.
func TestDropCrash(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var dropping atomic.Bool
	var mu sync.Mutex // guards copies
	var copies []*vfs.MemFS
	s := open(t, tiny(injecting(mem, func(op errorfs.Op) error {
		if dropping.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			mu.Lock()
			defer mu.Unlock()
			copies = append(copies, mem.CrashClone(vfs.CrashCloneCfg{}))
		}
		return nil
	})))
	c := mustOpen(t, s, "g/a")
	for next := event.Seq(0); next < 30; next++ {
		mustAppend(t, s, c, storagetest.Record(next, 1, 700))
	}
	if _, err := s.drain(); err != nil { // nothing for the writer to do meanwhile
		t.Fatal(err)
	}
	dropping.Store(true)
	if _, err := c.Drop(t.Context(), storyDrop); err != nil {
		t.Fatal(err)
	}
	dropping.Store(false)
	shutdown(t, s)
	seen := map[string]bool{}
	for i, fs := range append(copies, mem) {
		s := open(t, tiny(fs))
		got := readChain(t, mustOpen(t, s, "g/a"))
		shutdown(t, s)
		y := story{t: t, acked: 30, begun: 30, dropBegun: true}
		y.check(fs)
		seen[string(got.records)] = true
		if t.Failed() {
			t.Fatalf("in copy %d of %d", i, len(copies))
		}
	}
	if len(seen) != 2 {
		t.Errorf("%d states were seen in %d copies, want 2", len(seen), len(copies))
	}
}
