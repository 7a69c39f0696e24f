package file

import (
	"bytes"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

// TestStore runs the contract's tests with files so small that much of it
// happens at their edges, except where the largest append must fit.
func TestStore(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Place {
		options := Options{Path: t.TempDir(), SegmentSize: 4 << 10, JournalSegmentSize: 1 << 20, JournalSegmentsMax: 2}
		if strings.HasSuffix(t.Name(), "/LargeRecords") || strings.HasSuffix(t.Name(), "/EraseSmallData") {
			options.JournalSegmentSize = minJournalSegment
		}
		return storagetest.Place{
			Open: func(t *testing.T) storage.Store { return open(t, options) },
			Close: func(t *testing.T, s storage.Store) {
				t.Helper()
				shutdown(t, s.(*Store))
			},
			Persists: true,
		}
	})
}

// TestIndex reads from everywhere in segments that need an index: the active
// one, one with a footer, and one whose footer is damaged.
func TestIndex(t *testing.T) {
	const n, size = 1500, 600
	fs := vfs.NewMem()
	options := Options{Path: "/data/store", FS: fs, SegmentSize: 512 << 10, JournalSegmentSize: 256 << 10, JournalSegmentsMax: 2}
	s := open(t, options)
	c := mustOpen(t, s, "g/a")
	for next := event.Seq(0); next < n; next += 100 {
		mustAppend(t, s, c, storagetest.Records(next, 50, 2, size/2))
	}
	one := len(storagetest.Record(0, 2, size/2))
	check := func() {
		t.Helper()
		for from := event.Seq(0); from < n; from += 31 {
			for _, records := range []int{1, 3, 200} {
				got, err := c.Read(t.Context(), nil, from, records*one, false)
				want := storagetest.Records(from/2*2, min(records, int(n-from+1)/2), 2, size/2)
				if err != nil || string(got) != string(want) {
					t.Fatalf("Read(%d, %d): %v, got%s", from, records*one, err, seqs(got))
				}
			}
		}
	}
	reopen := func() {
		shutdown(t, s)
		s = open(t, options)
		c = mustOpen(t, s, "g/a")
	}
	check()
	reopen()
	check()
	paths := filesOf(t, fs, chainDir, segmentPrefix)
	if len(paths) < 2 {
		t.Fatalf("there is only %v", paths)
	}
	footer := bytes.LastIndex(content(t, fs, paths[0]), []byte(footerMagic))
	if footer < 0 {
		t.Fatal("the closed segment has no footer")
	}
	content(t, fs, paths[0])[footer+footerHeader+3] ^= 1
	reopen()
	check()
	shutdown(t, s)
}

// TestManyChainsInARound appends to 10,000 chains at once.
func TestManyChainsInARound(t *testing.T) {
	const n = 10_000
	options := Options{Path: "/data/store", FS: vfs.NewMem(), JournalSegmentSize: 8 << 20, JournalSegmentsMax: 2}
	s := open(t, options)
	round := make([]storage.AppendRequest, n)
	for i := range round {
		round[i] = storage.AppendRequest{Chain: mustOpen(t, s, fmt.Sprintf("g/c%d", i)), Records: storagetest.Record(0, 1, 100)}
	}
	for r := range event.Seq(6) {
		for i := range round {
			round[i].Records = storagetest.Record(r, 1, 100)
		}
		for i, err := range s.Append(round) {
			if err != nil {
				t.Fatalf("round %d, chain %d: %v", r, i, err)
			}
		}
	}
	shutdown(t, s)
	s = open(t, options)
	for i := range n {
		c := mustOpen(t, s, fmt.Sprintf("g/c%d", i))
		if got, err := c.Read(t.Context(), nil, 0, 1<<20, false); err != nil || string(got) != string(storagetest.Records(0, 6, 1, 100)) {
			t.Fatalf("chain %d has%s, %v", i, seqs(got), err)
		}
	}
	shutdown(t, s)
}

