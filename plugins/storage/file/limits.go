package file

import "time"

// block is the unit of the journal, in bytes. A round begins on a block of its
// own, so that writing it never touches the block of one that is acknowledged.
const block = 4 << 10

// What a configuration may ask for, and what it gets if it does not ask.
const (
	defaultSegmentSize     = 64 << 20
	minSegmentSize         = 1 << 20
	maxSegmentSize         = 4 << 30
	defaultJournalSegment  = 64 << 20
	minJournalSegment      = 40 << 20 // the largest append fits with its headers
	maxJournalSegment      = 1 << 30
	defaultJournalSegments = 8
	minJournalSegments     = 2
	maxJournalSegments     = 64
)

const (
	flushAt      = 64 << 20  // bytes not yet in chains' files at which writing them begins
	maxUnwritten = 192 << 20 // bytes not yet in chains' files at which appends wait
	maxRound     = 16 << 20  // bytes of one round, unless a single request is larger
	maxSpare     = 32 << 20  // bytes of buffers kept for the next rounds
	maxGather    = 1 << 20   // bytes copied together for one write to a chain's file
	syncEvery    = 4 << 20   // bytes of a segment that a drop writes between syncs, so that appends' do not wait for much
	indexSpan    = 32 << 10  // bytes of a segment that one index entry stands for
	readAhead    = 256 << 10 // bytes read at a time when a segment is read through
	minOpenFiles = 128       // kept open, whatever the process may have
	maxOpenFiles = 16384     // kept open, if the process may
	manySyncs    = 64        // files from which on one sync of the file system is cheaper
	syncsAtOnce  = 4
	maxSegments  = 1 << 20 // in one chain
	maxSalvage   = 4 << 30
)

const (
	lockPatience = 3 * time.Second       // for the lock of a process that is ending
	lockPause    = 20 * time.Millisecond // between attempts
)
