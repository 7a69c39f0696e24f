package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

// dumped is what a dump came upon: seqs of records, and damaged places as
// "!FILE:OFFSET".
func dumped(t *testing.T, fs *vfs.MemFS) (all []string, records []byte) {
	t.Helper()
	err := lookInto(t, fs).Dump(t.Context(), "g/a", func(f *Found) error {
		name := f.File[strings.LastIndex(f.File, "/")+1:]
		if f.Err != nil {
			all = append(all, fmt.Sprintf("!%s:%d", name, f.Offset))
			return nil
		}
		all = append(all, fmt.Sprint(f.Batch.First))
		record := content(t, fs, f.File)[f.Offset:][:f.Size]
		if string(f.Batch.AppendRecord(nil)) != string(record) {
			t.Errorf("record %d is not what stands at %d of %s", f.Batch.First, f.Offset, f.File)
		}
		records = append(records, record...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, records
}

// TestDump finds every record where it stands: in closed segments, in the active
// one, and in the journal.
func TestDump(t *testing.T) {
	died := unsettled(t, unsettledThenSettled(t, vfs.NewCrashableMem()), []string{"g/a", "g/b"}, 10, 10)
	all, records := dumped(t, died)
	if string(records) != string(storagetest.Records(0, 20, 1, 400)) {
		t.Errorf("it has %v", all)
	}
	where := map[string]bool{}
	err := lookInto(t, died).Dump(t.Context(), "g/a", func(f *Found) error {
		where[strings.TrimRight(f.File[strings.LastIndex(f.File, "/")+1:], "0123456789")] = true
		return nil
	})
	if err != nil || !where["SEGMENT-"] || !where["JOURNAL-"] {
		t.Errorf("records are in %v, %v", where, err)
	}
	stop := errors.New("enough")
	if err := lookInto(t, died).Dump(t.Context(), "g/a", func(*Found) error { return stop }); err != stop {
		t.Errorf("the visit's error: %v", err)
	}
}

// TestDumpGoesOn tables damage, and what is dumped before and behind it.
func TestDumpGoesOn(t *testing.T) {
	record := len(storagetest.Record(0, 1, 400))
	for name, test := range map[string]struct {
		spoil func(t *testing.T, fs *vfs.MemFS, segments []string)
		want  string
	}{
		"nothing": {func(*testing.T, *vfs.MemFS, []string) {}, "0 1 2 3 4 5 6 7 8"},
		"a record's data": {func(t *testing.T, fs *vfs.MemFS, s []string) {
			content(t, fs, s[0])[segmentHeader+record+200] ^= 1
		}, fmt.Sprintf("0 !SEGMENT-0000000001:%d 2 3 4 5 6 7 8", segmentHeader+record)},
		"a record's length": {func(t *testing.T, fs *vfs.MemFS, s []string) {
			content(t, fs, s[0])[segmentHeader+record+3] ^= 0x80
		}, fmt.Sprintf("0 !SEGMENT-0000000001:%d 2 3 4 5 6 7 8", segmentHeader+record)},
		"a record's length, a little": {func(t *testing.T, fs *vfs.MemFS, s []string) {
			content(t, fs, s[0])[segmentHeader+record] ^= 1
		}, fmt.Sprintf("0 !SEGMENT-0000000001:%d 2 3 4 5 6 7 8", segmentHeader+record)},
		"two records": {func(t *testing.T, fs *vfs.MemFS, s []string) {
			clear(content(t, fs, s[0])[segmentHeader+100 : segmentHeader+record+100])
		}, fmt.Sprintf("!SEGMENT-0000000001:%d 2 3 4 5 6 7 8", segmentHeader)},
		"the last record of a segment": {func(t *testing.T, fs *vfs.MemFS, s []string) {
			content(t, fs, s[0])[segmentHeader+3*record+200] ^= 1
		}, fmt.Sprintf("0 1 2 !SEGMENT-0000000001:%d 4 5 6 7 8", segmentHeader+3*record)},
		"a header": {func(t *testing.T, fs *vfs.MemFS, s []string) {
			content(t, fs, s[1])[20] ^= 1
		}, "0 1 2 3 !SEGMENT-0000000002:0 4 5 6 7 8"},
		"a later version of a segment": {func(t *testing.T, fs *vfs.MemFS, s []string) {
			binary.LittleEndian.PutUint32(content(t, fs, s[1])[8:], 2)
		}, "0 1 2 3 !SEGMENT-0000000002:0 4 5 6 7 8"},
		"a missing segment": {func(t *testing.T, fs *vfs.MemFS, s []string) {
			if err := fs.Remove(s[1]); err != nil {
				t.Fatal(err)
			}
		}, "0 1 2 3 !SEGMENT-0000000002:0 8"},
		"the active segment's end": {func(t *testing.T, fs *vfs.MemFS, s []string) {
			content(t, fs, s[2])[segmentHeader+record-1] ^= 1
		}, fmt.Sprintf("0 1 2 3 4 5 6 7 !SEGMENT-0000000003:%d", segmentHeader)},
		"CHAIN": {func(t *testing.T, fs *vfs.MemFS, _ []string) {
			content(t, fs, chainDir+"/CHAIN")[30] ^= 1
		}, "!CHAIN:0 0 1 2 3 4 5 6 7 8"},
		"a journal file": {func(t *testing.T, fs *vfs.MemFS, _ []string) {
			content(t, fs, filesOf(t, fs, "/data/store/journal", "")[0])[20] ^= 1
		}, "!JOURNAL-000001:0 0 1 2 3 4 5 6 7 8"},
	} {
		fs, _ := settled(t)
		segments := filesOf(t, fs, chainDir, segmentPrefix)
		if len(segments) != 3 {
			t.Fatalf("there are %v", segments)
		}
		test.spoil(t, fs, segments)
		if all, _ := dumped(t, fs); strings.Join(all, " ") != test.want {
			t.Errorf("%s: dumped %v\nwant %s", name, all, test.want)
		}
	}
}

// TestDumpDamagedJournal goes on with the next round behind one that is damaged.
func TestDumpDamagedJournal(t *testing.T) {
	died := unsettled(t, vfs.NewCrashableMem(), []string{"g/a"}, 0, 6)
	for _, path := range filesOf(t, died, "/data/store/journal", "JOURNAL") {
		if b := content(t, died, path); b[12] == stateLive {
			b[3*block+100] ^= 1
		}
	}
	all, _ := dumped(t, died)
	if got := strings.Join(all, " "); !strings.Contains(got, fmt.Sprintf(":%d", 3*block)) || !strings.Contains(got, "0 1 ") || !strings.HasSuffix(got, " 3 4 5") {
		t.Errorf("dumped %v", all)
	}
}

// TestDumpInUse dumps a chain over and over while a store appends to it and
// drops from it: what was there when a dump began and is not dropped is in it,
// once and in order, and nothing is called damaged.
func TestDumpInUse(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, tiny(fs))
	c := mustOpen(t, s, "g/a")
	mustAppend(t, s, c, storagetest.Record(0, 1, 300))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for next := event.Seq(1); next < 400; next++ {
			if err := appendTo(s, c, storagetest.Record(next, 1, 300)); err != nil {
				t.Error(err)
				return
			}
			if next%20 == 0 { // drops the odd ones
				set := storage.DropSet{}
				for seq := next - 19; seq < next; seq += 2 {
					set = append(set, storage.Range{First: seq, End: seq + 1})
				}
				if _, err := c.Drop(t.Context(), set); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	dumps := 0
	for running := true; running && !t.Failed(); dumps++ {
		select {
		case <-done:
			running = false
		default:
		}
		before := c.State().Next
		var got []event.Seq
		f := lookInto(t, fs)
		if err := f.Dump(t.Context(), "g/a", func(found *Found) error {
			if found.Err != nil {
				t.Errorf("dump %d: %s at %d: %v", dumps, found.File, found.Offset, found.Err)
				return nil
			}
			got = append(got, found.Batch.First)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("dump %d is out of order: %v", dumps, got)
		}
		for seq := event.Seq(0); seq < before; seq += 2 {
			if _, found := slices.BinarySearch(got, seq); !found {
				t.Errorf("dump %d lacks event %d of %d", dumps, seq, before)
			}
		}
	}
	<-done
	t.Logf("%d dumps", dumps)
	shutdown(t, s)
}

// TestDumpForgery has an event's data look like records of the chain. A record
// before it with a damaged length lets the dump search, but not longer than a
// budget allows, and a damaged one with the right length is passed over.
func TestDumpForgery(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, Options{Path: "/data/store", FS: fs, JournalSegmentSize: 1 << 20, JournalSegmentsMax: 2})
	c := mustOpen(t, s, "g/a")
	b := storagetest.Batch(0, 1, 0)
	header := event.Header{Key: []byte("key")}
	h, err := header.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b.Frames = event.AppendFrame(nil, h, storagetest.Record(0, 1, 50))
	forging := b.AppendRecord(nil)
	mustAppend(t, s, c, append(forging, storagetest.Record(1, 1, 10)...))
	shutdown(t, s)
	path := filesOf(t, fs, chainDir, segmentPrefix)[0]
	content(t, fs, path)[segmentHeader+20] ^= 1
	if all, _ := dumped(t, fs); strings.Join(all, " ") != fmt.Sprintf("!SEGMENT-0000000001:%d 1", segmentHeader) {
		t.Errorf("dumped %v", all)
	}
	if err := lookInto(t, fs).Dump(t.Context(), "g/a", func(f *Found) error {
		if f.Err != nil && !fault.Is(f.Err, fault.Damaged) {
			t.Errorf("the damaged place is %v", f.Err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