// TestFewOpenFiles has more chains than files may be open, on the disk and in
// memory, where what is dirty is synced in other ways.
func TestFewOpenFiles(t *testing.T) {
	for _, options := range []Options{
		{Path: t.TempDir(), SegmentSize: 4 << 10, JournalSegmentSize: 64 << 10, JournalSegmentsMax: 2},
		{Path: "/data/store", FS: vfs.NewMem(), SegmentSize: 4 << 10, JournalSegmentSize: 64 << 10, JournalSegmentsMax: 2},
	} {
		s := open(t, options)
		s.segments.limit = 3
		const n, rounds = 10, 30
		chains := make([]storage.Chain, n)
		for i := range chains {
			chains[i] = mustOpen(t, s, fmt.Sprintf("g/c%d", i))
		}
		for r := range event.Seq(rounds) {
			for _, c := range chains {
				mustAppend(t, s, c, storagetest.Record(r, 1, 500))
			}
		}
		check := func() {
			t.Helper()
			for i, c := range chains {
				if got := readChain(t, c); string(got.records) != string(storagetest.Records(0, rounds, 1, 500)) {
					t.Errorf("chain %d has%s", i, seqs(got.records))
				}
			}
		}
		check()
		deadline := time.Now().Add(10 * time.Second)
		for s.segments.count() > 3 { // the writer may have some in use
			if time.Now().After(deadline) {
				t.Fatalf("%d files are open, want at most 3", s.segments.count())
			}
			time.Sleep(time.Millisecond)
		}
		shutdown(t, s)
		s = open(t, options)
		for i := range chains {
			chains[i] = mustOpen(t, s, fmt.Sprintf("g/c%d", i))
		}
		check()
		shutdown(t, s)
	}
}

// TestLock opens a store that is open.
func TestLock(t *testing.T) {
	for _, options := range []Options{{Path: t.TempDir()}, {Path: "/data/store", FS: vfs.NewMem()}} {
		options.JournalSegmentSize, options.lockPatience = 64<<10, 50*time.Millisecond
		s := open(t, options)
		if _, err := Open(options); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), options.Path+" is locked by another process") {
			t.Errorf("opening a store twice: %v", err)
		}
		mustAppend(t, s, mustOpen(t, s, "g/a"), storagetest.Record(0, 1, 1))
		options.lockPatience = 0 // as it is meant to be: who ends in time is waited for
		ended := make(chan struct{})
		time.AfterFunc(100*time.Millisecond, func() { shutdown(t, s); close(ended) })
		next := open(t, options)
		<-ended
		shutdown(t, next)
		if _, err := s.Open(t.Context(), "g/a", true); !fault.Is(err, fault.ShuttingDown) {
			t.Errorf("using a store after its end: %v", err)
		}
	}
}

// TestPrivate checks that nobody else may read what is stored.
func TestPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, Options{Path: dir, JournalSegmentSize: 64 << 10})
	c := mustOpen(t, s, "example.com/joe/db")
	mustAppend(t, s, c, storagetest.Record(0, 1, 1))
	if err := c.PutBlob(t.Context(), "blob", []byte("x")); err != nil {
		t.Fatal(err)
	}
	shutdown(t, s)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 && entry.Name() != lockName {
			t.Errorf("%s has permissions %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, options Options) *Store {
	t.Helper()
	s, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCloseWhileAppending closes and opens chains while they are appended to,
// whether the append comes in time or not.
func TestCloseWhileAppending(t *testing.T) {
	s := open(t, tiny(vfs.NewMem()))
	c := mustOpen(t, s, "g/a")
	chains, done := make(chan storage.Chain, 1), make(chan struct{})
	chains <- c
	go func() {
		defer close(done)
		for range 500 {
			c := <-chains
			chains <- c
			records := storagetest.Record(c.State().Next, 1, 500)
			if err := appendTo(s, c, records); err != nil && !fault.Is(err, fault.BadRequest) {
				t.Errorf("appending: %v", err)
				return
			}
		}
	}()
	for {
		select {
		case <-done:
			c := <-chains
			next := int(c.State().Next)
			if got := readChain(t, c); string(got.records) != string(storagetest.Records(0, next, 1, 500)) {
				t.Errorf("the chain has%s", seqs(got.records))
			}
			shutdown(t, s)
			return
		case c := <-chains:
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			chains <- mustOpen(t, s, "g/a")
		}
	}
}

// count returns how many files are open.
func (c *files) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}
