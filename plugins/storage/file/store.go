package file

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Store keeps chains in a folder. It is made by [Open], or by [New] and opened
// by Configure. Until it is opened every method fails with code unavailable,
// after Shutdown with code shutting_down.
type Store struct {
	options  Options
	log      hclog.Logger
	disk     *disk
	folders  *folders
	segments *files
	journal  *journal
	buffers  *buffers
	release  []io.Closer // the folder and its lock

	calls   sync.RWMutex // held for reading while a call is under way, for writing by Shutdown
	status  atomic.Int32
	closing atomic.Bool // asks calls that take long to end

	kick     chan struct{} // asks writeBehind for a pass
	stop     chan struct{} // ends it
	writer   sync.WaitGroup
	reported atomic.Bool // a failure of the disk has been logged

	appending sync.Mutex // held by Append; guards what follows
	round     uint64
	accepted  []accepted
	inUse     []*handle // of the round's chains
	entries   []entry

	mu        sync.Mutex // guards what follows
	progress  *sync.Cond // a pass has ended
	chains    map[chainname.Name]*chain
	pending   []*chain // with a tail
	published uint64   // rounds before this one are in their chains' tails, or further
	unwritten int64    // memory that tails take
	behind    bool     // an append waited for a journal file
	passes    uint64
	full      error // why the last pass could not write out: the disk is full
	scrubs    scrubs
}

var _ storage.Store = (*Store)(nil)

const (
	statusNew = iota
	statusOpen
	statusClosed
)

// New returns a store that Configure opens.
func New() *Store { return new(Store) }

// begin lets a call proceed, which ends by s.calls.RUnlock.
func (s *Store) begin() error {
	s.calls.RLock()
	if s.status.Load() == statusOpen {
		return nil
	}
	s.calls.RUnlock()
	if s.status.Load() == statusNew {
		return fault.New(fault.Unavailable, "storage has not been configured yet")
	}
	return fault.New(fault.ShuttingDown, "storage has been shut down")
}

// claim reserves a chain's name for its opening or removal. unclaim or evict
// ends it.
func (s *Store) claim(name chainname.Name) (c *chain, loaded bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c = s.chains[name]
	if c == nil {
		c = &chain{store: s, name: name, dir: s.folders.chain(name)}
		s.chains[name] = c
	} else if c.open {
		return nil, false, fault.New(fault.BadRequest, "chain %q is open already; a chain is opened once at a time", name)
	}
	c.open = true
	return c, c.loaded, nil
}

func (s *Store) unclaim(c *chain) {
	s.mu.Lock()
	c.open = false
	s.mu.Unlock()
	s.evict(c)
}

// Open implements [storage.Store].
func (s *Store) Open(ctx context.Context, name chainname.Name, create bool) (storage.Chain, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.calls.RUnlock()
	if err := gaveUp(ctx); err != nil {
		return nil, err
	}
	c, loaded, err := s.claim(name)
	if err != nil {
		return nil, err
	}
	if !loaded {
		if err := c.openFiles(create); err != nil {
			s.unclaim(c)
			return nil, fault.New(fault.CodeOf(err), "opening chain %q: %s", name, fault.From(err).Reason)
		}
		s.mu.Lock()
		c.loaded = true
		s.mu.Unlock()
	}
	return &handle{chain: c}, nil
}

func (c *chain) openFiles(create bool) error {
	err := c.readManifest()
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return fault.New(fault.NotFound, "there is no such chain")
		}
		return c.create()
	}
	if err != nil {
		return err
	}
	if err := c.load(noJournal); err != nil {
		return err
	}
	if c.next == 0 { // who made it may have ended before CHAIN was durable
		if err := c.store.disk.syncDir(c.dir); err != nil {
			return err
		}
	}
	return c.applySalvage()
}

// Close implements [storage.Chain].
func (h *handle) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	h.closed = true
	h.store.unclaim(h.chain)
	return nil
}

// begin lets a call on the chain proceed, which ends by end.
func (h *handle) begin(ctx context.Context) error {
	if err := gaveUp(ctx); err != nil {
		return err
	}
	if err := h.store.begin(); err != nil {
		return err
	}
	h.mu.RLock()
	if h.closed {
		h.end()
		return fault.New(fault.BadRequest, "chain %q has been closed", h.name)
	}
	return nil
}

