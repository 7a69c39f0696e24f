package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sort"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Read implements [storage.Chain].
func (h *handle) Read(ctx context.Context, from event.Seq, maxBytes int, headersOnly bool) ([]byte, error) {
	if err := h.begin(ctx); err != nil {
		return nil, err
	}
	defer h.end()
	maxBytes = min(max(maxBytes, 0), storage.MaxRead)
	if headersOnly {
		return h.readHeaders(ctx, from, maxBytes)
	}
	return h.read(from, maxBytes)
}

// read returns the records from the one that holds from on that fit into
// maxBytes, or the first alone. The slice is the caller's.
func (c *chain) read(from event.Seq, maxBytes int) (out []byte, err error) {
	for {
		must := len(out) == 0
		p, tail := c.locate(from, maxBytes-len(out), must)
		if p.segment == nil {
			return append(out, tail...), nil
		}
		more, full, err := c.readSegment(p, from, maxBytes-len(out), must)
		if err != nil {
			if c.replaced(p.segment) {
				continue // a drop was faster
			}
			return nil, c.spoilt(err)
		}
		if out == nil {
			out = more
		} else {
			out = append(out, more...)
		}
		if full || len(more) == 0 || len(out) >= maxBytes {
			return out, nil
		}
		if from, err = lastNext(more); err != nil {
			return nil, err
		}
	}
}

// place is where to look for records in a segment: from offset on, or where the
// index says if that is negative, up to end.
type place struct {
	segment     *segment
	offset, end int64
}

// locate finds the first record with an event at or after from: in a segment,
// or in the tail, of which it returns a copy of what fits, at least one if must
// is set. Behind the chain's end it finds an empty tail.
func (c *chain) locate(from event.Seq, maxBytes int, must bool) (p place, tail []byte) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if i := sort.Search(len(c.closed), func(i int) bool { return c.closed[i].next > from }); i < len(c.closed) {
		return place{c.closed[i], -1, c.closed[i].size}, nil
	}
	if c.active.next > from && c.active.events > 0 {
		return place{c.active, c.active.index.find(from), c.active.size}, nil
	}
	for _, piece := range c.tail[sort.Search(len(c.tail), func(i int) bool { return c.tail[i].next > from }):] {
		fitting, all := fitting(piece.records, from, maxBytes-len(tail), must && len(tail) == 0)
		if tail = append(tail, fitting...); !all {
			break
		}
	}
	return place{}, tail
}

// fitting returns those of the records that have an event at or after from, as
// many as fit into maxBytes, at least one if must is set; and whether these are
// all to the end.
func fitting(records []byte, from event.Seq, maxBytes int, must bool) (_ []byte, all bool) {
	begin, end := 0, 0
	for end < len(records) {
		first, count, size, err := event.PeekRecord(records[end:])
		switch {
		case err != nil:
			panic(err) // they have been checked before
		case first+event.Seq(count) <= from:
			begin = end + size
		case end+size-begin > maxBytes && !(must && end == begin):
			return records[begin:end], false
		}
		end += size
	}
	return records[begin:end], true
}

// lastNext returns the seq after the last of some records.
func lastNext(records []byte) (next event.Seq, err error) {
	for rest := records; len(rest) > 0; {
		first, count, size, err := event.PeekRecord(rest)
		if err != nil {
			return 0, err
		}
		next, rest = first+event.Seq(count), rest[size:]
	}
	return next, nil
}

// replaced reports whether a drop has put another segment in the place of s.
func (c *chain) replaced(s *segment) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, other := range c.closed {
		if other == s {
			return false
		}
	}
	return c.active != s
}

