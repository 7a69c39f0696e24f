package chain

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// save stores a snapshot, as happens after many events.
func (f *fixture) save() {
	f.t.Helper()
	if err := f.trySave(); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) trySave() error {
	err := f.merkle.Flush(context.Background())
	if err == nil {
		err = f.Chain.save(context.Background(), f.Next(), f.snapshot(f.Next()))
	}
	return err
}

func containsString(err error, want string) bool {
	return err != nil && strings.Contains(err.Error(), want)
}

// snapshots returns the names of a log's blobs that belong to snapshots.
func snapshots(log *chaintest.Log) string {
	return strings.Join(slices.DeleteFunc(log.Blobs(), func(name string) bool { return !strings.HasPrefix(name, "snapshot") }), " ")
}

func (f *fixture) blob(name string) []byte {
	f.t.Helper()
	b, err := f.log.GetBlob(context.Background(), name)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

func (f *fixture) putBlob(name string, data []byte) {
	f.t.Helper()
	if err := f.log.PutBlob(context.Background(), name, data); err != nil {
		f.t.Fatal(err)
	}
}

// replaceBody has the snapshot, of one part, say something else, all checksums
// being right.
func (f *fixture) replaceBody(body []byte) {
	f.t.Helper()
	named := f.blob(snapshotBlob)
	binary.LittleEndian.PutUint32(named[16:], crc32.Checksum(body, castagnoli))
	resum(named)
	f.putBlob(snapshotBlob, named)
	f.putBlob(partName(binary.LittleEndian.Uint32(named[8:]), 0), body)
}

func resum(named []byte) {
	binary.LittleEndian.PutUint32(named[20:], crc32.Checksum(named[:20], castagnoli))
}

// TestBadSnapshots has each bad snapshot reported once, and the whole log read:
// the state is what it was, and the next snapshot is good again.
func TestBadSnapshots(t *testing.T) {
	edit := func(name string, change func([]byte) []byte) func(*fixture) {
		return func(f *fixture) { f.putBlob(name, change(f.blob(name))) }
	}
	body := func(change func([]byte) []byte) func(*fixture) {
		return func(f *fixture) { f.replaceBody(change(f.blob("snapshot-1-0"))) }
	}
	named := func(change func(named []byte)) func(*fixture) {
		return edit(snapshotBlob, func(b []byte) []byte { change(b); resum(b); return b })
	}
	older := func(keep int) func(*fixture) { // the log as it was after some of its records
		return func(f *fixture) {
			log, records := f.log.Copy(), f.log.Records()
			for range keep {
				size, err := event.RecordSize(records)
				if err != nil {
					f.t.Fatal(err)
				}
				records = records[size:]
			}
			f.log = chaintest.NewLog(f.log.Records()[:len(f.log.Records())-len(records)])
			for _, name := range log.Blobs() {
				b, _ := log.GetBlob(context.Background(), name)
				f.putBlob(name, b)
			}
		}
	}
	for name, c := range map[string]struct {
		spoil func(*fixture)
		want  string
	}{
		"flipped bit of the name":    {edit(snapshotBlob, func(b []byte) []byte { b[9] ^= 1; return b }), "names its parts is damaged"},
		"name cut short":             {edit(snapshotBlob, func(b []byte) []byte { return b[:23] }), "names its parts is damaged"},
		"later version":              {named(func(b []byte) { b[7]++ }), "another version"},
		"generation 2":               {named(func(b []byte) { b[8] = 2 }), "generation 2"},
		"too many parts":             {named(func(b []byte) { b[15] = 0xff }), "parts"},
		"no parts":                   {named(func(b []byte) { b[12] = 0 }), "checksum"},
		"missing part":               {edit("snapshot-1-0", func([]byte) []byte { return nil }), "part 0 of 1 is missing"},
		"flipped bit of a part":      {edit("snapshot-1-0", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }), "checksum"},
		"part cut short":             {edit("snapshot-1-0", func(b []byte) []byte { return b[:len(b)-1] }), "checksum"},
		"empty body":                 {body(func([]byte) []byte { return []byte{1} }), "body has 1 bytes"},
		"section cut short":          {body(func(b []byte) []byte { return b[:len(b)-1] }), "section 2 is cut short"},
		"section of a huge length":   {body(func(b []byte) []byte { b[23] = 0xff; return b }), "section 0 is cut short"},
		"bytes at the end":           {body(func(b []byte) []byte { return append(b, 0) }), "1 bytes after its end"},
		"seq that its tree has not":  {body(func(b []byte) []byte { b[0]--; return b }), "leaf hashes"},
		"flipped bit of the tree":    {body(func(b []byte) []byte { b[80] ^= 1; return b }), "authority tree"},
		"flipped bit of leaf hashes": {body(func(b []byte) []byte { b[len(b)-40] ^= 1; return b }), "Merkle tree"},
		"later version of writers":   {body(func(b []byte) []byte { b[len(b)-13]++; return b }), "version 2"},
		"another chain's": {func(f *fixture) {
			other := newFixture(f.t)
			for i := range byte(3) {
				other.do(newCommit(i, put{"k", fmt.Sprint(i), false}))
			}
			other.save()
			f.replaceBody(other.blob("snapshot-1-0"))
		}, "another chain"},
		"log from an older copy": {older(3), "the log is older"},
		"log from an older copy, with other events since": {func(f *fixture) {
			older(3)(f)
			f.putBlob(snapshotBlob, nil)
			log := f.log
			f.open()
			f.do(newCommit(77, put{"k", "2", false}))
			f.do(newCommit(78, put{"after", "", false}))
			f.log = log.Copy()
		}, "another history"},
		"log with a longer commit where the snapshot ends": {func(f *fixture) {
			older(3)(f)
			f.putBlob(snapshotBlob, nil)
			f.open()
			f.do(newCommit(77, put{"k", "2", false}, put{"after", "", false}))
		}, "another history"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			for i := range byte(3) {
				f.do(newCommit(i, put{"k", fmt.Sprint(i), false}))
			}
			f.save()
			naming := f.blob(snapshotBlob)
			c.spoil(f)
			if strings.Contains(c.want, "history") { // it had to be away for the other events to be written
				f.putBlob(snapshotBlob, naming)
			}
			var problems []error
			f.onProblem = func(err error) { problems = append(problems, err) }
			f.open()
			if len(problems) != 1 || !containsString(problems[0], c.want) {
				t.Errorf("reported: %v; want %q", problems, c.want)
			}
			leaves := f.leaves()
			if f.wantHead(leaves); f.Objects() != 2+min(len(leaves)-4, 1) && len(leaves) != 3 {
				t.Errorf("%d objects", f.Objects())
			}
			f.onProblem = nil
			f.save()
			f.open()
			f.wantHead(leaves)
		})
	}
}

