package file

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// view is where in a folder a chain's records are, in order.
type view struct {
	chain *chain // as CHAIN describes it; only what reads is used
	parts []part
}

// part is a stretch of a file with records of a chain.
type part struct {
	path        string
	offset, end int64     // of the records; the file's end if end is 0
	first, next event.Seq // of the records as far as that is known, from the first to after the last
	gaps        bool      // there may be gaps between records, left by a drop
	overlaps    bool      // it may begin with records that an earlier part has
	segment     *segment  // whose header must stand before the records
}

// look finds out where a chain's records are. trouble is told what is damaged,
// and ends it by returning an error.
func (f *Folder) look(ctx context.Context, name chainname.Name, trouble func(path string, offset int64, err error) error) (*view, error) {
	type journaled struct {
		part
		chain uint64
	}
	var found []journaled
	// The journal first: what is moved out of it meanwhile is in the files.
	scan := journalScan{folder: f, trouble: trouble, visit: func(path string, offset int64, e *entry) error {
		if e.name != name {
			return nil
		}
		p := part{path: path, offset: offset, end: offset + int64(len(e.records)), overlaps: true}
		var err error
		p.first, p.next, err = e.span()
		found = append(found, journaled{p, e.chain})
		return err
	}}
	if err := scan.run(ctx); err != nil {
		return nil, err
	}
	v := &view{chain: &chain{store: f.store, name: name, dir: f.store.folders.chain(name)}}
	err := v.chain.readManifest()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.NotFound, "there is no chain %s in %s", name, f.store.options.Path)
	case err == nil:
		v.addSegments()
	default:
		path := v.chain.path(manifestName)
		if err := trouble(path, 0, err); err != nil {
			return nil, err
		}
		if err := v.addFound(); err != nil {
			return nil, err
		}
	}
	for _, j := range found {
		if active := v.chain.active; active == nil || j.chain == v.chain.id && j.next > active.first {
			v.addJournaled(j.part)
		}
	}
	if path := v.chain.path(salvageName); exists(f.store.disk, path) {
		v.parts = append(v.parts, part{path: path, overlaps: true})
	}
	return v, nil
}

func exists(d *disk, path string) bool {
	_, err := d.Stat(path)
	return err == nil
}

// addSegments adds the segments that CHAIN names.
func (v *view) addSegments() {
	for _, s := range v.chain.closed {
		v.parts = append(v.parts, part{path: s.path, offset: segmentHeader, end: s.size, first: s.first, next: s.next, gaps: true, segment: s})
	}
	active := v.chain.active
	v.parts = append(v.parts, part{path: active.path, offset: segmentHeader, first: active.first, next: noJournal, segment: active})
}

// addFound adds the segments that are there, of a chain whose CHAIN cannot be
// read. Those that a drop has replaced may be among them.
func (v *view) addFound() error {
	d := v.chain.store.disk
	entries, err := d.List(v.chain.dir)
	if err != nil {
		return ioFault(err, "listing "+v.chain.dir)
	}
	slices.Sort(entries)
	for _, entry := range entries {
		if strings.HasPrefix(entry, segmentPrefix) && !strings.HasSuffix(entry, newSuffix) {
			v.parts = append(v.parts, part{path: v.chain.path(entry), offset: segmentHeader, next: noJournal, gaps: true})
		}
	}
	return nil
}

// addJournaled adds records in the journal. From the first of them on, it is
// the journal that counts: what stands in the active segment may be torn.
func (v *view) addJournaled(p part) {
	if active := v.chain.active; active != nil {
		if last := &v.parts[len(v.parts)-1]; last.segment == active {
			last.next = max(p.first, active.first)
		}
		p.first = max(p.first, active.first)
	}
	v.parts = append(v.parts, p)
}

// same reports whether another view is of the same bytes.
func (v *view) same(other *view) bool {
	return slices.EqualFunc(v.parts, other.parts, func(a, b part) bool {
		a.segment, b.segment = nil, nil
		return a == b
	})
}
