package file

import (
	"context"
	"slices"

	"github.com/atedb/atedb/sdk/fault"
)

// scrubAtOnce is how many bytes of the journal are written over with zeros
// between two appends, at most.
const scrubAtOnce = 1 << 20

// scrubs is the requests that nothing be left in the journal of what was in it.
type scrubs struct {
	asked, done uint64
	err         error // of the last one
}

// scrubbed waits until no file of the journal has anything of what was appended
// before the call. It costs about what writing that has cost, and after a start
// as much as the journal is long. Appends go on meanwhile, in another file.
func (s *Store) scrubbed(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.progress.Broadcast()
	})()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scrubs.asked++
	mine := s.scrubs.asked
	s.wake()
	for s.scrubs.done < mine {
		if err := gaveUp(ctx); err != nil {
			return err
		}
		s.progress.Wait()
	}
	return s.scrubs.err
}

// scrubIfAsked does what scrubbed waits for, on the goroutine of writeBehind.
func (s *Store) scrubIfAsked() {
	s.mu.Lock()
	asked := s.scrubs.asked
	due := asked > s.scrubs.done
	s.mu.Unlock()
	if !due {
		return
	}
	err := s.scrub()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scrubs.done, s.scrubs.err = asked, err
	s.progress.Broadcast()
}

func (s *Store) scrub() error {
	if err := s.emptyJournal(); err != nil {
		return err
	}
	zeros := make([]byte, scrubAtOnce)
	for f, until := range s.journal.staleFiles() {
		for until > 0 {
			if s.closing.Load() {
				return fault.New(fault.ShuttingDown, "the erasure is given up because storage is shutting down")
			}
			var err error
			if until, err = s.journal.zero(f, until, zeros); err != nil {
				return err
			}
			s.endPass(s.makeRoom())
		}
	}
	return nil
}

// emptyJournal has everything that is in the journal moved to the chains' files,
// and what comes now go to another file.
func (s *Store) emptyJournal() error {
	next, left := s.journal.leave()
	for ; !left; next, left = s.journal.leave() {
		if err := s.journal.grow(); err != nil {
			return err
		}
		if err := s.makeRoom(); err != nil {
			return err
		}
	}
	s.awaitPublished(next)
	before, err := s.drain()
	if err != nil {
		return err
	}
	if err := s.segments.sync(); err != nil {
		return err
	}
	return s.journal.reclaim(before)
}

// awaitPublished waits until the rounds before one, which are in the journal, are
// in their chains' tails too: a file of the journal is not free before.
func (s *Store) awaitPublished(next uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.published < next {
		s.progress.Wait()
	}
}

// leave ends the use of the current file, if there is a free one to go on with. It
// returns the number of the next round.
func (j *journal) leave() (next uint64, left bool) {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.free) == 0 {
		return 0, false
	}
	if j.current != nil {
		j.current.next = j.rounds
		j.current = nil
	}
	return j.rounds, true
}

// staleFiles returns the files that have something of an earlier use, and up to
// where.
func (j *journal) staleFiles() map[*journalFile]int64 {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	stale := make(map[*journalFile]int64)
	for _, files := range [][]*journalFile{j.live, j.free} {
		for _, f := range files {
			if f.stale > f.end {
				stale[f] = f.stale
			}
		}
	}
	return stale
}

// zero overwrites the last part of what a file has behind its rounds up to a
// place, durably. It returns up to where there may be more, or 0. Of what was
// written since the file was found stale it may overwrite what is of no use.
func (j *journal) zero(f *journalFile, until int64, zeros []byte) (int64, error) {
	from, err := j.zeroBehind(f, until, zeros)
	if err != nil || from == 0 {
		return 0, err
	}
	return from, j.disk.sync(f.file, f.path)
}

func (j *journal) zeroBehind(f *journalFile, until int64, zeros []byte) (from int64, err error) {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	gone := !slices.Contains(j.live, f) && !slices.Contains(j.free, f)
	j.mu.Unlock()
	if gone || until <= f.end {
		return 0, nil
	}
	from = max(f.end, until-int64(len(zeros)))
	if _, err := f.file.WriteAt(zeros[:until-from], from); err != nil {
		return 0, ioFault(err, "writing "+f.path)
	}
	if f.stale <= until {
		f.stale = from
	}
	return from, nil
}
