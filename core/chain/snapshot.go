package chain

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// A snapshot is the chain's state in side blobs, so that opening a chain reads
// what changed since instead of the whole log. It may be missing, old or
// damaged: the log alone says what is true.
//
// The blob "snapshot" says which parts make up the newest one:
//
//	offset  size  field
//	     0     8  "ATESNAP" and the version, 1
//	     8     4  generation, 0 or 1: the parts are "snapshot-<generation>-<part>"
//	    12     4  number of parts
//	    16     4  CRC-32C of the parts together, the body
//	    20     4  CRC-32C of the 20 bytes before
//
// The body is, with lengths of 8 bytes before each of the last three,
//
//	 0     8  seq of the first event that it does not hold, N
//	 8     8  time of the last commit before that, Unix microseconds
//	16        the authority tree, the Merkle tree, the writers of seals
//
// A new snapshot is written as the other generation, and then named.
const (
	snapshotBlob    = "snapshot"
	snapshotMagic   = "ATESNAP\x01"
	snapshotSize    = 24
	snapshotPart    = 8 << 20 // bytes of a part
	maxSnapshot     = 8 << 30 // bytes of a body
	snapshotEvents  = 100_000 // since the last one before another is written, or as many as there are live objects
	snapshotClosing = 4096    // since the last one before another is written at closing
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// save stores a snapshot that goes up to next.
func (c *Chain) save(ctx context.Context, next event.Seq, body []byte) error {
	old := c.upkeep.saved
	s := saved{next: next, generation: 1 - old.generation}
	for part := range slices.Chunk(body, c.upkeep.part) {
		if err := c.log.PutBlob(ctx, partName(s.generation, s.parts), part); err != nil {
			return err
		}
		s.parts++
	}
	blob := []byte(snapshotMagic)
	blob = binary.LittleEndian.AppendUint32(blob, s.generation)
	blob = binary.LittleEndian.AppendUint32(blob, s.parts)
	blob = binary.LittleEndian.AppendUint32(blob, crc32.Checksum(body, castagnoli))
	blob = binary.LittleEndian.AppendUint32(blob, crc32.Checksum(blob, castagnoli))
	if err := c.log.PutBlob(ctx, snapshotBlob, blob); err != nil {
		return err
	}
	c.upkeep.saved = s
	c.upkeep.unsaved.Store(uint64(s.next))
	for part := range old.parts {
		if err := c.log.PutBlob(ctx, partName(old.generation, part), nil); err != nil {
			return err
		}
	}
	return nil
}

func partName(generation, part uint32) string {
	return fmt.Sprintf("%s-%d-%d", snapshotBlob, generation, part)
}

// snapshot returns the body of a snapshot that is about to be saved. The leader
// calls it, or who closes the chain: nothing may be staged. next is the chain's.
func (c *Chain) snapshot(next event.Seq) []byte {
	c.upkeep.unsaved.Store(min(c.upkeep.unsaved.Load(), uint64(next)))
	body := make([]byte, 0, 32*(c.tree.Len()+merkle.BundleSize))
	body = binary.LittleEndian.AppendUint64(body, uint64(next))
	body = binary.LittleEndian.AppendUint64(body, uint64(c.stored))
	for _, section := range []func([]byte) []byte{c.tree.AppendSnapshot, c.merkle.AppendState, c.writers.AppendState} {
		at := len(body)
		body = section(append(body, make([]byte, 8)...))
		binary.LittleEndian.PutUint64(body[at:], uint64(len(body)-at-8))
	}
	return body
}

// restore takes the state from the newest snapshot. With an error, or if there
// is none, the state is that of an empty chain.
func (c *Chain) restore(ctx context.Context) error {
	blob, err := c.log.GetBlob(ctx, snapshotBlob)
	if fault.Is(err, fault.NotFound) {
		c.upkeep.unsaved.Store(math.MaxUint64)
		return nil
	}
	if err != nil {
		return err
	}
	s, body, err := c.loadSnapshot(ctx, blob)
	if err != nil {
		return err
	}
	if len(body) < 16 {
		return fault.New(fault.Damaged, "its body has %d bytes", len(body))
	}
	s.next = event.Seq(binary.LittleEndian.Uint64(body))
	lastTime := int64(binary.LittleEndian.Uint64(body[8:]))
	sections, rest := [3][]byte{}, body[16:]
	for i := range sections {
		if len(rest) < 8 || binary.LittleEndian.Uint64(rest) > uint64(len(rest)-8) {
			return fault.New(fault.Damaged, "its section %d is cut short", i)
		}
		n := binary.LittleEndian.Uint64(rest)
		sections[i], rest = rest[8:8+n], rest[8+n:]
	}
	tree, err := authority.Restore(c.genesis, sections[0])
	if err != nil {
		return err
	}
	leaves, err := merkle.Restore(c.bundles, sections[1])
	if err != nil {
		return err
	}
	writers, err := evidence.RestoreWriters(sections[2])
	if err != nil {
		return err
	}
	if leaves.Size() != uint64(s.next) || tree.Next() > s.next || len(rest) > 0 {
		return fault.New(fault.Damaged, "it goes up to event %d, has %d leaf hashes and an authority tree up to event %d, and %d bytes after its end", s.next, leaves.Size(), tree.Next(), len(rest))
	}
	if err := c.checkSnapshot(ctx, s.next, lastTime); err != nil {
		return err
	}
	c.tree, c.merkle, c.writers, c.upkeep.saved = tree, leaves, writers, s
	c.lastTime, c.stored, c.recent.from = lastTime, lastTime, s.next
	c.next.Store(uint64(s.next))
	c.upkeep.unsaved.Store(uint64(s.next))
	return nil
}

// checkSnapshot returns a damaged fault if a snapshot that goes up to next, with
// the last commit at a time, is not of what the log holds: that may have been
// restored from an older copy. The last event tells, if it is still there.
func (c *Chain) checkSnapshot(ctx context.Context, next event.Seq, lastTime int64) error {
	if held := c.log.State().Next; next == 0 || next > held {
		return fault.New(fault.Damaged, "it goes up to event %d, and the log to event %d: the log is older", next, held)
	}
	records, err := c.log.Read(ctx, nil, next-1, 1, true)
	if err != nil || len(records) == 0 {
		return err
	}
	batch, _, err := event.CutRecord(records)
	if err != nil {
		return err
	}
	if batch.First < next && batch.Time != lastTime {
		return fault.New(fault.Damaged, "its last event, %d, is not the one that the log has there: it is of another history", next-1)
	}
	return nil
}

// loadSnapshot reads the body of the snapshot that a blob names.
func (c *Chain) loadSnapshot(ctx context.Context, blob []byte) (s saved, body []byte, err error) {
	if len(blob) != snapshotSize || string(blob[:8]) != snapshotMagic || crc32.Checksum(blob[:20], castagnoli) != binary.LittleEndian.Uint32(blob[20:]) {
		return s, nil, fault.New(fault.Damaged, "the blob that names its parts is damaged, or of another version")
	}
	s.generation, s.parts = binary.LittleEndian.Uint32(blob[8:]), binary.LittleEndian.Uint32(blob[12:])
	if s.generation > 1 || s.parts > maxSnapshot/snapshotPart {
		return s, nil, fault.New(fault.Damaged, "it says that it has %d parts of generation %d", s.parts, s.generation)
	}
	for part := range s.parts {
		data, err := c.log.GetBlob(ctx, partName(s.generation, part))
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.Damaged, "its part %d of %d is missing: %w", part, s.parts, err)
		}
		if err != nil {
			return s, nil, err
		}
		body = append(body, data...)
	}
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(blob[16:]) {
		return s, nil, fault.New(fault.Damaged, "its parts fail their checksum")
	}
	return s, body, nil
}
