// Package storage is the contract between the daemon and what keeps chains:
// version 1.
//
// A store keeps chains; a chain is a sequence of records, as the event package
// describes them, each holding one batch of consecutive events. The daemon
// gives every event its seq; a store keeps the records' bytes as they are.
//
// # What a store promises
//
//   - Durable. When Append answers without an error, the records survive the
//     death of every process and the loss of power. A reader may see a record
//     only once it is durable.
//   - In order, once. Records are kept in order of seq without a gap between
//     one append and the next. Appending a record that is already held, byte
//     for byte, changes nothing and succeeds, which is how the daemon resends
//     what was unanswered when a store's process died. A different record for
//     a seq already held, or one that would leave a gap, is refused with code
//     out_of_sequence.
//   - All or nothing. A record is there whole or not at all. Of several records
//     in one request, an error or a crash may leave the first few.
//   - Checked. A record that fails its checksum is never returned: the read
//     fails with code damaged and a sentence that names the chain, the file
//     and the offset.
//   - Honest when full. Without space, appends fail with code disk_full, reads
//     go on, and appends succeed again once there is space. After a failure
//     that leaves durability in doubt, such as a failed fsync, appends fail
//     with code unavailable until the process is started anew.
//   - Isolated. What is wrong with one chain does not keep others from working.
//
// Every error that a store returns should be a [fault.Error]; others reach the
// daemon as internal.
package storage

import (
	"context"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
)

// Version is the version of this contract.
const Version = 1

// Limits that the daemon keeps and a store may rely on.
const (
	MaxAppend   = 32 << 20 // bytes of records in one AppendRequest
	MaxRead     = 4 << 20  // bytes asked for in one Read; see there for what may come
	MaxBlob     = 16 << 20 // bytes of a blob
	MaxBlobName = 64       // bytes of a blob's name: a to z, 0 to 9, '-' and '.' inside
	MaxList     = 10_000   // names in one answer of List
)

// Store keeps chains. Its methods may be called at the same time by several
// goroutines, except where one says otherwise.
type Store interface {
	// Open opens a chain for appending and reading, recovering it if need be.
	// If there is none it is created when create is set, durably, and is a
	// not_found fault otherwise. A chain is opened by one caller at a time.
	Open(ctx context.Context, name chainname.Name, create bool) (Chain, error)

	// Append makes the records of a round of requests durable together: it is
	// called with everything that was waiting, so that one sync can serve all.
	// The result has one error, or nil, for each request. It is called by one
	// goroutine at a time, does not keep the requests' slices after it
	// returns, and each chain stands in a round at most once.
	Append(round []AppendRequest) []error

	// List returns the names of the chains that come after the given name, in
	// order, at most limit of them. It starts with after == "".
	List(ctx context.Context, after chainname.Name, limit int) ([]chainname.Name, error)

	// Remove deletes a chain that is not open, durably.
	Remove(ctx context.Context, name chainname.Name) error

	// Stats returns figures for operators.
	Stats(ctx context.Context) (Stats, error)
}

// AppendRequest is records for the end of one chain.
type AppendRequest struct {
	Chain   Chain  // one that the same store's Open returned
	Records []byte // one or more records, at most MaxAppend bytes
}

// Chain is an open chain. Its methods may be called at the same time as each
// other and as the store's Append.
type Chain interface {
	// State describes what the chain holds now.
	State() State

	// Read appends to dst consecutive records in order of seq, beginning with
	// the one that holds the first surviving event at or after from: as many
	// as fit into maxBytes, but at least one. It appends none when there is no
	// such event. With headersOnly, the events' data is left out, its hash
	// in its place, and the records are made anew to match. The caller owns the slice returned,
	// which is dst's memory if there is room; with an error it is nil.
	Read(ctx context.Context, dst []byte, from event.Seq, maxBytes int, headersOnly bool) ([]byte, error)

	// Drop removes events for good, atomically: after a crash either all of
	// set is gone or none of it. Seqs that are not there are passed over. The
	// survivors of a batch keep their seqs, time, commit id and evidence, in
	// as many records as there are runs of them; the records' offsets say
	// where in the commit a run stood. Reads and appends go on
	// meanwhile; the space is given back before it returns.
	Drop(ctx context.Context, set DropSet) (Dropped, error)

	// Erase removes the data of events, and leaves their headers and the hash
	// of the data, as a Read with headersOnly gives them; records made anew may
	// be cut in two. It is atomic as a Drop is, and reads and appends go on
	// meanwhile. Seqs that are not there, and events without data, are passed
	// over. When it answers without an error, no file of the store holds the
	// data any more, nor that of events which were dropped before: not in what
	// is spare, kept for recovery or left by a crash either. Called again after
	// an error or a crash, also with an empty set, it does what was left to do.
	Erase(ctx context.Context, set DropSet) (Erased, error)

	// PutBlob stores a side blob under a name, durably and atomically, in the
	// place of one that was there. Empty data removes it.
	PutBlob(ctx context.Context, name string, data []byte) error

	// GetBlob returns a blob, or a not_found fault.
	GetBlob(ctx context.Context, name string) ([]byte, error)

	// Close ends the use of the chain.
	Close() error
}

// HeaderReader is a Chain that can spare the hashing of data which is left out.
type HeaderReader interface {
	// ReadHeaders does what Read does with headersOnly, but for the hashes of
	// the data, which are zero where they are not known.
	ReadHeaders(ctx context.Context, dst []byte, from event.Seq, maxBytes int) ([]byte, error)
}

// State is what a chain holds.
type State struct {
	Next   event.Seq // the seq that the next appended event must have
	Events uint64    // events stored, without those dropped
	Bytes  uint64    // bytes of records stored
}

// DropSet is the seqs that are to be dropped or erased: ranges in ascending
// order, neither empty nor overlapping.
type DropSet []Range

// Range is the seqs from First up to, not including, End.
type Range struct{ First, End event.Seq }

// Dropped is what a Drop removed.
type Dropped struct {
	Events uint64
	Bytes  uint64 // of records; what the survivors take now is not counted
}

// Erased is what an Erase removed.
type Erased struct {
	Events uint64 // that had data
	Bytes  int64  // of records; below zero if the hashes are longer than the data was
}

// Stats is figures of a whole store.
type Stats struct {
	Chains     uint64
	OpenChains uint64
	Bytes      uint64  // used by the store, with all that it keeps beside the records
	FreeBytes  *uint64 // where the chains are stored; nil if there is no such limit
	ReadOnly   string  // why appends are refused now; "" if they are not
}
