package verify

import (
	"encoding/binary"
	"testing"

	"github.com/atedb/atedb/sdk/event"
)

// FuzzAdd changes bytes of a good log, with checksums that fit: it is never
// accepted with the head that it had if an event is another one than before.
// Each four bytes of edits are a batch, a position in its record and what is
// xored there.
func FuzzAdd(f *testing.F) {
	good := basic(f).omit()
	compacted := basic(f).drop(2, 4)
	f.Add(false, []byte{1, 0, 60, 1})
	f.Add(true, []byte{1, 0, 44, 2})          // offset
	f.Add(true, []byte{1, 0, 8, 1})           // first
	f.Add(false, []byte{0, 0, 40, 1})         // count
	f.Add(false, []byte{2, 13, 200, 7, 9, 9}) // a frame
	f.Add(true, []byte{3, 0, 24, 255})        // the commit id, which nobody vouches for
	f.Fuzz(func(t *testing.T, gaps bool, edits []byte) {
		w := good
		if gaps {
			w = compacted
		}
		var records [][]byte
		for i := range w.batches {
			records = append(records, w.batches[i].AppendRecord(nil))
		}
		for ; len(edits) >= 4; edits = edits[4:] {
			r := records[int(edits[0])%len(records)]
			body := r[event.RecordHeader:]
			body[int(binary.BigEndian.Uint16(edits[1:]))%len(body)] ^= edits[3]
			binary.LittleEndian.PutUint32(r[4:], event.Checksum(body))
		}
		l, err := New(w.genesis, w.give)
		if err != nil {
			t.Fatal(err)
		}
		var accepted []event.Batch
		for _, r := range records {
			b, _, err := event.CutRecord(r)
			if err != nil || b.First > 1000 || l.Add(t.Context(), &b) != nil {
				return
			}
			accepted = append(accepted, b)
		}
		if l.CheckHead(t.Context(), w.present()) != nil {
			return
		}
		for i := range accepted {
			for k, leaf := range leavesOf(&accepted[i], w.id) {
				if leaf != w.leaves[int(accepted[i].First)+k] {
					t.Errorf("another event %d was accepted", int(accepted[i].First)+k)
				}
			}
		}
	})
}
