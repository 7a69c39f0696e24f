package evidence

import (
	"container/heap"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// MaxWriters is how many writers are remembered. Each takes about 120 bytes of
// memory and 64 of a snapshot.
const MaxWriters = 1 << 16

// Writers is the memory of whoever admits sealed batches to a chain: the last
// number of each writer, so that no batch is admitted twice. It is told of every
// batch, in order, and must outlive compaction: what is rebuilt from the batches
// that are left knows nothing of those that were dropped.
//
// It remembers at most MaxWriters writers, those that built on the newest heads,
// and for all others one number: the floor, which is the size of the newest head
// that any of them built on. A seal that builds on no more than the floor is
// refused, and so is every batch of a forgotten writer when it comes again. A
// flood of writers therefore neither fills the memory nor locks anyone out: who
// seals on a head that is more than MaxWriters writers old has to look at a newer
// one.
//
// Of a seal it must be verified that the signer made it before it is staged or
// admitted; else a stranger could use up the writer's numbers. The methods must
// not be called at the same time.
type Writers struct {
	limit  int
	floor  uint64
	recent recent
	staged []change // in the order in which they were made
}

// writer is a client instance. A writer's name alone would not do: another key
// might use the same.
type writer struct {
	signer event.Hash
	name   Writer
}

// last is what is known of a writer.
type last struct {
	writer
	number uint64
	head   uint64 // size of the newest head that it built on
}

// change is what undoes a staged seal.
type change struct {
	writer
	known   bool // whether before is what it was
	before  last
	evicted bool // whether forgot is who had to go
	forgot  last
	floor   uint64
}

// NewWriters returns the memory of a chain without batches.
func NewWriters() *Writers { return newWriters(MaxWriters) }

func newWriters(limit int) *Writers {
	return &Writers{limit: limit, recent: recent{at: make(map[writer]int)}}
}

// Check says whether a batch with this seal may come next, after all that are
// settled or staged. If its number is not above its writer's last, the error is
// a bad_seal fault; if its head is too old to tell, an expired one.
func (w *Writers) Check(s *Seal) error {
	if s.Head.Size <= w.floor {
		return fault.New(fault.Expired, "the seal builds on a chain of %d events, and at least %d are needed to tell that it is not a replayed one; catch up with the chain and seal again", s.Head.Size, w.floor+1)
	}
	if i, ok := w.recent.at[s.writer()]; ok && s.Number <= w.recent.lasts[i].number {
		return fault.New(fault.BadSeal, "the seal has number %d, and writer %s of key %s has used %d: the batch is replayed, or out of order", s.Number, s.Writer, s.Signer, w.recent.lasts[i].number)
	}
	return nil
}

func (s *Seal) writer() writer { return writer{s.Signer, s.Writer} }

// Stage notes a seal that Check has just accepted, until Settle or Discard.
func (w *Writers) Stage(s *Seal) {
	c := change{writer: s.writer(), floor: w.floor}
	now := last{c.writer, s.Number, s.Head.Size}
	if i, ok := w.recent.at[c.writer]; ok {
		c.known, c.before = true, w.recent.lasts[i]
		now.head = max(now.head, c.before.head)
		w.recent.set(i, now)
	} else if heap.Push(&w.recent, now); w.recent.Len() > w.limit {
		c.evicted, c.forgot = true, heap.Pop(&w.recent).(last)
		w.floor = max(w.floor, c.forgot.head)
	}
	w.staged = append(w.staged, c)
}

// Settle makes what is staged final: the batches are stored.
func (w *Writers) Settle() { w.staged = w.staged[:0] }

// Discard forgets what is staged: the batches are not stored, and may come
// again.
func (w *Writers) Discard() {
	for len(w.staged) > 0 {
		c := w.staged[len(w.staged)-1]
		w.staged = w.staged[:len(w.staged)-1]
		if c.evicted {
			heap.Push(&w.recent, c.forgot)
		}
		w.floor = c.floor
		if i := w.recent.at[c.writer]; c.known {
			w.recent.set(i, c.before)
		} else {
			heap.Remove(&w.recent, i)
		}
	}
}

// RaiseFloor refuses from now on every seal that builds on a chain of no more
// events than size. Whoever rebuilds the memory from a log in which compaction
// has left a gap calls it with the gap's end, since the batches that are gone
// might come again.
// Nothing may be staged.
func (w *Writers) RaiseFloor(size uint64) {
	w.floor = max(w.floor, size)
	for w.recent.Len() > 0 && w.recent.lasts[0].head < w.floor {
		heap.Pop(&w.recent)
	}
}

// Replay notes the seal of a batch that is stored, in the order of the log, for
// whoever rebuilds the memory from it.
func (w *Writers) Replay(s *Seal) {
	if s.Head.Size >= w.floor {
		w.Stage(s)
		w.Settle()
	}
}

// Admit is Check, Stage and Settle at once, for whoever follows a chain. Nothing
// may be staged.
func (w *Writers) Admit(s *Seal) error {
	if err := w.Check(s); err != nil {
		return err
	}
	w.Stage(s)
	w.Settle()
	return nil
}
