package file

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

const secret = "what nobody may read"

// secretRecord is a record of one event whose data is the secret, often.
func secretRecord(seq event.Seq, size int) []byte {
	header := event.Header{Key: []byte("secret")}
	h, err := header.Encode()
	if err != nil {
		panic(err)
	}
	b := event.Batch{First: seq, Count: 1}
	b.Frames = event.AppendFrame(nil, h, bytes.Repeat([]byte(secret), size/len(secret)+1)[:size])
	return b.AppendRecord(nil)
}

// withSecret returns the files that hold the secret, or so much of it that it is
// no accident.
func withSecret(t *testing.T, fs *vfs.MemFS) (found []string) {
	t.Helper()
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := fs.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			name := path.Join(dir, entry)
			info, err := fs.Stat(name)
			switch {
			case err != nil:
				t.Fatal(err)
			case info.IsDir():
				walk(name)
			case bytes.Contains(content(t, fs, name), []byte(secret[4:])):
				found = append(found, name)
			}
		}
	}
	walk("/data/store")
	return found
}

// secrets fills a store with secrets and other data, so that the journal's files
// were used several times, and returns the seqs of the secrets.
func secrets(t *testing.T, s *Store, c, other storage.Chain) (set storage.DropSet) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 5))
	for i := range 60 {
		seq := c.State().Next
		if i == 59 || rng.IntN(2) == 0 { // the last one stays in the journal's current file
			mustAppend(t, s, c, secretRecord(seq, 1+rng.IntN(9000)))
			set = append(set, storage.Range{First: seq, End: seq + 1})
		} else {
			mustAppend(t, s, c, storagetest.Record(seq, 1, rng.IntN(3000)))
		}
		if i < 59 {
			mustAppend(t, s, other, storagetest.Record(other.State().Next, 1, rng.IntN(3000)))
		}
	}
	return set
}

// TestErasedIsInNoFile looks for erased data in all files of a store, while
// others append, after the journal was used again and again, and after a start.
func TestErasedIsInNoFile(t *testing.T) {
	for _, restart := range []bool{false, true} {
		for _, busy := range []bool{false, true} {
			t.Run(fmt.Sprintf("restart %v, busy %v", restart, busy), func(t *testing.T) {
				fs := vfs.NewCrashableMem()
				options := tiny(fs)
				s := open(t, options)
				c, other := mustOpen(t, s, "g/a"), mustOpen(t, s, "g/b")
				set := secrets(t, s, c, other)
				now := func() *vfs.MemFS { // writing behind goes on meanwhile
					return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(7, 7))})
				}
				if len(withSecret(t, now())) < 3 {
					t.Fatal("the secret is hardly anywhere")
				}
				if restart {
					shutdown(t, s)
					s = open(t, options)
					c, other = mustOpen(t, s, "g/a"), mustOpen(t, s, "g/b")
				}
				want, others := storagetest.Erased(readChain(t, c).records, set), readChain(t, other).records
				var wg sync.WaitGroup
				var stop atomic.Bool
				for begun := false; busy && !begun; begun = true {
					wg.Go(func() {
						for !stop.Load() {
							r := storagetest.Record(other.State().Next, 1, 2000)
							mustAppend(t, s, other, r)
							others = append(others, r...)
						}
					})
				}
				erased, err := c.Erase(t.Context(), set)
				stop.Store(true)
				wg.Wait()
				if err != nil || erased.Events != uint64(len(set)) {
					t.Fatalf("erased %+v of %d, %v", erased, len(set), err)
				}
				if found := withSecret(t, now()); len(found) > 0 {
					t.Errorf("the secret is in %v", found)
				}
				if got := readChain(t, c); string(got.records) != string(want) {
					t.Errorf("the chain has%s", seqs(got.records))
				}
				shutdown(t, s)
				s = open(t, options)
				if got := readChain(t, mustOpen(t, s, "g/a")); string(got.records) != string(want) {
					t.Errorf("after a start the chain has%s", seqs(got.records))
				}
				if got := readChain(t, mustOpen(t, s, "g/b")); string(got.records) != string(others) {
					t.Errorf("after a start the other chain has%s", seqs(got.records))
				}
				shutdown(t, s)
			})
		}
	}
}

// TestEraseAfterCrash lets the power fail before every change of the disk that an
// erasure makes, and erases again.
func TestEraseAfterCrash(t *testing.T) {
	fs := vfs.NewCrashableMem()
	var crashes []*vfs.MemFS
	var erasing atomic.Bool
	rng := rand.New(rand.NewPCG(6, 6))
	var mu sync.Mutex
	s := open(t, tiny(injecting(fs, func(op errorfs.Op) error {
		if erasing.Load() && op.Kind.ReadOrWrite() != errorfs.OpIsRead {
			mu.Lock()
			defer mu.Unlock()
			crashes = append(crashes, fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[len(crashes)%3], RNG: rng}))
		}
		return nil
	})))
	c := mustOpen(t, s, "g/a")
	set := secrets(t, s, c, mustOpen(t, s, "g/b"))
	before := readChain(t, c).records
	after := storagetest.Erased(before, set)
	erasing.Store(true)
	if _, err := c.Erase(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	erasing.Store(false)
	shutdown(t, s)
	if len(crashes) < 30 {
		t.Fatalf("there were only %d changes", len(crashes))
	}
	states := map[bool]int{}
	for i, fs := range crashes {
		s := open(t, tiny(fs))
		c := mustOpen(t, s, "g/a")
		got := readChain(t, c).records
		if string(got) != string(before) && string(got) != string(after) {
			t.Errorf("crash %d: the chain has%s", i, seqs(got))
		}
		states[string(got) == string(after)]++
		if _, err := c.Erase(t.Context(), set); err != nil {
			t.Errorf("crash %d: erasing again: %v", i, err)
		}
		if found := withSecret(t, fs); len(found) > 0 {
			t.Errorf("crash %d: the secret is in %v", i, found)
		}
		if got := readChain(t, c).records; string(got) != string(after) {
			t.Errorf("crash %d: then the chain has%s", i, seqs(got))
		}
		shutdown(t, s)
	}
	if states[false] == 0 || states[true] == 0 {
		t.Errorf("of the crashes, %d were before the change and %d after", states[false], states[true])
	}
}

