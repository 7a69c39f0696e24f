package file

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// journalScan reads a folder's journal without changing it, by the rules of
// recovery: where the next round is not whole, the journal ends, unless a later
// one is there.
type journalScan struct {
	folder *Folder
	// visit is called with each entry of each whole round, in order, and with
	// where in which file its records are.
	visit func(path string, offset int64, e *entry) error
	// trouble is called with what is damaged. If it returns nil, the scan goes
	// on behind that.
	trouble func(path string, offset int64, err error) error
}

// liveFile is a file of the journal that has rounds from first on.
type liveFile struct {
	path  string
	first uint64
	size  int64
	end   int64 // behind its last whole round
}

func (j *journalScan) run(ctx context.Context) error {
	live, floor, err := j.files()
	if err != nil {
		return err
	}
	next := max(floor, 1)
	if len(live) > 0 {
		next = live[0].first
	}
	for i := range live {
		if err := gaveUp(ctx); err != nil {
			return err
		}
		if f := &live[i]; f.first != next {
			before := &live[i-1]
			if err := j.trouble(before.path, before.end, damaged(before.path, before.end, fault.New(fault.Damaged, "round %d is not whole, but %s goes on with round %d", next, f.path, f.first))); err != nil {
				return err
			}
			next = f.first
		}
		if next, err = j.file(&live[i], next); err != nil {
			return err
		}
	}
	if next < floor {
		return j.trouble(j.dir(), 0, fault.New(fault.Damaged, "the journal in %s ends before round %d, but has been at %d: a file of it is missing; put it back", j.dir(), next, floor))
	}
	return nil
}

func (j *journalScan) dir() string {
	return j.folder.store.disk.PathJoin(j.folder.store.options.Path, journalFolder)
}

// files returns the live files in the order of their rounds, and the round that
// the journal had reached when a file was last freed.
func (j *journalScan) files() (live []liveFile, floor uint64, err error) {
	d := j.folder.store.disk
	entries, err := d.List(j.dir())
	if err != nil {
		return nil, 0, ioFault(err, "listing "+j.dir())
	}
	slices.Sort(entries)
	for _, entry := range entries {
		number := uint64(0)
		if n, _ := fmt.Sscanf(entry, "JOURNAL-%d", &number); n != 1 || strings.HasSuffix(entry, newSuffix) {
			continue
		}
		f := liveFile{path: d.PathJoin(j.dir(), entry), end: block}
		state, round, err := j.header(&f)
		if err != nil {
			if err = j.trouble(f.path, 0, err); err != nil {
				return nil, 0, err
			}
			continue
		}
		if f.first = round; state == stateLive {
			live = append(live, f)
		} else {
			floor = max(floor, round)
		}
	}
	slices.SortFunc(live, func(a, b liveFile) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	return live, floor, nil
}

// header reads a file's header, and notes its size.
func (j *journalScan) header(f *liveFile) (state uint32, round uint64, err error) {
	file, err := j.folder.store.disk.Open(f.path)
	if err != nil {
		return 0, 0, ioFault(err, "opening "+f.path)
	}
	defer file.Close()
	head := make([]byte, journalHeader)
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return 0, 0, ioFault(err, "reading "+f.path)
	}
	state, round, f.size, err = parseJournalHeader(f.path, head[:n], j.folder.id)
	if err == nil {
		err = (&journalFile{file: file, path: f.path}).checkSize(f.size)
	}
	return state, round, err
}

// file reads the rounds of a file from one on, and returns the one that follows.
func (j *journalScan) file(f *liveFile, next uint64) (uint64, error) {
	file, err := j.folder.store.disk.Open(f.path)
	if err != nil {
		return next, ioFault(err, "opening "+f.path)
	}
	defer file.Close()
	for f.end < f.size {
		head, ok := j.head(file, f.end)
		if ok && head.number == next && f.end+int64(head.size) <= f.size {
			whole, err := j.round(f, file, head)
			if err != nil {
				return next, err
			}
			if whole {
				next++
				f.end += (int64(head.size) + block - 1) / block * block
				continue
			}
		}
		offset, number := j.later(f, file, next)
		if number == 0 {
			return next, nil
		}
		if err := j.trouble(f.path, f.end, damaged(f.path, f.end, fault.New(fault.Damaged, "round %d is not whole, but round %d stands at offset %d", next, number, offset))); err != nil {
			return next, err
		}
		f.end, next = offset, number
	}
	return next, nil
}

func (j *journalScan) head(file io.ReaderAt, offset int64) (roundHead, bool) {
	head := make([]byte, roundHeader)
	n, _ := file.ReadAt(head, offset)
	return parseRoundHead(head[:n], j.folder.id)
}

// later finds the first round behind a file's end that comes after one.
func (j *journalScan) later(f *liveFile, file io.ReaderAt, after uint64) (offset int64, number uint64) {
	for offset = f.end; offset < f.size; offset += block {
		if head, ok := j.head(file, offset); ok && head.number > after {
			return offset, head.number
		}
	}
	return 0, 0
}

// round visits the entries of the round at a file's end, if it is whole.
func (j *journalScan) round(f *liveFile, file io.ReaderAt, head roundHead) (whole bool, err error) {
	b := make([]byte, head.size)
	if err := readFull(file, f.path, b, f.end); err != nil {
		return false, err
	}
	_, entries, err := parseRound(b, j.folder.id)
	if err != nil {
		return false, nil
	}
	at := f.end + roundHeader
	for i := range entries {
		at += entryHeader + int64(len(entries[i].name))
		if err := j.visit(f.path, at, &entries[i]); err != nil {
			return true, err
		}
		at += int64(len(entries[i].records))
	}
	return true, nil
}

// span returns the seqs of an entry's records, from the first to after the last.
func (e *entry) span() (first, next event.Seq, err error) {
	if first, _, _, err = event.PeekRecord(e.records); err != nil {
		return 0, 0, err
	}
	next, err = lastNext(e.records)
	return first, next, err
}
