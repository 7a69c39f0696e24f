package file

import (
	"context"
	"encoding/binary"
	"io"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/storage"
)

// Erase implements [storage.Chain]. It goes the way of a drop. Then it removes
// what crashes and drops may have left in the chain's folder, and scrubs the
// journal.
func (h *handle) Erase(ctx context.Context, set storage.DropSet) (storage.Erased, error) {
	if err := h.begin(ctx); err != nil {
		return storage.Erased{}, err
	}
	defer h.end()
	if err := checkDropSet(set); err != nil {
		return storage.Erased{}, err
	}
	d := dropping{ctx: ctx, chain: h.chain, set: clip(set, h.state().Next), erase: true, courtesy: courtesy{store: h.store}}
	if err := d.eraseFiles(); err != nil {
		return storage.Erased{}, h.spoilt(err)
	}
	if err := h.store.scrubbed(ctx); err != nil {
		return storage.Erased{}, err
	}
	return storage.Erased{Events: d.events, Bytes: int64(d.freed)}, nil
}

// eraseFiles has the chain's files free of what is erased, durably.
func (d *dropping) eraseFiles() error {
	c := d.chain
	c.dropping.Lock()
	defer c.dropping.Unlock()
	if err := d.run(); err != nil {
		return err
	}
	c.files.Lock()
	defer c.files.Unlock()
	c.blobs.Lock() // or else what is half written of one would be taken for a left-over
	defer c.blobs.Unlock()
	if err := c.tidy(c.segmentPaths()); err != nil {
		return err
	}
	return c.store.disk.syncDir(c.dir)
}

// concerns reports whether a segment is to be written anew.
func (d *dropping) concerns(s *segment) (bool, error) {
	touched := touches(d.set, s.first, s.next)
	if !d.erase {
		return touched, nil
	}
	f, err := d.chain.store.segments.acquire(s.path)
	if err != nil {
		return false, ioFault(err, "opening "+s.path)
	}
	defer d.chain.store.segments.release(f)
	info, err := f.Stat()
	if err != nil {
		return false, ioFault(err, "opening "+s.path)
	}
	if info.Size() > s.size+footerAt(f, s.size) {
		// Recovery has begun another segment earlier than was done before the
		// crash, so records of that one are here too.
		d.changed = true
		return true, nil
	}
	if !touched {
		return false, nil
	}
	return d.hasData(s, f)
}

// footerAt returns the size of the footer that begins at offset, the size of the
// segment without it; 0 if there is none.
func footerAt(f io.ReaderAt, offset int64) int64 {
	head := make([]byte, footerHeader)
	if n, _ := f.ReadAt(head, offset); n < len(head) || string(head[:8]) != footerMagic {
		return 0
	}
	if binary.LittleEndian.Uint32(head[8:]) != formatVersion {
		return 0
	}
	return footerSize(head, offset)
}

// hasData reports whether a segment has data of an event in the set: it costs
// less to read in vain than to write.
func (d *dropping) hasData(s *segment, f io.ReaderAt) (bool, error) {
	r := recordReader{file: f, path: s.path, offset: segmentHeader, end: s.size}
	for {
		if err := d.courtesy.giveWay(d.ctx); err != nil {
			return false, err
		}
		_, batch, err := r.next()
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !touches(d.set, batch.First, batch.Next()) {
			continue
		}
		seq := batch.First
		for frame, err := range batch.Events() {
			if err != nil {
				return false, err
			}
			if len(frame.Data) > 0 && touches(d.set, seq, seq+1) {
				return true, nil
			}
			seq++
		}
	}
}

// omit writes a batch without the data of the events in the set. It is cut in
// two where the hashes make it too large.
func (d *dropping) omit(batch *event.Batch, size int) error {
	run := *batch
	run.Count, run.Frames = 0, d.frames[:0]
	seq := batch.First
	put := func() error {
		size -= run.RecordSize()
		d.scratch = run.AppendRecord(d.scratch[:0])
		return d.write(d.scratch, run.First, run.Count)
	}
	for frame, err := range batch.Events() {
		if err != nil {
			return err
		}
		before := len(run.Frames)
		if len(frame.Data) > 0 && touches(d.set, seq, seq+1) {
			run.Frames = frame.Omit(run.Frames)
			d.events++
			d.changed = true
		} else {
			run.Frames = frame.Append(run.Frames)
		}
		if run.RecordSize() > event.MaxRecord {
			last := run.Frames[before:]
			run.Frames = run.Frames[:before]
			if err := put(); err != nil {
				return err
			}
			run.First, run.Offset, run.Count = seq, batch.Offset+int(seq-batch.First), 0
			run.Frames = run.Frames[:copy(run.Frames[:len(last)], last)]
		}
		run.Count++
		seq++
	}
	d.frames = run.Frames
	err := put()
	d.freed += size
	return err
}
