package file

import (
	"encoding/binary"

	"github.com/atedb/atedb/sdk/event"
)

// searchBudget is how many bytes are checked at most in search of a record.
// What looks like one is easily made by whoever writes data.
const searchBudget = 4 << 30

// search looks for the first record at or behind a place in a part.
type search struct {
	*walker
	part   *part
	budget int64
	window []byte // bytes of the file
	from   int64  // where in the file these are
}

// run returns where the record is, and its first seq. A record whose length is
// still right is passed over at once. Otherwise something that looks like a
// record may be data that was made to.
func (s *search) run() (offset int64, first event.Seq, ok bool) {
	at := s.in.offset
	if first, ok := s.check(at); ok {
		return at, first, true
	}
	if b := s.peek(at); len(b) >= event.RecordHeader {
		if size, err := event.RecordSize(b); err == nil {
			if first, ok := s.check(at + int64(size)); ok {
				return at + int64(size), first, true
			}
		}
	}
	for at++; at < s.in.end && s.budget > 0; at++ {
		if first, ok := s.check(at); ok && first >= s.next {
			return at, first, true
		}
	}
	return 0, 0, false
}

// peek returns bytes of the file from an offset on, as many as a record's and
// its batch's header have if there are so many.
func (s *search) peek(offset int64) []byte {
	const least = event.RecordHeader + event.BatchHeader
	if offset < s.from || offset+least > s.from+int64(len(s.window)) {
		s.window, s.from = make([]byte, max(0, min(readAhead, s.in.end-offset))), offset
		n, _ := s.file.ReadAt(s.window, offset)
		s.window = s.window[:n]
	}
	return s.window[offset-s.from:]
}

// check reports whether a record is at an offset, and its first seq.
func (s *search) check(offset int64) (first event.Seq, ok bool) {
	head := s.peek(offset)
	if len(head) < event.RecordHeader+event.BatchHeader {
		return 0, false
	}
	size, err := event.RecordSize(head)
	count := binary.LittleEndian.Uint32(head[event.RecordHeader+32:])
	if err != nil || count < 1 || count > event.MaxBatchEvents || offset+int64(size) > s.in.end {
		return 0, false
	}
	s.budget -= int64(size)
	record := make([]byte, size)
	if n, _ := s.file.ReadAt(record, offset); n < size {
		return 0, false
	}
	batch, _, err := event.CutRecord(record)
	if err != nil || s.part.next != noJournal && batch.First >= s.part.next && !s.part.overlaps {
		return 0, false
	}
	return batch.First, true
}
