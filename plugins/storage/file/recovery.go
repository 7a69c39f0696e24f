package file

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// recover reads the journal and puts what it holds back into the chains'
// tails, from where it goes the way of every append.
func (s *Store) recover(ctx context.Context) error {
	floor, err := s.journal.openFiles()
	if err != nil {
		return err
	}
	r := recovery{store: s, ignored: make(map[uint64]bool), lost: make(map[uint64]*lost)}
	if err := r.replay(ctx); err != nil {
		return err
	}
	if s.journal.rounds < floor {
		return fault.New(fault.Damaged, "the journal in %s ends before round %d, but has been at %d: a file of it is missing; put it back", s.journal.dir, s.journal.rounds, floor)
	}
	s.published = s.journal.rounds
	return r.salvage()
}

// openFiles opens the journal's files. floor is the round that the journal had
// reached when a file was last freed.
func (j *journal) openFiles() (floor uint64, err error) {
	entries, err := j.disk.List(j.dir)
	if err != nil {
		return 0, ioFault(err, "listing "+j.dir)
	}
	if err := j.disk.syncDir(j.dir); err != nil { // who made the newest may have ended before
		return 0, err
	}
	slices.Sort(entries)
	for _, entry := range entries {
		path := j.disk.PathJoin(j.dir, entry)
		number := uint64(0)
		if n, _ := fmt.Sscanf(entry, "JOURNAL-%d", &number); n != 1 || strings.HasSuffix(entry, newSuffix) {
			if strings.HasSuffix(entry, newSuffix) {
				j.disk.Remove(path)
			}
			continue
		}
		j.files = max(j.files, number)
		round, err := j.openFile(path)
		if err != nil {
			return 0, err
		}
		floor = max(floor, round)
	}
	slices.SortFunc(j.live, func(a, b *journalFile) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	j.rounds = max(floor, 1)
	if len(j.live) > 0 {
		j.rounds = j.live[0].first
	}
	return floor, nil
}

func (j *journal) openFile(path string) (floor uint64, err error) {
	file, err := j.disk.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return 0, ioFault(err, "opening "+path)
	}
	f := &journalFile{file: file, path: path}
	head := make([]byte, journalHeader)
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		file.Close()
		return 0, ioFault(err, "reading "+path)
	}
	state, round, size, err := parseJournalHeader(path, head[:n], j.store)
	if err == nil {
		err = f.checkSize(size)
	}
	if err != nil {
		file.Close()
		return 0, err
	}
	f.size, f.end, f.stale = size, block, size
	switch {
	case state == stateLive:
		f.first = round
		j.live = append(j.live, f)
		return 0, nil
	case size == j.size:
		j.free = append(j.free, f)
		return round, j.markFree(f, round) // who freed it may have ended before that was durable
	}
	file.Close() // the configured size has changed since
	if err := j.disk.Remove(path); err != nil {
		return 0, ioFault(err, "removing "+path)
	}
	return round, nil
}

func (f *journalFile) checkSize(size int64) error {
	info, err := f.file.Stat()
	if err != nil {
		return ioFault(err, "opening "+f.path)
	}
	if info.Size() != size || size < 2*block {
		return damaged(f.path, info.Size(), fault.New(fault.Damaged, "the file ends here, it had %d bytes", size))
	}
	return nil
}

// recovery is the replay of the journal.
type recovery struct {
	store   *Store
	ignored map[uint64]bool  // ids of chains that have been removed
	lost    map[uint64]*lost // by the chain's id
}

// lost is what the journal holds of a chain whose files are damaged.
type lost struct {
	chain   *chain
	reason  error
	records []byte
}

// replay reads the live files, in order.
func (r *recovery) replay(ctx context.Context) error {
	j := r.store.journal
	for i, f := range j.live {
		if err := gaveUp(ctx); err != nil {
			return err
		}
		if f.first != j.rounds {
			before := j.live[i-1]
			return damaged(before.path, before.end, fault.New(fault.Damaged, "round %d is not whole, but %s goes on with round %d", j.rounds, f.path, f.first))
		}
		b := &buffer{bytes: make([]byte, f.size)}
		if err := readFull(f.file, f.path, b.bytes, 0); err != nil {
			return err
		}
		if err := r.replayFile(f, b, i == len(j.live)-1); err != nil {
			return err
		}
		if i < len(j.live)-1 {
			f.next = j.rounds
		} else {
			j.current = f
		}
		if err := r.writeOut(); err != nil {
			return err
		}
	}
	return nil
}

// replayFile replays the rounds in one file, whose content b is.
func (r *recovery) replayFile(f *journalFile, b *buffer, last bool) error {
	j := r.store.journal
	f.end = block
	b.users.Store(1) // until all pieces are known
	r.store.freed(-int64(cap(b.bytes)))
	from := f.end
	for f.end < f.size {
		head, entries, err := parseRound(b.bytes[f.end:], j.store)
		if err != nil || head.number != j.rounds {
			break
		}
		for _, e := range entries {
			if err := r.replayEntry(e, b); err != nil {
				return err
			}
		}
		j.rounds++
		from, f.end = f.end, f.end+(int64(head.size)+block-1)/block*block
	}
	r.store.freed(b.release())
	if !last {
		return nil // the next file begins with the next round, or replay complains
	}
	return r.checkEnd(f, b.bytes, from)
}

