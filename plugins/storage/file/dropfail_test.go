package file

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

// wavering is a file system of which one changing operation, counted from when
// it is armed, fails: without its effect, or although it was carried out.
type wavering struct {
	vfs.FS
	carriedOut bool
	count      atomic.Int64 // operations since it was armed; far below zero before
	at         int64
	before     func() // unless nil, called before each operation that counts
	failed     atomic.Value
}

const disarmed = -1 << 40

func (w *wavering) arm() { w.count.Store(0) }

func (w *wavering) disarm() { w.count.Store(disarmed) }

// change does an operation, or lets it fail.
func (w *wavering) change(what, path string, do func() error) error {
	n := w.count.Add(1)
	if n > 0 && w.before != nil {
		w.before()
	}
	if n != w.at {
		return do()
	}
	w.failed.Store(what + " " + path)
	if w.carriedOut {
		if err := do(); err != nil {
			return err
		}
	}
	return errInjected
}

func (w *wavering) Create(path string, category vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = w.change("creating", path, func() (err error) { f, err = w.FS.Create(path, category); return err })
	if err != nil {
		return nil, err
	}
	return waveringFile{f, w, path}, nil
}

func (w *wavering) OpenReadWrite(path string, category vfs.DiskWriteCategory, options ...vfs.OpenOption) (vfs.File, error) {
	f, err := w.FS.OpenReadWrite(path, category, options...)
	if err != nil {
		return nil, err
	}
	return waveringFile{f, w, path}, nil
}

func (w *wavering) OpenDir(path string) (vfs.File, error) {
	f, err := w.FS.OpenDir(path)
	if err != nil {
		return nil, err
	}
	return waveringFile{f, w, path}, nil
}

func (w *wavering) Remove(path string) error {
	return w.change("removing", path, func() error { return w.FS.Remove(path) })
}

func (w *wavering) Rename(old, path string) error {
	return w.change("renaming", old, func() error { return w.FS.Rename(old, path) })
}

func (w *wavering) MkdirAll(path string, mode os.FileMode) error {
	return w.change("making", path, func() error { return w.FS.MkdirAll(path, mode) })
}

func (w *wavering) Lock(path string) (io.Closer, error) { return w.FS.Lock(path) }

type waveringFile struct {
	vfs.File
	fs   *wavering
	path string
}

func (f waveringFile) Write(b []byte) (n int, err error) {
	err = f.fs.change("writing", f.path, func() (err error) { n, err = f.File.Write(b); return err })
	return n, err
}

func (f waveringFile) WriteAt(b []byte, at int64) (n int, err error) {
	err = f.fs.change("writing", f.path, func() (err error) { n, err = f.File.WriteAt(b, at); return err })
	return n, err
}

func (f waveringFile) Sync() error { return f.fs.change("syncing", f.path, f.File.Sync) }

func (f waveringFile) SyncData() error { return f.fs.change("syncing", f.path, f.File.SyncData) }

// dropStory is a chain with closed segments, an active one and a blob, and
// another chain beside it, before a drop that touches all segments.
type dropStory struct {
	t    *testing.T
	mem  *vfs.MemFS
	fs   *wavering
	s    *Store
	c    storage.Chain
	set  storage.DropSet
	all  []byte
	less []byte
}