func (h *handle) end() {
	h.mu.RUnlock()
	h.store.calls.RUnlock()
}

// State implements [storage.Chain].
func (h *handle) State() storage.State { return h.state() }

// Remove implements [storage.Store].
func (s *Store) Remove(ctx context.Context, name chainname.Name) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.calls.RUnlock()
	if err := gaveUp(ctx); err != nil {
		return err
	}
	c, _, err := s.claim(name)
	if err != nil {
		return err
	}
	if err := c.remove(); err != nil {
		s.unclaim(c)
		return fault.New(fault.CodeOf(err), "removing chain %q: %s", name, fault.From(err).Reason)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.chains, name)
	return nil
}

// remove deletes the chain's files. Without its CHAIN file it is gone; what
// the journal has of it is passed over, because a chain of the same name gets
// another id.
func (c *chain) remove() error {
	c.files.Lock()
	defer c.files.Unlock()
	d := c.store.disk
	if _, err := d.Stat(c.path(manifestName)); errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotFound, "there is no such chain")
	}
	if err := d.failure(); err != nil {
		return err
	}
	if err := d.Remove(c.path(manifestName)); err != nil {
		return ioFault(err, "removing "+c.path(manifestName))
	}
	if err := d.syncDir(c.dir); err != nil {
		return err
	}
	c.discard()
	if err := c.tidy(nil); err != nil {
		return err
	}
	c.store.folders.removeEmpty(c.dir)
	return nil
}

// Shutdown writes out what is in the journal, if ctx allows, and gives the
// folder free. Nothing is lost without it: the next start does the same.
func (s *Store) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	s.calls.Lock()
	defer s.calls.Unlock()
	if !s.status.CompareAndSwap(statusOpen, statusClosed) {
		return nil
	}
	close(s.stop)
	s.writer.Wait()
	err := s.settle(ctx)
	s.close()
	return err
}

// settle empties the journal, so that the next start finds nothing to do.
func (s *Store) settle(ctx context.Context) error {
	if err := gaveUp(ctx); err != nil {
		return err
	}
	before, err := s.drain()
	if err != nil {
		return err
	}
	if err := s.segments.sync(); err != nil {
		return err
	}
	s.journal.retire()
	return s.journal.reclaim(before)
}

// close closes files and gives the lock free.
func (s *Store) close() {
	if s.segments != nil {
		s.segments.closeAll()
	}
	if s.journal != nil {
		s.journal.close()
	}
	for _, c := range s.release {
		c.Close()
	}
}

// Health returns why the store can no longer be written to, if starting it
// anew may help.
func (s *Store) Health(context.Context) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.calls.RUnlock()
	return s.disk.failure()
}

// Stats implements [storage.Store]. It looks at every file, which takes about
// ten microseconds for each chain.
func (s *Store) Stats(ctx context.Context) (storage.Stats, error) {
	if err := s.begin(); err != nil {
		return storage.Stats{}, err
	}
	defer s.calls.RUnlock()
	stats := storage.Stats{Bytes: s.journal.usage()}
	err := s.walk(ctx, func(_ chainname.Name, dir string) error {
		stats.Chains++
		entries, err := s.disk.List(dir)
		for _, entry := range entries {
			if info, err := s.disk.Stat(s.disk.PathJoin(dir, entry)); err == nil && !info.IsDir() {
				stats.Bytes += uint64(info.Size())
			}
		}
		return err
	})
	if err != nil {
		return storage.Stats{}, err
	}
	if usage, err := s.disk.GetDiskUsage(s.options.Path); err == nil {
		stats.FreeBytes = &usage.AvailBytes
	} else if !errors.Is(err, vfs.ErrUnsupported) {
		return storage.Stats{}, ioFault(err, "asking for the free space of "+s.options.Path)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.chains {
		if c.open && c.loaded {
			stats.OpenChains++
		}
	}
	if err := s.disk.failure(); err != nil {
		stats.ReadOnly = fault.From(err).Reason
	} else if s.full != nil {
		stats.ReadOnly = fault.From(s.full).Reason
	}
	return stats, nil
}

// randomID returns a number that nobody can foresee and that is not 0.
func randomID() uint64 {
	var b [8]byte
	for {
		rand.Read(b[:])
		if id := binary.LittleEndian.Uint64(b[:]); id != 0 {
			return id
		}
	}
}