// TestEveryByteOfASnapshotCounts flips a bit of each byte.
func TestEveryByteOfASnapshotCounts(t *testing.T) {
	f := newFixture(t)
	f.do(newCommit(1, put{"k", "v", false}))
	f.save()
	leaves, log := f.leaves(), f.log
	for _, name := range []string{snapshotBlob, "snapshot-1-0"} {
		for i, n := 0, len(f.blob(name)); i < n; i++ {
			f.log = log.Copy()
			b := f.blob(name)
			b[i] ^= 1 << (i % 8)
			f.putBlob(name, b)
			problems := 0
			f.onProblem = func(error) { problems++ }
			f.open()
			if f.wantHead(leaves); problems != 1 {
				t.Errorf("byte %d of %s: %d problems are reported", i, name, problems)
			}
		}
		f.log = log
	}
}

// TestKillWhileSaving fails every step of writing a snapshot over an older one,
// with and without the step's having happened, and opens what a crash then
// leaves: nothing is lost or reported. Saved again, nothing is left over.
func TestKillWhileSaving(t *testing.T) {
	setUp := func() *fixture {
		f := newFixture(t)
		f.upkeep.part = 100
		f.do(bulk(1, 5))
		f.save()
		f.do(bulk(2, 5))
		return f
	}
	steps := 0
	f := setUp()
	f.log.OnPutBlob = func(context.Context, string, []byte) (bool, error) { steps++; return true, nil }
	f.save()
	if steps < 10 {
		t.Fatalf("saving takes %d steps; the test needs more parts", steps)
	}
	for step := range steps {
		for _, persisted := range []bool{false, true} {
			f := setUp()
			at := 0
			f.log.OnPutBlob = func(context.Context, string, []byte) (bool, error) {
				if at++; at-1 == step {
					return persisted, errors.New("killed")
				}
				return true, nil
			}
			if err := f.trySave(); err == nil || at != step+1 {
				t.Fatalf("step %d: %v after %d steps", step, err, at)
			}
			f.log.OnPutBlob = nil
			live, log, leaves := f.Chain, f.log, f.leaves()

			f.log = log.Copy()
			f.open()
			f.wantHead(leaves)
			f.upkeep.part = 100
			f.save()
			f.save()
			f.open()
			if f.wantHead(leaves); f.Objects() != 11 {
				t.Errorf("step %d: %d objects", step, f.Objects())
			}

			f.Chain, f.log = live, log // the same chain goes on if it was no crash
			f.save()
			f.open()
			f.wantHead(leaves)
			if got, want := len(strings.Fields(snapshots(log))), 1+int(f.upkeep.saved.parts); got != want {
				t.Errorf("step %d: %d blobs are left, want %d: %s", step, got, want, snapshots(log))
			}
		}
	}
}