// readSegment returns checked records of a segment, as read does. full says
// that another record does not fit into maxBytes.
func (c *chain) readSegment(p place, from event.Seq, maxBytes int, must bool) (_ []byte, full bool, err error) {
	s := p.segment
	f, err := c.store.segments.acquire(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, fault.New(fault.Damaged, "%s is missing", s.path)
	}
	if err != nil {
		return nil, false, ioFault(err, "opening "+s.path)
	}
	defer c.store.segments.release(f)
	if p.offset < 0 {
		x, err := s.loadIndex(f, c.id)
		if err != nil {
			return nil, false, err
		}
		p.offset = x.find(from)
	}
	b := make([]byte, min(p.end-p.offset, int64(maxBytes)+indexSpan))
	if err := readFull(f, s.path, b, p.offset); err != nil {
		return nil, false, err
	}
	begin, pos := 0, 0
	for p.offset+int64(pos) < p.end {
		left := p.end - p.offset - int64(pos)
		size, err := recordSizeAt(b[pos:], left)
		if err == nil && pos+size > len(b) {
			tooMuch := pos+size-begin > maxBytes
			if pos > begin || tooMuch && !must {
				return b[begin:pos:pos], tooMuch, nil
			}
			p.offset, begin, pos = p.offset+int64(pos), 0, 0
			b = make([]byte, min(left, int64(max(size, maxBytes))))
			if err := readFull(f, s.path, b, p.offset); err != nil {
				return nil, false, err
			}
			continue
		}
		var batch event.Batch
		if err == nil {
			batch, _, err = event.CutRecord(b[pos : pos+size])
		}
		switch {
		case err != nil:
			return nil, false, damaged(s.path, p.offset+int64(pos), err)
		case batch.Next() <= from:
			begin = pos + size
		case pos+size-begin > maxBytes && !(must && pos == begin):
			return b[begin:pos:pos], true, nil
		}
		pos += size
	}
	return b[begin:pos:pos], false, nil
}

// recordSizeAt returns the size of the record at the start of b, which may be
// longer than b but not than left. If b has not even its header, that is the
// size.
func recordSizeAt(b []byte, left int64) (int, error) {
	if len(b) < event.RecordHeader && left >= event.RecordHeader {
		return event.RecordHeader, nil
	}
	size, err := event.RecordSize(b)
	if err == nil && int64(size) > left {
		err = fault.New(fault.Damaged, "a record of %d bytes goes beyond the %d that are left", size, left)
	}
	return size, err
}

func readFull(f io.ReaderAt, path string, b []byte, offset int64) error {
	n, err := f.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		return damaged(path, offset+int64(n), fault.New(fault.Damaged, "the file ends here, it had %d bytes", offset+int64(len(b))))
	}
	return ioFault(err, "reading "+path)
}

// spoilt names the chain in the fault of a failed read.
func (c *chain) spoilt(err error) error {
	return fault.New(fault.CodeOf(err), "chain %q: %s", c.name, fault.From(err).Reason)
}

// loadIndex returns the index of a closed segment: from its footer, or made
// from its records if the footer is not there or damaged.
func (s *segment) loadIndex(f io.ReaderAt, chain uint64) (index, error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.index != nil {
		return s.index, nil
	}
	if err := s.checkHeader(f, chain); err != nil {
		return nil, err
	}
	head := make([]byte, footerHeader)
	if n, _ := f.ReadAt(head, s.size); n == len(head) {
		footer := make([]byte, footerSize(head, s.size))
		if n, _ := f.ReadAt(footer, s.size); n == len(footer) {
			if x, err := parseIndex(footer); err == nil && len(x) > 0 {
				s.index = x
				return x, nil
			}
		}
	}
	again := &segment{path: s.path, first: s.first, next: s.first, size: segmentHeader}
	if err := again.scan(f, s.size, noJournal, true); err != nil {
		return nil, err
	}
	s.index = again.index
	return s.index, nil
}

// readHeaders is read without the events' data.
func (c *chain) readHeaders(ctx context.Context, from event.Seq, maxBytes int) ([]byte, error) {
	var out, scratch []byte
	for {
		raw, err := c.read(from, max(maxBytes, readAhead))
		if err != nil || len(raw) == 0 {
			return out, err
		}
		for batch, err := range event.Records(raw) {
			if err == nil {
				scratch, err = appendHeaders(scratch[:0], &batch)
			}
			if err != nil {
				return nil, c.spoilt(err)
			}
			bare := batch
			bare.Frames = scratch
			if len(out) > 0 && len(out)+bare.RecordSize() > maxBytes {
				return out, nil
			}
			out = bare.AppendRecord(out)
			from = batch.Next()
		}
		if err := gaveUp(ctx); err != nil || len(out) >= maxBytes {
			return out, err
		}
	}
}

// appendHeaders appends the batch's events without their data.
func appendHeaders(dst []byte, batch *event.Batch) ([]byte, error) {
	for frame, err := range batch.Events() {
		if err != nil {
			return nil, err
		}
		dst = event.AppendOmitted(dst, frame.Header, frame.DataLen)
	}
	return dst, nil
}