// TestEraseBehindASegment has records of a later segment behind those of an
// earlier one, as when segments were larger before a crash.
func TestEraseBehindASegment(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, tiny(fs))
	c := mustOpen(t, s, "g/a")
	for seq := range event.Seq(10) {
		mustAppend(t, s, c, storagetest.Record(seq, 1, 700))
	}
	want := readChain(t, c).records
	if _, err := c.Erase(t.Context(), nil); err != nil { // it has written out what there is
		t.Fatal(err)
	}
	first := filesOf(t, fs, chainDir, segmentPrefix)[0]
	b := append(bytes.Clone(content(t, fs, first)), secretRecord(3, 100)...)
	f, err := fs.OpenReadWrite(first, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.WriteAt(b, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(withSecret(t, fs)) != 1 {
		t.Fatal("the secret is not where it was put")
	}
	if _, err := c.Erase(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if found := withSecret(t, fs); len(found) > 0 {
		t.Errorf("the secret is in %v", found)
	}
	if got := readChain(t, c).records; string(got) != string(want) {
		t.Errorf("the chain has%s", seqs(got))
	}
	shutdown(t, s)
}

// TestEraseBesideAnAppend has another chain's append be in the journal and not yet
// visible while the journal is scrubbed: what it shares a file with is gone all
// the same when the erasure answers.
func TestEraseBesideAnAppend(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, tiny(fs))
	c, other := mustOpen(t, s, "g/a"), mustOpen(t, s, "g/b")
	mustAppend(t, s, other, storagetest.Record(0, 1, 100))
	if _, err := c.Erase(t.Context(), nil); err != nil { // the other's tail is empty then
		t.Fatal(err)
	}
	mustAppend(t, s, c, secretRecord(0, 500))
	round := func() uint64 {
		s.journal.mu.Lock()
		defer s.journal.mu.Unlock()
		return s.journal.rounds
	}
	before := round()
	invisible := &other.(*handle).chain.mu
	invisible.RLock()
	var wg sync.WaitGroup
	wg.Go(func() { mustAppend(t, s, other, storagetest.Record(1, 1, 100)) })
	for round() == before {
		time.Sleep(time.Millisecond)
	}
	erased := make(chan error, 1)
	go func() {
		_, err := c.Erase(t.Context(), storage.DropSet{{First: 0, End: 1}})
		erased <- err
	}()
	var err error
	select {
	case err = <-erased:
		t.Error("the erasure did not wait for the append")
		invisible.RUnlock()
	case <-time.After(100 * time.Millisecond):
		invisible.RUnlock()
		err = <-erased
	}
	if err != nil {
		t.Error(err)
	}
	if found := withSecret(t, fs); len(found) > 0 {
		t.Errorf("the secret is in %v", found)
	}
	wg.Wait()
	shutdown(t, s)
}

// TestEraseWritesNothingInVain erases what is erased.
func TestEraseWritesNothingInVain(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, tiny(fs))
	c := mustOpen(t, s, "g/a")
	set := secrets(t, s, c, mustOpen(t, s, "g/b"))
	if _, err := c.Erase(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	files := fmt.Sprint(filesOf(t, fs, chainDir, segmentPrefix))
	if erased, err := c.Erase(t.Context(), set); err != nil || erased != (storage.Erased{}) {
		t.Errorf("erasing again: %+v, %v", erased, err)
	}
	if again := fmt.Sprint(filesOf(t, fs, chainDir, segmentPrefix)); again != files {
		t.Errorf("there was %s, and is %s", files, again)
	}
	shutdown(t, s)
}

// TestEraseDuringBlob erases while a blob is about to be put in its place.
func TestEraseDuringBlob(t *testing.T) {
	mem := vfs.NewMem()
	var c storage.Chain
	erased := make(chan error, 1)
	var once sync.Once
	s := open(t, tiny(injecting(mem, func(op errorfs.Op) error {
		if op.Kind == errorfs.OpRename && strings.Contains(op.Path, blobPrefix) {
			once.Do(func() {
				go func() { erased <- second(c.Erase(t.Context(), storage.DropSet{{First: 0, End: 1}})) }()
				select {
				case err := <-erased:
					erased <- err
				case <-time.After(100 * time.Millisecond): // it waits for the blob
				}
			})
		}
		return nil
	})))
	c = mustOpen(t, s, "g/a")
	mustAppend(t, s, c, secretRecord(0, 100))
	if err := c.PutBlob(t.Context(), "blob", []byte("blob")); err != nil {
		t.Error(err)
	}
	if err := <-erased; err != nil {
		t.Error(err)
	}
	if got := readChain(t, c); got.blob != "blob" {
		t.Errorf("the blob is %q", got.blob)
	}
	shutdown(t, s)
}