func TestGenerationsAlternate(t *testing.T) {
	f := newFixture(t)
	f.upkeep.part = 100
	for i, want := range []string{
		"snapshot snapshot-1-0 snapshot-1-1 snapshot-1-2",
		"snapshot snapshot-0-0 snapshot-0-1 snapshot-0-2",
		"snapshot snapshot-1-0 snapshot-1-1 snapshot-1-2",
	} {
		f.save()
		if got := snapshots(f.log); got != want {
			t.Errorf("after snapshot %d: %s, want %s", i, got, want)
		}
		f.open()
		f.upkeep.part = 100
	}
}

// TestStateIsSavedInTheBackground commits enough for a snapshot, with others
// committing meanwhile, kills the daemon and opens the chain again.
func TestStateIsSavedInTheBackground(t *testing.T) {
	f := newFixture(t)
	f.upkeep.every = 10_000
	saves := 0
	f.log.OnPutBlob = func(_ context.Context, name string, _ []byte) (bool, error) {
		if name == snapshotBlob {
			saves++
		}
		return true, nil
	}
	var wg sync.WaitGroup
	for w := range byte(4) {
		wg.Go(func() {
			for i := range byte(6) {
				done := make(chan Result, 1)
				c := bulk(10*w+i, 500)
				c.Answer = func(_ *Commit, r Result) { done <- r }
				f.Commit(c)
				if r := <-done; r.Err != nil {
					t.Error(r.Err)
				}
			}
		})
	}
	wg.Wait()
	f.upkeep.running.Wait()
	f.maintain() // in the place of the next round, if leaves were still being saved in the last one
	f.upkeep.running.Wait()
	if saves != 1 {
		t.Errorf("%d snapshots were written, want 1", saves)
	}
	crashed := f.log.Copy()
	f.log = crashed
	var reads []event.Seq
	f.log.OnRead = func(from event.Seq, _ bool) { reads = append(reads, from) }
	f.open()
	if f.Next() != 12_001 || f.Objects() != 12_001 {
		t.Errorf("next is %d, %d objects", f.Next(), f.Objects())
	}
	if len(reads) > 5 || reads[len(reads)-1] < 10_000 {
		t.Errorf("the log was read from %d", reads)
	}
	root := f.Head()
	f.putBlob(snapshotBlob, nil)
	f.open()
	if f.Head() != root {
		t.Errorf("the head is %s with the snapshot and %s without", root, f.Head())
	}
}

// TestOpeningFromASnapshotReadsLittle has the work of opening not depend on the
// log, and no data read but the genesis's.
func TestOpeningFromASnapshotReadsLittle(t *testing.T) {
	f := newFixture(t)
	for i := range byte(5) {
		f.do(bulk(i, 1000))
	}
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var reads []string
	f.log.OnRead = func(from event.Seq, headersOnly bool) {
		reads = append(reads, fmt.Sprint(from, headersOnly))
	}
	f.open()
	if got := strings.Join(reads, ", "); got != "0 false, 5000 true" {
		t.Errorf("reads: %s", got)
	}
	if f.Objects() != 5001 {
		t.Errorf("%d objects", f.Objects())
	}
	f.putBlob(snapshotBlob, nil)
	reads = nil
	f.open()
	for _, read := range reads[1:] {
		if !strings.HasSuffix(read, "true") {
			t.Errorf("data was read: %s", read)
		}
	}
}

