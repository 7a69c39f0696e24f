package file

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

// slowOpening holds up whoever is the first to open a segment.
type slowOpening struct {
	vfs.FS
	armed   atomic.Bool
	waiting chan struct{} // closed when somebody is held up
	goOn    chan struct{} // closed to let him go on
}

// Stat comes before each opening.
func (s *slowOpening) Stat(path string) (vfs.FileInfo, error) {
	if strings.Contains(path, segmentPrefix) && s.armed.CompareAndSwap(true, false) {
		close(s.waiting)
		<-s.goOn
	}
	return s.FS.Stat(path)
}

// TestReadBehindADrop has a reader find out in which file its records are, and open
// it only when a drop has removed it: the reader gets what is left, with and
// without the data.
func TestReadBehindADrop(t *testing.T) {
	set := storage.DropSet{{First: 0, End: 3}, {First: 4, End: 10}, {First: 12, End: 29}}
	for _, from := range []event.Seq{0, 5, 11, 28} {
		for _, headersOnly := range []bool{false, true} {
			mem := vfs.NewMem()
			s := open(t, tiny(mem))
			c := mustOpen(t, s, "g/a")
			mustAppend(t, s, c, storagetest.Records(0, 30, 1, 300))
			shutdown(t, s)
			slow := &slowOpening{FS: mem, waiting: make(chan struct{}), goOn: make(chan struct{})}
			s = open(t, tiny(slow))
			c = mustOpen(t, s, "g/a")
			s.segments.closeAll()
			slow.armed.Store(true)

			want := storagetest.Survivors(storagetest.Records(0, 30, 1, 300), func(seq event.Seq) bool { return seq >= from && !storagetest.Contains(set, seq) })
			got := make(chan []byte, 1)
			go func() {
				records, err := c.Read(t.Context(), nil, from, 1<<20, headersOnly)
				if err != nil {
					t.Errorf("reading from %d behind a drop, headers only %t: %v", from, headersOnly, err)
				}
				got <- records
			}()
			<-slow.waiting
			if _, err := c.Drop(t.Context(), set); err != nil {
				t.Fatal(err)
			}
			close(slow.goOn)
			if records := <-got; seqs(records) != seqs(want) || !headersOnly && string(records) != string(want) {
				t.Errorf("reading from %d behind a drop, headers only %t:%s, want%s", from, headersOnly, seqs(records), seqs(want))
			}
			shutdown(t, s)
		}
	}
}

// heldOpening holds up whoever is the first to open a segment, after it has been
// found to be there: before or after it is opened.
type heldOpening struct {
	slowOpening
	opened bool
}

func (h *heldOpening) Stat(path string) (vfs.FileInfo, error) { return h.FS.Stat(path) }

func (h *heldOpening) OpenReadWrite(path string, category vfs.DiskWriteCategory, options ...vfs.OpenOption) (f vfs.File, err error) {
	if !strings.Contains(path, segmentPrefix) || !h.armed.CompareAndSwap(true, false) {
		return h.FS.OpenReadWrite(path, category, options...)
	}
	if h.opened {
		f, err = h.FS.OpenReadWrite(path, category, options...)
	}
	close(h.waiting)
	<-h.goOn
	if h.opened {
		return f, err
	}
	return h.FS.OpenReadWrite(path, category, options...)
}

// TestDroppedIsNotKeptOpen has a drop remove a segment that a reader is about to
// open: what was removed is neither kept open, which would keep its space, nor
// made anew.
func TestDroppedIsNotKeptOpen(t *testing.T) {
	for _, opened := range []bool{false, true} {
		mem := vfs.NewMem()
		s := open(t, tiny(mem))
		c := mustOpen(t, s, "g/a")
		mustAppend(t, s, c, storagetest.Records(0, 30, 1, 300))
		shutdown(t, s)
		held := &heldOpening{slowOpening{FS: mem, waiting: make(chan struct{}), goOn: make(chan struct{})}, opened}
		s = open(t, tiny(held))
		c = mustOpen(t, s, "g/a")
		s.segments.closeAll()
		held.armed.Store(true)

		got := make(chan []byte, 1)
		go func() {
			records, err := c.Read(t.Context(), nil, 0, 1<<20, false)
			if err != nil {
				t.Errorf("reading behind a drop, opened before it %t: %v", opened, err)
			}
			got <- records
		}()
		<-held.waiting
		if _, err := c.Drop(t.Context(), storage.DropSet{{First: 0, End: 29}}); err != nil {
			t.Fatal(err)
		}
		close(held.goOn)
		if records := <-got; seqs(records) != " [29,30)" {
			t.Errorf("reading behind a drop, opened before it %t:%s", opened, seqs(records))
		}
		for path := range s.segments.open {
			if _, err := mem.Stat(path); err != nil {
				t.Errorf("opened before the drop %t: kept open: %v", opened, err)
			}
		}
		if segments := filesOf(t, mem, chainDir, segmentPrefix); len(segments) != 2 {
			t.Errorf("opened before the drop %t: there are segments %v", opened, segments)
		}
		shutdown(t, s)
	}
}
