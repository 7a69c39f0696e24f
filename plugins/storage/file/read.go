package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"sort"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Read implements [storage.Chain].
func (h *handle) Read(ctx context.Context, dst []byte, from event.Seq, maxBytes int, headersOnly bool) ([]byte, error) {
	if err := h.begin(ctx); err != nil {
		return nil, err
	}
	defer h.end()
	maxBytes = min(max(maxBytes, 0), storage.MaxRead)
	if headersOnly {
		return h.readHeaders(ctx, dst, from, maxBytes, (*event.Frame).Omit)
	}
	return h.read(dst, from, maxBytes)
}

// ReadHeaders implements [storage.HeaderReader].
func (h *handle) ReadHeaders(ctx context.Context, dst []byte, from event.Seq, maxBytes int) ([]byte, error) {
	if err := h.begin(ctx); err != nil {
		return nil, err
	}
	defer h.end()
	return h.readHeaders(ctx, dst, from, min(max(maxBytes, 0), storage.MaxRead), (*event.Frame).OmitUnhashed)
}

// read appends to dst the records from the one that holds from on that fit
// into maxBytes, or the first alone.
func (c *chain) read(dst []byte, from event.Seq, maxBytes int) ([]byte, error) {
	start := len(dst)
	for {
		had := len(dst)
		left, must := maxBytes-(had-start), had == start
		var p place
		if p, dst = c.locate(dst, from, left, must); p.segment == nil {
			return dst, nil
		}
		more, full, err := c.readSegment(dst, p, from, left, must)
		if err != nil {
			if c.replaced(p.segment) {
				continue // a drop was faster
			}
			return nil, c.spoilt(err)
		}
		dst = more
		if full || len(dst) == had || len(dst)-start >= maxBytes {
			return dst, nil
		}
		if from, err = lastNext(dst[had:]); err != nil {
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
// or in the tail, of which it appends what fits to dst, at least one if must is
// set. Behind the chain's end it finds nothing.
func (c *chain) locate(dst []byte, from event.Seq, maxBytes int, must bool) (place, []byte) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if i := sort.Search(len(c.closed), func(i int) bool { return c.closed[i].next > from }); i < len(c.closed) {
		return place{c.closed[i], -1, c.closed[i].size}, dst
	}
	if c.active.next > from && c.active.events > 0 {
		return place{c.active, c.active.index.find(from), c.active.size}, dst
	}
	start := len(dst)
	for _, piece := range c.tail[sort.Search(len(c.tail), func(i int) bool { return c.tail[i].next > from }):] {
		fitting, all := fitting(piece.records, from, maxBytes-(len(dst)-start), must && len(dst) == start)
		if dst = append(dst, fitting...); !all {
			break
		}
	}
	return place{}, dst
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

// readSegment appends checked records of a segment to dst, as read does. full
// says that another record does not fit into maxBytes.
func (c *chain) readSegment(dst []byte, p place, from event.Seq, maxBytes int, must bool) (_ []byte, full bool, err error) {
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
	keep := func(records []byte) []byte { return append(dst, records...) } // within the same memory
	dst, b := room(dst, min(p.end-p.offset, int64(maxBytes)+indexSpan))
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
				return keep(b[begin:pos]), tooMuch, nil
			}
			p.offset, begin, pos = p.offset+int64(pos), 0, 0
			dst, b = room(dst, min(left, int64(max(size, maxBytes))))
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
			return keep(b[begin:pos]), true, nil
		}
		pos += size
	}
	return keep(b[begin:pos]), false, nil
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

// room returns dst with room for more behind it, and that.
func room(dst []byte, size int64) (_, b []byte) {
	dst = slices.Grow(dst, int(size))
	return dst, dst[len(dst):][:size]
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
func (c *chain) readHeaders(ctx context.Context, dst []byte, from event.Seq, maxBytes int, omit omission) ([]byte, error) {
	out := dst
	var scratch []byte
	b := c.store.buffers.get(max(maxBytes, readAhead) + indexSpan)
	defer c.store.buffers.put(b)
	raw := b.bytes // larger memory may take its place, which is not kept
	for {
		var err error
		if raw, err = c.read(raw[:0], from, max(maxBytes, readAhead)); err != nil || len(raw) == 0 {
			return out, err
		}
		for batch, err := range event.Records(raw) {
			if err == nil {
				scratch, err = appendHeaders(scratch[:0], &batch, omit)
			}
			if err != nil {
				return nil, c.spoilt(err)
			}
			bare := batch
			bare.Frames = scratch
			if read := len(out) - len(dst); read > 0 && read+bare.RecordSize() > maxBytes {
				return out, nil
			}
			out = bare.AppendRecord(out)
			from = batch.Next()
		}
		if err := gaveUp(ctx); err != nil || len(out)-len(dst) >= maxBytes {
			return out, err
		}
	}
}

// omission appends an event to dst without its data.
type omission func(f *event.Frame, dst []byte) []byte

// appendHeaders appends the batch's events without their data.
func appendHeaders(dst []byte, batch *event.Batch, omit omission) ([]byte, error) {
	for frame, err := range batch.Events() {
		if err != nil {
			return nil, err
		}
		dst = omit(&frame, dst)
	}
	return dst, nil
}