// TestSavingThatFails reports a failure once, tries again after a while rather
// than each round, and leaves the commits alone.
func TestSavingThatFails(t *testing.T) {
	f := newFixture(t)
	clock := time.UnixMicro(5e15)
	f.now = func() time.Time { return clock }
	tries, fail := 0, true
	f.log.OnPutBlob = func(context.Context, string, []byte) (bool, error) {
		if tries++; fail {
			return false, fault.New(fault.DiskFull, "no space")
		}
		return true, nil
	}
	problems := 0
	f.onProblem = func(err error) {
		if problems++; !fault.Is(err, fault.DiskFull) || !containsString(err, testName.String()) {
			t.Errorf("reported: %v", err)
		}
	}
	commit := func(id byte, n int) {
		t.Helper()
		if r := f.do(bulk(id, n)); r.Err != nil {
			t.Fatal(r.Err)
		}
		f.upkeep.running.Wait()
	}
	commit(1, 5000)
	for i := range byte(10) {
		commit(10+i, 1)
	}
	if tries != 1 || problems != 1 {
		t.Fatalf("%d tries, %d reports; want one of each", tries, problems)
	}
	clock = clock.Add(2 * time.Minute)
	commit(2, 1)
	if tries != 2 || problems != 2 {
		t.Fatalf("later: %d tries, %d reports; want two of each", tries, problems)
	}
	fail, clock = false, clock.Add(2*time.Minute)
	commit(3, 1)
	if tries != 3 || problems != 2 || f.merkle.Unsaved() {
		t.Errorf("at last: %d tries, %d reports", tries, problems)
	}
	leaves := f.leaves()
	f.open()
	f.wantHead(leaves)
}

// TestLeavesAreSavedWhileReading opens a long log that has no snapshot: the leaf
// hashes do not pile up in memory. If they cannot be saved the chain opens, and
// says so.
func TestLeavesAreSavedWhileReading(t *testing.T) {
	f := newFixture(t)
	for i := range byte(4) {
		f.do(bulk(i, 3000))
	}
	log := chaintest.NewLog(f.log.Records())
	leaves := f.leaves()
	f.upkeep.running.Wait()
	f.log = log
	f.open()
	if f.wantHead(leaves); f.merkle.Unsaved() || len(log.Blobs()) != len(leaves)/4096 {
		t.Errorf("blobs: %v", log.Blobs())
	}
	f.log = chaintest.NewLog(log.Records())
	f.log.OnPutBlob = func(context.Context, string, []byte) (bool, error) { return false, errors.New("no space") }
	problems := 0
	f.onProblem = func(error) { problems++ }
	f.open()
	if f.wantHead(leaves); problems != 1 {
		t.Errorf("%d problems", problems)
	}
}

// TestCloseWaits has Close wait for the saving under way, and leave no goroutine
// behind.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.log.OnPutBlob = func(context.Context, string, []byte) (bool, error) {
			time.Sleep(time.Second)
			return true, nil
		}
		f.do(bulk(1, 5000))
		if err := f.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if f.upkeep.busy.Load() || snapshots(f.log) == "" || f.merkle.Unsaved() {
			t.Errorf("busy: %t; blobs: %v", f.upkeep.busy.Load(), f.log.Blobs())
		}
		f.log.OnPutBlob = func(context.Context, string, []byte) (bool, error) {
			t.Error("something is written after Close")
			return false, nil
		}
		f.open()
		f.do(newCommit(2, put{"k", "v", false}))
		if err := f.Close(t.Context()); err != nil { // too little has changed for a snapshot
			t.Error(err)
		}
	})
}

// TestCloseGivesUp has Close keep its time while storage does not answer.
func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.log.OnPutBlob = func(ctx context.Context, _ string, _ []byte) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}
		f.onProblem = func(error) {}
		f.do(bulk(1, 5000))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := f.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("closed: %v", err)
		}
	})
}

// TestFailedChainIsNotSaved has a chain that is not certain of its log write no
// snapshot.
func TestFailedChainIsNotSaved(t *testing.T) {
	f := newFixture(t)
	f.do(bulk(1, 5000))
	f.upkeep.running.Wait()
	f.log.OnAppend = func(records []byte) (int, error) { return len(records), errors.New("gone") }
	f.refuse(f.do(newCommit(2, put{"k", "v", false})), fault.Unavailable)
	if err := f.Close(t.Context()); err != nil || snapshots(f.log) != "" {
		t.Errorf("%v; blobs: %v", err, f.log.Blobs())
	}
}

// TestIdleChainsPinNothing has a chain keep none of its clients' buffers.
func TestIdleChainsPinNothing(t *testing.T) {
	f := newFixture(t)
	c := newCommit(1, put{"k", "v", false})
	freed := make(chan struct{})
	runtime.AddCleanup(&c.Frames[0], func(struct{}) { close(freed) }, struct{}{})
	f.do(c)
	c = nil
	for range 10 {
		runtime.GC()
		select {
		case <-freed:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("the commit's frames are still in use")
	runtime.KeepAlive(f)
}
