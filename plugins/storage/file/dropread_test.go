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
