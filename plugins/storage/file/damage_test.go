package file

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

func parseName(s string) chainname.Name {
	name, err := chainname.Parse(s)
	if err != nil {
		panic(err)
	}
	return name
}

const chainDir = "/data/store/db/g/a"

// files of a folder whose names begin with prefix, in order.
func filesOf(t *testing.T, fs vfs.FS, dir, prefix string) []string {
	t.Helper()
	entries, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(entries)
	var paths []string
	for _, entry := range entries {
		if strings.HasPrefix(entry, prefix) {
			paths = append(paths, path.Join(dir, entry))
		}
	}
	return paths
}

// content is a file's bytes, to be changed in place while nobody reads it.
func content(t *testing.T, fs *vfs.MemFS, path string) []byte {
	t.Helper()
	b, err := fs.UnsafeGetFileDataBuffer(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// settled is a store that was shut down, with some closed segments and a blob.
func settled(t *testing.T) (*vfs.MemFS, []byte) {
	t.Helper()
	fs := vfs.NewMem()
	s := open(t, tiny(fs))
	c := mustOpen(t, s, "g/a")
	for next := event.Seq(0); next < 9; next++ {
		mustAppend(t, s, c, storagetest.Record(next, 1, 400))
	}
	if err := c.PutBlob(t.Context(), "blob", []byte("blob")); err != nil {
		t.Fatal(err)
	}
	shutdown(t, s)
	return fs, storagetest.Records(0, 9, 1, 400)
}

// tryRead opens the store and reads the chain and its blob. It returns the
// first error.
func tryRead(t *testing.T, fs vfs.FS) (records []byte, err error) {
	t.Helper()
	s, err := Open(tiny(fs))
	if err != nil {
		return nil, err
	}
	defer s.Shutdown(context.Background())
	c, err := s.Open(t.Context(), "g/a", false)
	if err != nil {
		return nil, err
	}
	if _, err := c.GetBlob(t.Context(), "blob"); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	for from := event.Seq(0); ; {
		more, err := c.Read(t.Context(), nil, from, 1, false)
		if err != nil || len(more) == 0 {
			return records, err
		}
		records = append(records, more...)
		if from, err = lastNext(more); err != nil {
			return nil, err
		}
	}
}

// TestFlippedBits flips a bit in each byte of a settled store. Each is found
// and named, except in footers, which are made anew.
func TestFlippedBits(t *testing.T) {
	fs, want := settled(t)
	paths := append(filesOf(t, fs, chainDir, ""), "/data/store/FORMAT")
	if len(paths) < 5 {
		t.Fatalf("there are only %v", paths)
	}
	found, harmless := 0, 0
	for _, path := range paths {
		b := content(t, fs, path)
		for i := range b {
			b[i] ^= 1 << (i % 8)
			got, err := tryRead(t, fs)
			b[i] ^= 1 << (i % 8)
			switch {
			case err == nil && string(got) == string(want):
				harmless++
			case err == nil:
				t.Fatalf("a flipped bit at %d of %s went unseen", i, path)
			case !strings.Contains(err.Error(), path) || !fault.Is(err, fault.Damaged) && !fault.Is(err, fault.Unsupported):
				t.Fatalf("a flipped bit at %d of %s: %v", i, path, err)
			default:
				found++
			}
		}
	}
	if footers := 4 * (footerHeader + footerEntry); harmless > footers || found < len(want) {
		t.Errorf("%d flips were found and %d did no harm; want at most %d of the latter", found, harmless, footers)
	}
	if got, err := tryRead(t, fs); err != nil || string(got) != string(want) {
		t.Errorf("with all bits as they were: %v", err)
	}
}

// TestDamagedOffset checks that a sentence names chain, file and offset.
func TestDamagedOffset(t *testing.T) {
	fs, _ := settled(t)
	path := filesOf(t, fs, chainDir, segmentPrefix)[1]
	record := len(storagetest.Record(0, 1, 400))
	content(t, fs, path)[segmentHeader+record+100] ^= 1
	_, err := tryRead(t, fs)
	want := fmt.Sprintf(`chain "g/a": %s is damaged at offset %d: `, path, segmentHeader+record)
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want it to begin with %s", err, want)
	}
}

// TestMissingFiles removes files one at a time.
func TestMissingFiles(t *testing.T) {
	fs, _ := settled(t)
	for _, path := range append(filesOf(t, fs, chainDir, segmentPrefix)[:3], "/data/store/FORMAT") {
		if err := fs.Rename(path, "/data/aside"); err != nil {
			t.Fatal(err)
		}
		if _, err := tryRead(t, fs); !fault.Is(err, fault.Damaged) || !strings.Contains(err.Error(), path) {
			t.Errorf("without %s: %v", path, err)
		}
		if err := fs.Rename("/data/aside", path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tryRead(t, fs); err != nil {
		t.Error(err)
	}
}

// TestFutureVersions has each kind of file as a later release would write it.
func TestFutureVersions(t *testing.T) {
	fs, _ := settled(t)
	segments := filesOf(t, fs, chainDir, segmentPrefix)
	for _, path := range []string{
		"/data/store/FORMAT", filesOf(t, fs, "/data/store/journal", "")[0], chainDir + "/CHAIN",
		chainDir + "/BLOB-blob", segments[0], segments[len(segments)-1],
	} {
		b := content(t, fs, path)
		binary.LittleEndian.PutUint32(b[8:], formatVersion+1)
		_, err := tryRead(t, fs)
		binary.LittleEndian.PutUint32(b[8:], formatVersion)
		if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), path+" has format version 2") {
			t.Errorf("%s of a later version: %v", path, err)
		}
	}
}

// unsettled is the disk of a store that died with all of this in its journal,
// in as many rounds as there are records.
func unsettled(t *testing.T, fs *vfs.MemFS, chains []string, first, n event.Seq) *vfs.MemFS {
	t.Helper()
	s := open(t, Options{Path: "/data/store", FS: fs, JournalSegmentSize: 16 * block, JournalSegmentsMax: 8, SegmentSize: 1 << 20})
	handles := make([]storage.Chain, len(chains))
	for i, name := range chains {
		handles[i] = mustOpen(t, s, name)
	}
	for seq := first; seq < first+n; seq++ {
		for _, c := range handles {
			mustAppend(t, s, c, storagetest.Record(seq, 1, 400))
		}
	}
	died := fs.CrashClone(vfs.CrashCloneCfg{})
	shutdown(t, s)
	return died
}

// TestFlippedBitsInJournal flips bits in the journal of a store that died.
func TestFlippedBitsInJournal(t *testing.T) {
	const n = 6
	died := unsettled(t, vfs.NewCrashableMem(), []string{"g/a"}, 0, n)
	var live string
	for _, path := range filesOf(t, died, "/data/store/journal", "JOURNAL") {
		if content(t, died, path)[12] == stateLive {
			live = path
		}
	}
	size := len(content(t, died, live))
	want := storagetest.Records(0, n, 1, 400)
	lastBegins := block + (n-1)*block
	record := len(storagetest.Record(0, 1, 400))
	for i := 0; i < size; i++ {
		if within := i % block; i >= block && within > roundHeader+entryHeader+10 && within < record && within%997 != 0 || within > record+100 && within%997 != 0 {
			continue // enough of the middle and of the padding
		}
		fs := died.CrashClone(vfs.CrashCloneCfg{})
		content(t, fs, live)[i] ^= 1 << (i % 8)
		got, err := tryRead(t, fs)
		switch {
		case err == nil && string(got) == string(want):
		case err == nil && i >= lastBegins && i < lastBegins+block && string(got) == string(want[:(n-1)*record]):
			// Nothing tells a damaged last round from a torn one.
		case err == nil:
			t.Fatalf("a flipped bit at %d went unseen: there is%s", i, seqs(got))
		case !strings.Contains(err.Error(), live) || !fault.Is(err, fault.Damaged) && !fault.Is(err, fault.Unsupported):
			t.Fatalf("a flipped bit at %d: %v", i, err)
		}
	}
}

// TestMissingJournal removes a journal file in use, other than the last.
func TestMissingJournal(t *testing.T) {
	died := unsettled(t, vfs.NewCrashableMem(), []string{"g/a"}, 0, 40)
	var live []string
	for _, path := range filesOf(t, died, "/data/store/journal", "JOURNAL") {
		if content(t, died, path)[12] == stateLive {
			live = append(live, path)
		}
	}
	slices.SortFunc(live, func(a, b string) int { return bytes.Compare(content(t, died, a)[24:25], content(t, died, b)[24:25]) })
	for _, path := range live[:len(live)-1] {
		fs := died.CrashClone(vfs.CrashCloneCfg{})
		if err := fs.Remove(path); err != nil {
			t.Fatal(err)
		}
		got, err := tryRead(t, fs)
		if err == nil && string(got) == string(storagetest.Records(0, 40, 1, 400)) {
			continue // all that it held had been settled already
		}
		if !fault.Is(err, fault.Damaged) {
			t.Errorf("without %s there is%s, %v", path, seqs(got), err)
		}
	}
}

// TestDamagedChain has a chain with damaged files and records in the journal:
// it is refused, others work, and once the file has been restored nothing is
// missing.
func TestDamagedChain(t *testing.T) {
	fs := vfs.NewCrashableMem()
	died := unsettled(t, unsettledThenSettled(t, fs), []string{"g/a", "g/b"}, 10, 10)
	path := filesOf(t, died, chainDir, segmentPrefix)[0]
	content(t, died, path)[segmentHeader+20] ^= 1
	for range 2 { // the second time the journal has nothing of it any more
		s := open(t, tiny(died))
		if _, err := s.Open(t.Context(), "g/a", true); !fault.Is(err, fault.Damaged) || !strings.Contains(err.Error(), path) {
			t.Errorf("opening the damaged chain: %v", err)
		}
		b := mustOpen(t, s, "g/b")
		next := b.State().Next
		mustAppend(t, s, b, storagetest.Record(next, 1, 400))
		if got := readChain(t, b); string(got.records) != string(storagetest.Records(0, int(next)+1, 1, 400)) {
			t.Errorf("the other chain has%s", seqs(got.records))
		}
		shutdown(t, s)
	}
	content(t, died, path)[segmentHeader+20] ^= 1
	for range 2 {
		got, err := tryRead(t, died)
		if err != nil || string(got) != string(storagetest.Records(0, 20, 1, 400)) {
			t.Errorf("after its file was restored the chain has%s, %v", seqs(got), err)
		}
	}
}

func unsettledThenSettled(t *testing.T, fs *vfs.MemFS) *vfs.MemFS {
	t.Helper()
	unsettled(t, fs, []string{"g/a", "g/b"}, 0, 10) // and shut down on fs
	return fs
}

// TestReadFailure lets a read fail that the disk refuses.
func TestReadFailure(t *testing.T) {
	mem, _ := settled(t)
	_, err := tryRead(t, injecting(mem, func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt && strings.Contains(op.Path, segmentPrefix) {
			return errInjected
		}
		return nil
	}))
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), segmentPrefix) {
		t.Errorf("reading from a disk that refuses: %v", err)
	}
}