func newDropStory(t *testing.T, fs *wavering) *dropStory {
	t.Helper()
	y := &dropStory{t: t, mem: vfs.NewCrashableMem(), fs: fs, set: storage.DropSet{{First: 1, End: 6}, {First: 9, End: 20}, {First: 23, End: 27}, {First: 29, End: 30}}}
	fs.FS = y.mem
	fs.disarm()
	y.s = open(t, tiny(fs))
	y.c = mustOpen(t, y.s, "g/a")
	for next := event.Seq(0); next < 30; next += 2 {
		mustAppend(t, y.s, y.c, storagetest.Record(next, 2, 300))
	}
	y.all = storagetest.Records(0, 15, 2, 300)
	y.less = storagetest.Survivors(y.all, func(seq event.Seq) bool { return !storagetest.Contains(y.set, seq) })
	beside := mustOpen(t, y.s, "g/b")
	mustAppend(t, y.s, beside, storagetest.Records(0, 3, 1, 700))
	for _, c := range []storage.Chain{y.c, beside} {
		if err := c.PutBlob(t.Context(), "blob", []byte("blob")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := y.s.drain(); err != nil { // nothing for the writer to do meanwhile
		t.Fatal(err)
	}
	return y
}

// holds checks that a chain has all of the set or nothing of it, and reports
// which.
func (y *dropStory) holds(c storage.Chain, doing string) (dropped bool) {
	y.t.Helper()
	got := readChain(y.t, c)
	if dropped = string(got.records) == string(y.less); !dropped && string(got.records) != string(y.all) || got.next != 30 || got.blob != "blob" {
		y.t.Fatalf("%s: the chain goes to %d and has%s, and a blob %q", doing, got.next, seqs(got.records), got.blob)
	}
	want := y.all
	if dropped {
		want = y.less
	}
	if state := c.State(); state.Bytes != uint64(len(want)) {
		y.t.Fatalf("%s: the chain says that it has %d bytes of records; it has %d", doing, state.Bytes, len(want))
	}
	return dropped
}

// recover opens a store on what a failure or crash has left, checks it, and
// drops again. It reports whether the drop had happened.
func (y *dropStory) recover(fs *vfs.MemFS, doing string) (dropped bool) {
	y.t.Helper()
	s := open(y.t, tiny(fs))
	c := mustOpen(y.t, s, "g/a")
	dropped = y.holds(c, doing)
	y.tidy(fs, doing)
	mustAppend(y.t, s, c, storagetest.Record(30, 1, 10))
	if _, err := c.Drop(y.t.Context(), append(slices.Clone(y.set), storage.Range{First: 30, End: 31})); err != nil {
		y.t.Fatalf("%s: dropping again: %v", doing, err)
	}
	if got := readChain(y.t, c); string(got.records) != string(y.less) || got.next != 31 {
		y.t.Fatalf("%s: after dropping again the chain goes to %d and has%s", doing, got.next, seqs(got.records))
	}
	y.tidy(fs, doing+" and dropping again")
	if got := readChain(y.t, mustOpen(y.t, s, "g/b")); string(got.records) != string(storagetest.Records(0, 3, 1, 700)) || got.blob != "blob" {
		y.t.Fatalf("%s: the chain beside it has%s and a blob %q", doing, seqs(got.records), got.blob)
	}
	shutdown(y.t, s)
	return dropped
}

// tidy checks that there are no other files in the chain's folder than CHAIN
// names, but for those of a moment: after a recovery, the chain's records are
// written from the journal to segments.
func (y *dropStory) tidy(fs *vfs.MemFS, doing string) {
	y.t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		m, err := parseManifest(chainDir, slices.Clone(content(y.t, fs, chainDir+"/"+manifestName)))
		if err != nil {
			y.t.Fatal(err)
		}
		want := []string{chainDir + "/BLOB-blob", chainDir + "/" + manifestName, segmentPath(chainDir, m.active)}
		for _, s := range m.closed {
			want = append(want, s.path)
		}
		slices.Sort(want)
		got := filesOf(y.t, fs, chainDir, "")
		if slices.Equal(got, want) {
			return
		}
		if time.Since(began) > 5*time.Second {
			y.t.Fatalf("%s: there are %v, want %v", doing, got, want)
		}
	}
}

// TestDropFailures has each operation of a drop on the file system fail in turn,
// without its effect and although it was carried out: the set is gone or it is
// not, at once, when the store is opened again and after a loss of power, and
// dropping again works, also at once if the store still takes it.
func TestDropFailures(t *testing.T) {
	for _, carriedOut := range []bool{false, true} {
		for _, retry := range []bool{false, true} {
			failures, inDoubt, happened := 0, 0, 0
			for n := int64(1); ; n++ {
				fs := &wavering{carriedOut: carriedOut, at: n}
				y := newDropStory(t, fs)
				fs.arm()
				_, err := y.c.Drop(t.Context(), y.set)
				fs.disarm()
				what := fs.failed.Load()
				if what == nil {
					if err != nil {
						t.Fatal(err)
					}
					y.tidy(y.mem, "without a failure")
					shutdown(t, y.s)
					break
				}
				failures++
				if y.s.disk.failure() != nil {
					inDoubt++
				}
				doing := fmt.Sprintf("operation %d failing, %s, carried out %t, the drop %v", n, what, carriedOut, err)
				if y.failed(err, retry, doing) {
					happened++
				}
			}
			t.Logf("%d operations failed, carried out %t: %d in doubt, %d drops happened", failures, carriedOut, inDoubt, happened)
			if failures < 30 || inDoubt < 5 || happened == 0 || happened == failures {
				t.Errorf("%d operations failed, %d left the store in doubt, and %d drops happened: the test sees too little", failures, inDoubt, happened)
			}
		}
	}
}

// failed checks what is there after an operation of a drop failed, and the drop
// answered with err. It reports whether the drop happened.
func (y *dropStory) failed(err error, retry bool, doing string) bool {
	y.t.Helper()
	crashed := y.mem.CrashClone(vfs.CrashCloneCfg{})
	dropped := y.holds(y.c, doing)
	switch {
	case err == nil && !dropped:
		y.t.Fatalf("%s: nothing was dropped", doing)
	case err == nil: // what failed was cleaning up, or writing behind: what was acknowledged is checked below
	case y.s.disk.failure() != nil:
		if !fault.Is(err, fault.Unavailable) {
			y.t.Fatalf("%s: another process has to find out what is there", doing)
		}
	case dropped:
		y.t.Fatalf("%s: the set is gone", doing)
	case retry:
		if _, err := y.c.Drop(y.t.Context(), y.set); err != nil {
			y.t.Fatalf("%s: dropping again: %v", doing, err)
		}
		y.holds(y.c, doing+", and again")
	}
	_ = y.s.Shutdown(context.Background()) // it may say what failed
	again := y.recover(y.mem, doing+", opened again")
	after := y.recover(crashed, doing+", after a loss of power")
	if err == nil && (!again || !after) {
		y.t.Fatalf("%s: the set is there again", doing)
	}
	return again
}

// TestDropPowerLoss loses power before each operation of a drop, with nothing,
// some or all of what was not synced.
func TestDropPowerLoss(t *testing.T) {
	fs := &wavering{}
	y := newDropStory(t, fs)
	type loss struct {
		fs    *vfs.MemFS
		doing string
	}
	var mu sync.Mutex // guards losses
	var losses []loss
	fs.before = func() {
		mu.Lock()
		defer mu.Unlock()
		for _, percent := range []int{0, 30, 70, 100} {
			losses = append(losses, loss{
				y.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(uint64(len(losses)), 1))}),
				fmt.Sprintf("power lost before operation %d, %d %% of what was not synced is there", len(losses)/4, percent),
			})
		}
	}
	fs.arm()
	if _, err := y.c.Drop(t.Context(), y.set); err != nil {
		t.Fatal(err)
	}
	fs.before()
	fs.disarm()
	shutdown(t, y.s)
	happened := 0
	for i, l := range losses {
		dropped := y.recover(l.fs, l.doing)
		if dropped {
			happened++
		}
		if last := i >= len(losses)-4; last && !dropped {
			t.Errorf("%s: the drop was acknowledged", l.doing)
		}
	}
	t.Logf("%d losses of power, after %d of which the set was gone", len(losses), happened)
	if happened == 0 || happened == len(losses) {
		t.Errorf("after %d of %d losses the set was gone: the test sees too little", happened, len(losses))
	}
}

