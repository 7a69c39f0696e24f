package file

import (
	"errors"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// walker reads the records of a view in order. Whoever made it closes it.
type walker struct {
	view *view
	at   int       // the part that it is in
	next event.Seq // that the next record begins at, or after if there may be a gap
	file vfs.File  // of the part; nil if it is not open
	size int64     // of file
	in   recordReader

	unchecked bool // the part's header is known to be damaged, and passed over
}

// walk returns a walker of the records from the one that holds a seq on, or from
// some before that.
func (v *view) walk(from event.Seq) *walker {
	w := &walker{view: v}
	for i, p := range v.parts {
		if p.next > from {
			w.at = i
			break
		}
		if p.segment != nil {
			w.at = i
		}
	}
	if len(v.parts) > 0 {
		w.next = v.parts[w.at].first
	}
	return w
}

func (w *walker) close() {
	if w.file != nil {
		w.file.Close()
	}
	w.file, w.unchecked = nil, false
}

// place returns the file and the offset at which the walker stands.
func (w *walker) place() (path string, offset int64) {
	if w.at < len(w.view.parts) && w.file == nil {
		return w.view.parts[w.at].path, 0
	}
	return w.in.path, w.in.offset
}

// record returns the next record, as it is stored and parsed; both are valid
// until the next call. At the end the error is io.EOF. After another error the
// walker stands where that is.
func (w *walker) record() (record []byte, batch event.Batch, err error) {
	for w.at < len(w.view.parts) {
		p := &w.view.parts[w.at]
		if w.file == nil {
			if err := w.open(p); err != nil {
				return nil, event.Batch{}, err
			}
		}
		if p.journaled() && w.next >= p.next {
			w.leave()
			continue
		}
		record, batch, err := w.in.next()
		switch {
		case err == io.EOF, err != nil && p.segment == nil && w.atFooter():
			if err := w.end(p); err != nil {
				return nil, event.Batch{}, err
			}
			w.leave()
			continue
		case err != nil:
			return nil, event.Batch{}, err
		case batch.Next() <= w.next && p.overlaps:
			continue
		case batch.First != w.next && !(p.gaps && batch.First > w.next):
			w.unread(record)
			return nil, event.Batch{}, damaged(p.path, w.in.offset, fault.New(fault.Damaged, "a record begins at seq %d where %d is next", batch.First, w.next))
		}
		w.next = batch.Next()
		return record, batch, nil
	}
	return nil, event.Batch{}, io.EOF
}

// journaled reports whether the journal goes on at the part's next.
func (p *part) journaled() bool { return p.segment != nil && !p.gaps && p.next != noJournal }

// open opens the file of a part.
func (w *walker) open(p *part) error {
	if p.segment != nil {
		w.next = max(w.next, p.first)
	}
	file, err := w.view.chain.store.disk.Open(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Damaged, "%s is missing", p.path)
	}
	if err != nil {
		return ioFault(err, "opening "+p.path)
	}
	info, err := file.Stat()
	if err == nil && p.segment != nil && !w.unchecked {
		err = p.segment.checkHeader(file, w.view.chain.id)
	}
	if err != nil {
		file.Close()
		return ioFault(err, "opening "+p.path)
	}
	w.file, w.size = file, info.Size()
	w.in = recordReader{file: file, path: p.path, offset: p.offset, end: p.end, buf: w.in.buf}
	if p.end == 0 {
		w.in.end = w.size
	}
	return nil
}

// atFooter reports whether a segment's footer is next.
func (w *walker) atFooter() bool {
	magic := make([]byte, len(footerMagic))
	_, err := w.file.ReadAt(magic, w.in.offset)
	return err == nil && string(magic) == footerMagic
}

// end checks that a part has all that it must have.
func (w *walker) end(p *part) error {
	switch {
	case p.segment == nil || p.next == noJournal || w.next >= p.next:
		return nil
	case p.gaps:
		return damaged(p.path, w.in.offset, fault.New(fault.Damaged, "the records end at seq %d; they went to %d", w.next, p.next))
	}
	return damaged(p.path, w.in.offset, fault.New(fault.Damaged, "the records end at seq %d, and the journal goes on at %d", w.next, p.next))
}

// leave goes on to the next part.
func (w *walker) leave() {
	w.close()
	w.at++
}

// unread has the record that was read last read again.
func (w *walker) unread(record []byte) {
	w.in.rest = record[:len(record)+len(w.in.rest)]
	w.in.offset -= int64(len(record))
}

// resume moves the walker on after an error, to where the next record may be.
func (w *walker) resume() {
	p := &w.view.parts[w.at]
	switch {
	case w.file == nil && !w.unchecked && exists(w.view.chain.store.disk, p.path):
		w.unchecked = true
		return
	case w.file == nil || w.in.offset >= w.in.end:
		w.passOver(p)
		return
	}
	s := search{walker: w, part: p, budget: searchBudget}
	offset, first, ok := s.run()
	if !ok {
		w.passOver(p)
		return
	}
	w.in.offset, w.in.rest, w.next = offset, nil, first
}

// passOver leaves a part of which nothing more can be read.
func (w *walker) passOver(p *part) {
	if p.next != noJournal {
		w.next = max(w.next, p.next)
	}
	w.leave()
}