// checkEnd tells a torn last round, which was never acknowledged, from damage:
// nothing is written after a round that is not whole.
func (r *recovery) checkEnd(f *journalFile, b []byte, from int64) error {
	j := r.store.journal
	for offset := f.end; offset < f.size; offset += block {
		head, ok := parseRoundHead(b[offset:], j.store)
		if ok && head.number > j.rounds {
			return damaged(f.path, f.end, fault.New(fault.Damaged, "round %d is not whole, but round %d stands at offset %d", j.rounds, head.number, offset))
		}
	}
	if f.end < f.size {
		if size, torn := tornRound(b[f.end:], j.store, j.rounds); torn {
			r.store.log.Warn("the journal's last round is not whole; it was never acknowledged and is cut off",
				"file", f.path, "offset", f.end, "bytes", size, "round", j.rounds)
		}
	}
	// The last round may have been read from the memory of a kernel that could
	// not write it, if the sync before the end failed. Here it is written again.
	if _, err := f.file.WriteAt(b[from:f.end], from); err != nil {
		return ioFault(err, "writing "+f.path)
	}
	return j.disk.sync(f.file, f.path)
}

// tornRound reports whether b begins with something of the given round, and
// how many bytes of it.
func tornRound(b []byte, store, number uint64) (size int, torn bool) {
	if head, ok := parseRoundHead(b, store); ok {
		return min(head.size, len(b)), head.number == number
	}
	return block, binary.LittleEndian.Uint64(b) == store || binary.LittleEndian.Uint64(b[8:]) == number
}

// replayEntry puts an entry's records into their chain's tail.
func (r *recovery) replayEntry(e entry, b *buffer) error {
	if r.ignored[e.chain] {
		return nil
	}
	if l := r.lost[e.chain]; l != nil {
		l.records = append(l.records, e.records...)
		return nil
	}
	c, err := r.chain(e)
	if c == nil && err == nil {
		return nil
	}
	if err == nil {
		err = r.replayRecords(c, e.records, b)
	}
	if err == nil {
		return nil
	}
	if fault.CodeOf(err) != fault.Damaged && fault.CodeOf(err) != fault.Unsupported {
		return fault.New(fault.CodeOf(err), "recovering chain %q: %s", e.name, fault.From(err).Reason)
	}
	r.lose(e, c, err)
	return nil
}

// chain returns the chain of an entry, or none if it has been removed, or if
// the entry's records have all been settled in closed segments.
func (r *recovery) chain(e entry) (*chain, error) {
	s := r.store
	if c := s.chains[e.name]; c != nil && c.id == e.chain {
		return c, nil
	}
	c := &chain{store: s, name: e.name, dir: s.folders.chain(e.name), loaded: true}
	err := c.readManifest()
	if errors.Is(err, fs.ErrNotExist) || err == nil && c.id != e.chain {
		r.ignored[e.chain] = true
		return nil, s.folders.syncNearest(c.dir) // or it might come back without these records
	}
	if err != nil {
		return nil, err
	}
	for batch, err := range event.Records(e.records) {
		if err != nil {
			return nil, err
		}
		if batch.First >= c.active.first {
			if err := c.load(batch.First); err != nil {
				return nil, err
			}
			s.chains[e.name] = c
			return c, nil
		}
	}
	return nil, nil
}

func (r *recovery) replayRecords(c *chain, records []byte, b *buffer) error {
	events := uint64(0)
	p := piece{first: c.next, next: c.next, records: records, in: b}
	for rest := records; len(rest) > 0; {
		first, count, size, err := event.PeekRecord(rest)
		if err != nil {
			return err
		}
		rest = rest[size:]
		if first < c.active.first {
			p.records = rest
			continue
		}
		if first != p.next {
			return fault.New(fault.Damaged, "%s: the journal goes on at seq %d where %d is next", c.active.path, first, p.next)
		}
		p.next += event.Seq(count)
		events += uint64(count)
	}
	if len(p.records) == 0 {
		return nil
	}
	b.users.Add(1)
	if c.place(p, events) {
		r.store.pending = append(r.store.pending, c)
	}
	return nil
}

// lose gives a damaged chain up for this start. What the journal has of it is
// kept.
func (r *recovery) lose(e entry, c *chain, reason error) {
	l := &lost{chain: c, reason: reason}
	if c == nil {
		l.chain = &chain{store: r.store, name: e.name, dir: r.store.folders.chain(e.name)}
	} else {
		for _, p := range c.tail {
			l.records = append(l.records, p.records...)
		}
		c.discard()
		delete(r.store.chains, c.name)
	}
	l.records = append(l.records, e.records...)
	r.lost[e.chain] = l
}

// writeOut keeps the memory that replaying takes within bounds, if the disk
// is not full.
func (r *recovery) writeOut() error {
	if r.store.unwritten < flushAt {
		return nil
	}
	if _, err := r.store.drain(); err != nil && !isFull(err) {
		return err
	}
	return nil
}
