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
//	    40     4  CRC-32C of the 40 bytes before
const (
	compactionsBlob  = "compactions"
	compactionsMagic = "ATECOMP\x01"
	compactionsSize  = 44
)

// Compactions is what is known of a chain's compactions.
type Compactions struct {
	Dropped event.Seq // the seq after the last event that was dropped
	Bytes   uint64    // of the records that the last compaction looked at and left for good, about
	Time    time.Time // when it ended; zero if there was none
	Seen    event.Seq // from this seq on, events make another one worth it
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
	if len(blob) != compactionsSize || string(blob[:8]) != compactionsMagic || crc32.Checksum(blob[:40], castagnoli) != binary.LittleEndian.Uint32(blob[40:]) {
		c.compactions.Store(&Compactions{Dropped: c.log.State().Next})
		c.onProblem(fault.New(fault.Damaged, "what is known of the compactions of chain %s is damaged, or of another version; it is made anew by the next one", c.name))
		return nil
	}
	s := Compactions{Dropped: event.Seq(binary.LittleEndian.Uint64(blob[8:])), Bytes: binary.LittleEndian.Uint64(blob[16:]), Seen: event.Seq(binary.LittleEndian.Uint64(blob[32:]))}
	if at := int64(binary.LittleEndian.Uint64(blob[24:])); at != 0 {
		s.Time = time.UnixMicro(at)
	}
	c.compactions.Store(&s)
	return nil
}
