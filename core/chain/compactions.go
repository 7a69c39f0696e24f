package chain

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// What is known of a chain's compactions is kept in the side blob "compactions":
//
//	offset  size  field
//	     0     8  "ATECOMP" and the version, 1
//	     8     8  the seq after the last event that was dropped, or was about to be
//	    16     8  bytes of the records that the last compaction looked at and left
//	              for good, about
//	    24     8  its time, Unix microseconds; 0 if there was none
//	    32     8  the seq from which on events make another one worth it
//	    40     8  the seq after the last tombstone that was dropped, or was about to be
//	    48     8  the chain's next seq when the last ones were
//	    56     4  CRC-32C of the 56 bytes before
const (
	compactionsBlob  = "compactions"
	compactionsMagic = "ATECOMP\x01"
	compactionsSize  = 60
)

// Compactions is what is known of a chain's compactions.
type Compactions struct {
	Dropped event.Seq // the seq after the last event that was dropped
	Bytes   uint64    // of the records that the last compaction looked at and left for good, about
	Time    time.Time // when it ended; zero if there was none
	Seen    event.Seq // from this seq on, events make another one worth it

	// Forgotten is the seq after the last tombstone that was dropped. Who has the
	// events before an earlier seq alone, as they were before the chain's next was
	// ForgottenAt, may miss that an object has ended.
	Forgotten, ForgottenAt event.Seq
}

// Compactions returns what is known of the chain's compactions.
func (c *Chain) Compactions() Compactions { return *c.compactions.Load() }

// noteCompaction makes a state known, durably.
func (c *Chain) noteCompaction(ctx context.Context, s Compactions) error {
	blob := []byte(compactionsMagic)
	blob = binary.LittleEndian.AppendUint64(blob, uint64(s.Dropped))
	blob = binary.LittleEndian.AppendUint64(blob, s.Bytes)
	at := int64(0)
	if !s.Time.IsZero() {
		at = s.Time.UnixMicro()
	}
	blob = binary.LittleEndian.AppendUint64(blob, uint64(at))
	blob = binary.LittleEndian.AppendUint64(blob, uint64(s.Seen))
	blob = binary.LittleEndian.AppendUint64(blob, uint64(s.Forgotten))
	blob = binary.LittleEndian.AppendUint64(blob, uint64(s.ForgottenAt))
	blob = binary.LittleEndian.AppendUint32(blob, crc32.Checksum(blob, castagnoli))
	if err := c.log.PutBlob(ctx, compactionsBlob, blob); err != nil {
		return err
	}
	c.compactions.Store(&s)
	return nil
}

// restoreCompactions reads what is known. If that is damaged, anything may have
// been dropped.
func (c *Chain) restoreCompactions(ctx context.Context) error {
	c.compactions.Store(&Compactions{})
	blob, err := c.log.GetBlob(ctx, compactionsBlob)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(blob) != compactionsSize || string(blob[:8]) != compactionsMagic || crc32.Checksum(blob[:compactionsSize-4], castagnoli) != binary.LittleEndian.Uint32(blob[compactionsSize-4:]) {
		next := c.log.State().Next
		c.compactions.Store(&Compactions{Dropped: next, Forgotten: next, ForgottenAt: next})
		c.onProblem(fault.New(fault.Damaged, "what is known of the compactions of chain %s is damaged, or of another version; it is made anew by the next one", c.name))
		return nil
	}
	field := func(offset int) uint64 { return binary.LittleEndian.Uint64(blob[offset:]) }
	seq := func(offset int) event.Seq { return event.Seq(field(offset)) }
	s := Compactions{Dropped: seq(8), Bytes: field(16), Seen: seq(32), Forgotten: seq(40), ForgottenAt: seq(48)}
	if at := int64(field(24)); at != 0 {
		s.Time = time.UnixMicro(at)
	}
	c.compactions.Store(&s)
	return nil
}
