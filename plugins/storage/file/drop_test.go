package file

import (
	"testing"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

// TestDropReadsNoMoreThanItMust drops all of a segment that is damaged: a drop
// does not read what goes whole, and counts it all the same.
func TestDropReadsNoMoreThanItMust(t *testing.T) {
	fs, records := settled(t)
	one := len(storagetest.Record(0, 1, 400))
	path := filesOf(t, fs, chainDir, segmentPrefix)[0]
	content(t, fs, path)[segmentHeader+100] ^= 1
	s := open(t, tiny(fs))
	defer shutdown(t, s)
	c := mustOpen(t, s, "g/a")
	n := c.(*handle).chain.closed[0].next
	if _, err := c.Drop(t.Context(), storage.DropSet{{First: 1, End: n}}); !fault.Is(err, fault.Damaged) {
		t.Fatalf("dropping a part of a damaged segment: %v", err)
	}
	dropped, err := c.Drop(t.Context(), storage.DropSet{{First: 0, End: n}})
	if want := (storage.Dropped{Events: uint64(n), Bytes: uint64(int(n) * one)}); err != nil || dropped != want {
		t.Fatalf("dropped %+v, %v; want %+v", dropped, err, want)
	}
	got, err := c.Read(t.Context(), nil, 0, 1<<20, false)
	if want := records[int(n)*one:]; err != nil || string(got) != string(want) {
		t.Fatalf("left is%s, %v", seqs(got), err)
	}
	if state := c.State(); state.Events != uint64(9-n) || state.Bytes != uint64(len(got)) {
		t.Errorf("the state is %+v", state)
	}
}
