package file

import (
	"context"
	"io"
	"sort"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Drop implements [storage.Chain]. It closes the active segment if the set
// touches it, writes the segments that the set touches anew beside the old
// ones, and switches to them by one write of the CHAIN file. Appends and
// reads go on meanwhile; they wait only for the closing and the switch.
func (h *handle) Drop(ctx context.Context, set storage.DropSet) (storage.Dropped, error) {
	if err := h.begin(ctx); err != nil {
		return storage.Dropped{}, err
	}
	defer h.end()
	if err := checkDropSet(set); err != nil {
		return storage.Dropped{}, err
	}
	h.dropping.Lock()
	defer h.dropping.Unlock()
	d := dropping{ctx: ctx, chain: h.chain, set: clip(set, h.state().Next), courtesy: courtesy{store: h.store}}
	if len(d.set) == 0 {
		return storage.Dropped{}, nil
	}
	if err := d.run(); err != nil {
		return storage.Dropped{}, h.spoilt(err)
	}
	for _, s := range d.old {
		// What cannot be removed now is when the chain is next opened.
		h.store.segments.remove(s.path)
	}
	return storage.Dropped{Events: d.events, Bytes: uint64(max(d.freed, 0))}, nil
}

// run does all of a drop but for the removal of the segments that it replaced.
func (d *dropping) run() error {
	closed, err := d.chain.close(d.set)
	if err != nil {
		return err
	}
	err = d.rewrite(closed)
	if err == nil && d.changed {
		err = d.switchOver(len(closed))
	}
	if err != nil || !d.changed {
		d.abandon()
		d.old = nil
	}
	return err
}

func checkDropSet(set storage.DropSet) error {
	last := event.Seq(0)
	for i, r := range set {
		if r.First >= r.End || i > 0 && r.First < last {
			return fault.New(fault.BadRequest, "a drop set's ranges must be neither empty nor overlap, and ascend; range %d is %d to %d after %d", i, r.First, r.End, last)
		}
		last = r.End
	}
	return nil
}

// clip returns the part of set that lies before end: what is appended during
// a drop is no part of it.
func clip(set storage.DropSet, end event.Seq) storage.DropSet {
	n := sort.Search(len(set), func(i int) bool { return set[i].First >= end })
	set = append(storage.DropSet(nil), set[:n]...)
	if n > 0 {
		set[n-1].End = min(set[n-1].End, end)
	}
	return set
}

// touches reports whether the set has a seq from first up to next.
func touches(set storage.DropSet, first, next event.Seq) bool {
	i := sort.Search(len(set), func(i int) bool { return set[i].End > first })
	return i < len(set) && set[i].First < next
}

// covers reports whether one range of the set has all seqs from first up to next.
func covers(set storage.DropSet, first, next event.Seq) bool {
	i := sort.Search(len(set), func(i int) bool { return set[i].End > first })
	return i < len(set) && set[i].First <= first && set[i].End >= next
}

// close closes the active segment, with the tail, if the set touches it, and
// returns the closed segments.
func (c *chain) close(set storage.DropSet) ([]*segment, error) {
	c.files.Lock()
	defer c.files.Unlock()
	if len(set) > 0 && set[len(set)-1].End > c.active.first {
		if err := c.flushLocked(); err != nil {
			return nil, err
		}
		if c.active.events > 0 && touches(set, c.active.first, c.active.next) {
			if err := c.roll(); err != nil {
				return nil, err
			}
		}
	}
	return c.closed, nil
}

// dropping is a drop, or an erasure, under way.
type dropping struct {
	ctx   context.Context
	chain *chain
	set   storage.DropSet
	erase bool // leaves the events, without their data

	kept    []*segment // the chain's closed segments from now on
	made    []*segment // those of kept that are new
	old     []*segment // those that made replaces
	changed bool       // made has less than old
	events  uint64     // that are dropped, or lose their data
	freed   int        // bytes

	out     *segment // being written; nil if none is
	file    vfs.File
	buf     []byte
	scratch []byte
	frames  []byte // of an erasure

	unsynced int // bytes of file
	courtesy courtesy
}

// rewrite finds out what is kept of these segments, and writes it.
func (d *dropping) rewrite(closed []*segment) error {
	small := d.chain.store.options.SegmentSize / 4
	for i, s := range closed {
		touched, err := d.concerns(s)
		if err != nil {
			return err
		}
		// Small ones beside those that are written anew are joined to them, so
		// that a chain that is often compacted does not fall into crumbs.
		beside := d.out != nil || i+1 < len(closed) && touches(d.set, closed[i+1].first, closed[i+1].next)
		if !touched && !(s.size < small && beside) {
			if err := d.finish(); err != nil {
				return err
			}
			d.kept = append(d.kept, s)
			continue
		}
		d.old = append(d.old, s)
		if err := d.rewriteSegment(s); err != nil {
			return err
		}
	}
	return d.finish()
}

func (d *dropping) rewriteSegment(s *segment) error {
	if !d.erase && covers(d.set, s.first, s.next) { // what is in it need not be read
		d.events += s.events
		d.changed = true
		d.freed += int(s.size - segmentHeader)
		return nil
	}
	f, err := d.chain.store.segments.acquire(s.path)
	if err != nil {
		return ioFault(err, "opening "+s.path)
	}
	defer d.chain.store.segments.release(f)
	if err := s.checkHeader(f, d.chain.id); err != nil {
		return err
	}
	r := recordReader{file: f, path: s.path, offset: segmentHeader, end: s.size}
	for {
		if err := d.courtesy.giveWay(d.ctx); err != nil {
			return err
		}
		record, batch, err := r.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case !touches(d.set, batch.First, batch.Next()):
			err = d.write(record, batch.First, batch.Count)
		case d.erase:
			err = d.omit(&batch, len(record))
		default:
			err = d.split(&batch, len(record))
		}
		if err != nil {
			return err
		}
	}
}