// TestDropGivesSpaceBack compares the bytes of the chain's files with what is
// left, while files of the old segments are open and read.
func TestDropGivesSpaceBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Path: dir, SegmentSize: 1 << 20, JournalSegmentSize: 1 << 20, JournalSegmentsMax: 2})
	c := mustOpen(t, s, "g/a")
	const n, size = 2000, 4000
	for next := event.Seq(0); next < n; next += 20 {
		mustAppend(t, s, c, storagetest.Records(next, 20, 1, size))
	}
	if got := readChain(t, c); got.next != n { // which opens all segments
		t.Fatalf("the chain goes to %d", got.next)
	}
	before := segmentBytes(t, dir)
	dropped, err := c.Drop(t.Context(), storage.DropSet{{First: 5, End: n - 5}})
	if err != nil {
		t.Fatal(err)
	}
	after := segmentBytes(t, dir)
	if before < n*size/2 || after > 20*size || dropped.Bytes < (n-10)*size || before-after < n*size/2 {
		t.Errorf("the files took %d bytes and take %d; it says that %d were dropped", before, after, dropped.Bytes)
	}
	shutdown(t, s)
}

func segmentBytes(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	for _, path := range filesOf(t, vfs.Default, dir+"/db/g/a", segmentPrefix) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	for _, fd := range openFiles(t) {
		if strings.Contains(fd, segmentPrefix) && strings.HasSuffix(fd, "(deleted)") {
			t.Errorf("%s is still open", fd)
		}
	}
	return bytes
}

// openFiles returns what this process has open.
func openFiles(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil {
			names = append(names, name)
		}
	}
	return names
}
