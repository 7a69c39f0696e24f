package file

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Found is what a dump comes upon: a record, or a place that is damaged.
type Found struct {
	File   string
	Offset int64 // bytes from the file's beginning
	Size   int   // bytes of the record
	Batch  event.Batch
	Err    error // what is wrong with the place; there is no record then
}

const (
	maxLooks   = 4                     // how often a dump looks anew where a chain's records are
	settleTime = 10 * time.Millisecond // after which it looks again whether something is damaged
	maxSettle  = 100                   // how often it does
)

// Dump calls visit with every record of a chain, in order, and with every place
// that is damaged; after one it goes on at the next record that it finds. What
// is found is valid until visit returns, whose error ends the dump. A chain that
// is not there is a not_found fault.
//
// The folder may be in use. What is moved or dropped meanwhile is then found
// where it is by the time that the dump comes to it.
func (f *Folder) Dump(ctx context.Context, name chainname.Name, visit func(*Found) error) error {
	d := dump{folder: f, name: name, visit: visit, reported: make(map[location]bool)}
	return d.run(ctx)
}

// location is where something damaged is.
type location struct {
	file   string
	offset int64
}

type dump struct {
	folder   *Folder
	name     chainname.Name
	visit    func(*Found) error
	next     event.Seq // after the last record that was visited
	looks    int
	reported map[location]bool
}

func (d *dump) run(ctx context.Context) error {
	w, err := d.look(ctx)
	if err != nil {
		return err
	}
	defer func() { w.close() }()
	for {
		if err := gaveUp(ctx); err != nil {
			return err
		}
		record, batch, err := w.record()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			if w, err = d.trouble(ctx, w, err); err != nil {
				return err
			}
			continue
		}
		if batch.First < d.next {
			continue // was visited before it was looked anew
		}
		d.next = batch.Next()
		path, offset := w.place()
		if err := d.visit(&Found{File: path, Offset: offset - int64(len(record)), Size: len(record), Batch: batch}); err != nil {
			return err
		}
	}
}

// look returns a walker of what was not visited yet. What is not the same when
// it looks once more was about to be changed, and is not damaged.
func (d *dump) look(ctx context.Context) (*walker, error) {
	d.looks++
	var before []Found
	for range maxSettle {
		var troubles []Found
		v, err := d.folder.look(ctx, d.name, func(path string, offset int64, err error) error {
			troubles = append(troubles, Found{File: path, Offset: offset, Err: err})
			return nil
		})
		if err != nil {
			return nil, err
		}
		if !slices.EqualFunc(troubles, before, sameTrouble) {
			before = troubles
			time.Sleep(settleTime)
			continue
		}
		for _, f := range troubles {
			if err := d.report(f.File, f.Offset, f.Err); err != nil {
				return nil, err
			}
		}
		return v.walk(d.next), nil
	}
	return nil, fault.New(fault.Overloaded, "the chain and the journal change faster than they can be looked at; try again later")
}

func sameTrouble(a, b Found) bool {
	return a.File == b.File && a.Offset == b.Offset && a.Err.Error() == b.Err.Error()
}

// report visits a damaged place, once.
func (d *dump) report(path string, offset int64, err error) error {
	at := location{path, offset}
	if d.reported[at] {
		return nil
	}
	d.reported[at] = true
	return d.visit(&Found{File: path, Offset: offset, Err: err})
}

// trouble goes on after an error: with a walker of where the records are by now,
// if they have been moved, and otherwise behind what is damaged.
func (d *dump) trouble(ctx context.Context, w *walker, err error) (*walker, error) {
	if d.looks < maxLooks {
		anew, lookErr := d.look(ctx)
		if lookErr == nil && !anew.view.same(w.view) {
			w.close()
			return anew, nil
		}
	}
	if !fault.Is(err, fault.Damaged) && !fault.Is(err, fault.Unsupported) {
		return w, err
	}
	path, offset := w.place()
	if err := d.report(path, offset, err); err != nil {
		return w, err
	}
	w.resume()
	return w, nil
}
