package file

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

const (
	segmentMagic  = "AteSegmt"
	segmentHeader = 40
)

// segment is one file of a chain's records. Of a closed one nothing changes
// but the index, which is read when it is first needed.
type segment struct {
	number uint64
	path   string
	first  event.Seq // of its first record; of an empty one, of the next record
	next   event.Seq // after its last record
	events uint64
	size   int64 // bytes of header and records

	loading sync.Mutex // held while the index of a closed segment is loaded
	index   index      // of the active segment: guarded by the chain's mu
}

func segmentPath(dir string, number uint64) string {
	return fmt.Sprintf("%s/%s%010d", dir, segmentPrefix, number)
}

func encodeSegmentHeader(chain, number uint64, first event.Seq) []byte {
	h := make([]byte, 0, segmentHeader)
	h = append(h, segmentMagic...)
	h = binary.LittleEndian.AppendUint32(h, formatVersion)
	h = binary.LittleEndian.AppendUint64(h, chain)
	h = binary.LittleEndian.AppendUint64(h, number)
	h = binary.LittleEndian.AppendUint64(h, uint64(first))
	return binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
}

// checkSegmentHeader checks that f begins with the header of this segment.
func (s *segment) checkHeader(f io.ReaderAt, chain uint64) error {
	h := make([]byte, segmentHeader)
	if n, err := f.ReadAt(h, 0); n < len(h) {
		if err != io.EOF {
			return ioFault(err, "reading "+s.path)
		}
		return damaged(s.path, int64(n), fault.New(fault.Damaged, "the file ends in its header"))
	}
	if v := binary.LittleEndian.Uint32(h[8:]); bytes.HasPrefix(h, []byte(segmentMagic)) && v > formatVersion {
		return laterVersion(s.path, v)
	}
	if !bytes.Equal(h, encodeSegmentHeader(chain, s.number, s.first)) {
		return damaged(s.path, 0, fault.New(fault.Damaged, "the header is not that of segment %d of this chain from seq %d", s.number, s.first))
	}
	return nil
}

// note takes a record that was written at the end into account.
func (s *segment) note(first event.Seq, count, size int) {
	s.index = s.index.add(first, s.size)
	if s.events == 0 {
		s.first = first
	}
	s.next = first + event.Seq(count)
	s.events += uint64(count)
	s.size += int64(size)
}

// scan reads the records of f from the header to end and notes them in s, which
// must be empty. They must begin at s.first and leave no gap, unless gaps are
// allowed. It stops at the record that begins at until.
func (s *segment) scan(f io.ReaderAt, end int64, until event.Seq, gaps bool) error {
	r := recordReader{file: f, path: s.path, offset: segmentHeader, end: end}
	for s.next < until {
		_, batch, err := r.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if batch.First != s.next && !(gaps && batch.First > s.next) {
			return damaged(s.path, s.size, fault.New(fault.Damaged, "a record begins at seq %d where %d is next", batch.First, s.next))
		}
		s.note(batch.First, batch.Count, batch.RecordSize())
	}
	return nil
}

// recordReader reads the records of a segment one after the other.
type recordReader struct {
	file   io.ReaderAt
	path   string
	offset int64 // of the next record
	end    int64 // of the records
	buf    []byte
	rest   []byte // of buf: what follows offset
}

// next returns a record, as it is stored and parsed, and moves on. Both are
// valid until the next call. At the end the error is io.EOF; bytes that are no
// record are a fault with code damaged.
func (r *recordReader) next() ([]byte, event.Batch, error) {
	if r.offset >= r.end {
		return nil, event.Batch{}, io.EOF
	}
	if err := r.fill(event.RecordHeader); err != nil {
		return nil, event.Batch{}, err
	}
	size, err := event.RecordSize(r.rest)
	if err != nil {
		return nil, event.Batch{}, damaged(r.path, r.offset, err)
	}
	if err := r.fill(size); err != nil {
		return nil, event.Batch{}, err
	}
	batch, rest, err := event.CutRecord(r.rest)
	if err != nil {
		return nil, event.Batch{}, damaged(r.path, r.offset, err)
	}
	record := r.rest[:size]
	r.rest, r.offset = rest, r.offset+int64(size)
	return record, batch, nil
}

// fill makes sure that rest has n bytes.
func (r *recordReader) fill(n int) error {
	if len(r.rest) >= n {
		return nil
	}
	if r.offset+int64(n) > r.end {
		return damaged(r.path, r.offset, fault.New(fault.Damaged, "a record of at least %d bytes is cut short at %d", n, r.end))
	}
	want := int(min(r.end-r.offset, int64(max(n, readAhead))))
	if cap(r.buf) < want {
		r.buf = make([]byte, want)
	}
	r.buf = r.buf[:want]
	have := copy(r.buf, r.rest)
	m, err := r.file.ReadAt(r.buf[have:], r.offset+int64(have))
	r.rest = r.buf[:have+m]
	if len(r.rest) >= n {
		return nil
	}
	if err == io.EOF {
		return damaged(r.path, r.offset, fault.New(fault.Damaged, "the file ends at %d, it had %d bytes", r.offset+int64(len(r.rest)), r.end))
	}
	return ioFault(err, "reading "+r.path)
}

// newSegment returns a segment without records.
func newSegment(dir string, number uint64, first event.Seq) *segment {
	return &segment{number: number, path: segmentPath(dir, number), first: first, next: first, size: segmentHeader}
}
