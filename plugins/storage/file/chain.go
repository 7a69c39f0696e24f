package file

import (
	"errors"
	"io/fs"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// chain is a chain in memory: one that is open, or that has records which are
// not yet in its files.
type chain struct {
	store *Store
	name  chainname.Name
	dir   string
	id    uint64

	open   bool   // guarded by the store's mu
	loaded bool   // guarded by the store's mu
	round  uint64 // the append that it was last in; only appends use it

	dropping sync.Mutex // held by the drop under way, before files
	blobs    sync.Mutex // held by the change of a blob under way, after files

	files      sync.Mutex // held while records move to files or the list of segments changes, before mu
	lastNumber uint64     // of a segment
	adopted    bool       // what adopt does is done

	mu     sync.RWMutex // guards what follows
	closed []*segment   // in order; replaced, never changed
	active *segment     // what records are written to
	tail   []piece      // durable in the journal and not yet in active, in order
	queued bool         // the store knows that there is a tail
	next   event.Seq
	events uint64
	bytes  uint64
}

// piece is records that one append brought.
type piece struct {
	first, next event.Seq
	records     []byte
	in          *buffer // where records lie
}

// create makes the chain's folder, durably.
func (c *chain) create() error {
	if err := c.store.folders.make(c.dir); err != nil {
		return err
	}
	if err := c.tidy(nil); err != nil { // what a chain of this name that was removed may have left
		return err
	}
	c.id = randomID()
	c.setManifest(&manifest{chain: c.id, active: 1})
	if err := c.makeSegment(c.active); err != nil {
		return err
	}
	if err := c.store.disk.syncDir(c.store.disk.PathDir(c.dir)); err != nil {
		return err
	}
	c.adopted = true
	return c.store.disk.write(c.path(manifestName), c.manifest(nil, c.active).encode())
}

// adopt makes sure that what an earlier process did in the chain's folder is
// durable before the journal lets go of anything that this one has done: that one
// may have ended before it came to sync it. The caller holds files.
func (c *chain) adopt() error {
	if c.adopted {
		return nil
	}
	dir, err := c.store.disk.openDir(c.dir)
	if err != nil {
		return err
	}
	c.store.segments.doubt(dir, c.dir)
	c.adopted = true
	return nil
}

// makeSegment makes the file of an empty segment, durably.
func (c *chain) makeSegment(s *segment) error {
	f, err := c.store.disk.create(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(encodeSegmentHeader(c.id, s.number, s.first)); err != nil {
		return ioFault(err, "writing "+s.path)
	}
	if err := c.store.disk.sync(f, s.path); err != nil {
		return err
	}
	return c.store.disk.syncDir(c.dir)
}

func (c *chain) path(file string) string { return c.store.disk.PathJoin(c.dir, file) }

// readManifest reads which segments the chain has. If there is no such chain
// the error is fs.ErrNotExist.
func (c *chain) readManifest() error {
	b, err := c.store.disk.read(c.path(manifestName), manifestHeader+maxSegments*manifestEntry+4)
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	if err != nil {
		return ioFault(err, "reading "+c.path(manifestName))
	}
	m, err := parseManifest(c.dir, b)
	if err != nil {
		return err
	}
	c.id = m.chain
	c.setManifest(m)
	return nil
}

func (c *chain) setManifest(m *manifest) {
	c.closed, c.lastNumber = m.closed, m.active
	c.active = newSegment(c.dir, m.active, m.first)
	c.events, c.bytes = 0, 0
	for _, s := range m.closed {
		c.events += s.events
		c.bytes += uint64(s.size - segmentHeader)
		c.lastNumber = max(c.lastNumber, s.number)
	}
}

// manifest describes the chain with these segments.
func (c *chain) manifest(closed []*segment, active *segment) *manifest {
	return &manifest{chain: c.id, closed: closed, active: active.number, first: active.first}
}

// load reads what the chain holds, after readManifest. The records from until
// on are to come from the journal; their place in the file is written anew.
func (c *chain) load(until event.Seq) error {
	if err := c.tidy(c.segmentPaths()); err != nil {
		return err
	}
	if err := c.loadActive(until); err != nil {
		return err
	}
	if until != noJournal && c.active.next != until {
		return fault.New(fault.Damaged, "%s ends before seq %d, the journal goes on at %d", c.active.path, c.active.next, until)
	}
	c.next = c.active.next
	c.events += c.active.events
	c.bytes += uint64(c.active.size - segmentHeader)
	return nil
}

// noJournal is the until of a chain of which the journal has no records.
const noJournal = math.MaxUint64

func (c *chain) loadActive(until event.Seq) error {
	f, err := c.store.segments.acquire(c.active.path)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Damaged, "%s is missing", c.active.path)
	}
	if err != nil {
		return ioFault(err, "opening "+c.active.path)
	}
	defer c.store.segments.release(f)
	info, err := f.Stat()
	if err != nil {
		return ioFault(err, "opening "+c.active.path)
	}
	if err := c.active.checkHeader(f, c.id); err != nil {
		return err
	}
	return c.active.scan(f, info.Size(), until, false)
}

// segmentPaths returns the paths of the chain's segments. The caller holds files, or
// is still opening the chain.
func (c *chain) segmentPaths() map[string]bool {
	paths := map[string]bool{c.active.path: true}
	for _, s := range c.closed {
		paths[s.path] = true
	}
	return paths
}

// tidy removes the files that an operation which did not finish has left:
// those half written, and segments that are not known. What CHAIN says is durable
// before any of those goes.
func (c *chain) tidy(known map[string]bool) error {
	entries, err := c.store.disk.List(c.dir)
	if err != nil {
		return ioFault(err, "listing "+c.dir)
	}
	left := slices.DeleteFunc(entries, func(entry string) bool {
		segment := strings.HasPrefix(entry, segmentPrefix) && !known[c.path(entry)]
		blob := strings.HasPrefix(entry, blobPrefix) && known == nil
		return !segment && !blob && !strings.HasSuffix(entry, newSuffix)
	})
	if len(left) == 0 {
		return nil
	}
	if err := c.store.disk.syncDir(c.dir); err != nil {
		return err
	}
	for _, entry := range left {
		if err := c.store.segments.remove(c.path(entry)); err != nil {
			return ioFault(err, "removing "+c.path(entry))
		}
	}
	return nil
}

// place makes records that have become durable part of the chain. It reports
// whether the store must be told that there is a tail.
func (c *chain) place(p piece, events uint64) (queue bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tail = append(c.tail, p)
	c.next = p.next
	c.events += events
	c.bytes += uint64(len(p.records))
	queue, c.queued = !c.queued, true
	return queue
}

// state describes what the chain holds.
func (c *chain) state() storage.State {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return storage.State{Next: c.next, Events: c.events, Bytes: c.bytes}
}

// discard forgets what is in the tail. The caller holds files.
func (c *chain) discard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.tail {
		c.store.freed(p.in.release())
	}
	c.tail = nil
}

// handle is an open chain: what Open returns.
type handle struct {
	*chain
	mu     sync.RWMutex // held for reading while a call is under way
	closed bool         // guarded by mu
}