// split writes what the set leaves of a batch: a record for each run.
func (d *dropping) split(batch *event.Batch, size int) error {
	run := *batch
	run.Count = 0
	freed := size
	begin, pos := 0, 0 // of the run, of the next event in batch.Frames
	for seq := batch.First; ; seq++ {
		drop := seq < batch.Next() && touches(d.set, seq, seq+1)
		if drop {
			d.events++
			d.changed = true
		}
		if run.Count > 0 && (drop || seq == batch.Next()) {
			run.Frames = batch.Frames[begin:pos]
			freed -= run.RecordSize()
			d.scratch = run.AppendRecord(d.scratch[:0])
			if err := d.write(d.scratch, run.First, run.Count); err != nil {
				return err
			}
			run.Count = 0
		}
		if seq == batch.Next() {
			d.freed += freed
			return nil
		}
		_, after, err := event.CutFrame(batch.Frames[pos:])
		if err != nil {
			return err
		}
		next := len(batch.Frames) - len(after)
		if !drop && run.Count == 0 {
			run.First, begin = seq, pos
			run.Offset = batch.Offset + int(seq-batch.First)
		}
		if !drop {
			run.Count++
		}
		pos = next
	}
}

// write adds a record to the segment being written.
func (d *dropping) write(record []byte, first event.Seq, count int) error {
	if d.out != nil && d.out.size+int64(len(record)) > d.chain.store.options.SegmentSize {
		if err := d.finish(); err != nil {
			return err
		}
	}
	if d.out == nil {
		if err := d.begin(first); err != nil {
			return err
		}
	}
	d.buf = append(d.buf, record...)
	d.out.note(first, count, len(record))
	if len(d.buf) < maxGather {
		return nil
	}
	return d.writeBuffer()
}

func (d *dropping) begin(first event.Seq) (err error) {
	c := d.chain
	c.files.Lock()
	c.lastNumber++
	number := c.lastNumber
	c.files.Unlock()
	d.out = newSegment(c.dir, number, first)
	if d.file, err = c.store.disk.create(d.out.path); err != nil {
		d.out = nil
		return err
	}
	d.made = append(d.made, d.out)
	d.buf = append(d.buf[:0], encodeSegmentHeader(c.id, number, first)...)
	return nil
}

func (d *dropping) writeBuffer() error {
	_, err := d.file.Write(d.buf)
	d.unsynced += len(d.buf)
	if d.buf = d.buf[:0]; err != nil {
		return ioFault(err, "writing "+d.out.path)
	}
	if d.unsynced < syncEvery {
		return nil
	}
	d.unsynced = 0
	return d.chain.store.disk.sync(d.file, d.out.path)
}

// finish ends the segment being written, if there is one.
func (d *dropping) finish() error {
	if d.out == nil {
		return nil
	}
	d.buf = append(d.buf, d.out.index.encode()...)
	err := d.writeBuffer()
	if err == nil {
		err = d.chain.store.disk.sync(d.file, d.out.path)
	}
	d.file.Close()
	d.kept = append(d.kept, d.out)
	d.out, d.unsynced = nil, 0
	return err
}

// switchOver makes what was written the chain's segments in the place of the
// first n.
func (d *dropping) switchOver(n int) error {
	c := d.chain
	if err := c.store.disk.syncDir(c.dir); err != nil {
		return err
	}
	c.files.Lock()
	defer c.files.Unlock()
	kept := append(d.kept, c.closed[n:]...)
	if err := c.switchTo(kept, c.active); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !d.erase {
		c.events -= d.events
	}
	c.bytes = uint64(int64(c.bytes) - int64(d.freed))
	return nil
}

// abandon removes what was written for a drop that does not take place.
func (d *dropping) abandon() {
	if d.out != nil {
		d.file.Close()
	}
	for _, s := range d.made {
		d.chain.store.disk.abandon(s.path)
	}
}
