package event

import (
	"encoding/binary"
	"hash/crc32"
	"iter"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// Sizes of the fixed parts, in bytes.
const (
	BatchHeader  = 44
	RecordHeader = 8
)

// Seq is an event's position in its chain, from 0. A seq is never used again,
// also when compaction has dropped the event that had it.
type Seq uint64

// CommitID is a client's random name for a commit. The server stores a commit
// with the same id once, however often it is sent.
type CommitID [16]byte

// Batch is the events of one commit, or what compaction left of them. Its
// slices alias the buffer that it was parsed from.
type Batch struct {
	First    Seq
	Time     int64 // Unix microseconds, by the server's clock
	Commit   CommitID
	Count    int
	Offset   int // events of the commit before these, which compaction split off
	Evidence []byte
	Frames   []byte // Count events, each as AppendFrame wrote it
}

// Next returns the seq after the batch's last event.
func (b *Batch) Next() Seq { return b.First + Seq(b.Count) }

// When returns the time of the commit.
func (b *Batch) When() time.Time { return time.UnixMicro(b.Time) }

// RecordSize returns the size of the record that AppendRecord makes of b.
func (b *Batch) RecordSize() int {
	return RecordHeader + BatchHeader + len(b.Evidence) + len(b.Frames)
}

// AppendRecord appends b's record, with its length and checksum, to dst.
func (b *Batch) AppendRecord(dst []byte) []byte {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(b.RecordSize()-RecordHeader))
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(b.First))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(b.Time))
	dst = append(dst, b.Commit[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(b.Count))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(b.Offset))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(b.Evidence)))
	dst = append(dst, b.Evidence...)
	dst = append(dst, b.Frames...)
	binary.LittleEndian.PutUint32(dst[start+4:], Checksum(dst[start+RecordHeader:]))
	return dst
}

// Checksum is the CRC-32C of an encoded batch.
func Checksum(batch []byte) uint32 { return crc32.Checksum(batch, castagnoli) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// CutRecord checks and parses the record at the start of b, and returns its
// batch and what follows it. It checks the checksum and the batch's header,
// not the events: see [Batch.Events].
//
// A record that is cut short, fails its checksum or is over a limit is a fault
// with code damaged.
func CutRecord(b []byte) (batch Batch, rest []byte, err error) {
	size, err := RecordSize(b)
	if err != nil {
		return Batch{}, nil, err
	}
	if len(b) < size {
		return Batch{}, nil, fault.New(fault.Damaged, "a record is cut short: %d of %d bytes", len(b), size)
	}
	body := b[RecordHeader:size:size]
	if got, want := Checksum(body), binary.LittleEndian.Uint32(b[4:]); got != want {
		return Batch{}, nil, fault.New(fault.Damaged, "a record's checksum is %#08x, its bytes give %#08x", want, got)
	}
	batch, err = parseBatch(body)
	return batch, b[size:], err
}

// RecordSize returns the size of the record at the start of b, of which at
// least RecordHeader bytes must be there. A size that no record has is a fault
// with code damaged.
func RecordSize(b []byte) (int, error) {
	if len(b) < RecordHeader {
		return 0, fault.New(fault.Damaged, "a record is cut short: %d bytes of its %d byte header", len(b), RecordHeader)
	}
	n := binary.LittleEndian.Uint32(b)
	if n < BatchHeader+FrameHeader+1 || n > MaxBatch {
		return 0, fault.New(fault.Damaged, "a record's length is %d; it must be %d to %d", n, BatchHeader+FrameHeader+1, MaxBatch)
	}
	return RecordHeader + int(n), nil
}

// Records iterates over the batches of consecutive records. It stops after the
// first error.
func Records(b []byte) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for len(b) > 0 {
			batch, rest, err := CutRecord(b)
			if !yield(batch, err) || err != nil {
				return
			}
			b = rest
		}
	}
}

func parseBatch(b []byte) (Batch, error) {
	batch := Batch{
		First: Seq(binary.LittleEndian.Uint64(b)),
		Time:  int64(binary.LittleEndian.Uint64(b[8:])),
		Count: int(binary.LittleEndian.Uint32(b[32:])), Offset: int(binary.LittleEndian.Uint32(b[36:])),
	}
	copy(batch.Commit[:], b[16:32])
	evidence := int(binary.LittleEndian.Uint32(b[40:]))
	if batch.Count < 1 || batch.Count > MaxBatchEvents {
		return Batch{}, fault.New(fault.Damaged, "a batch says that it has %d events; it must have 1 to %d", batch.Count, MaxBatchEvents)
	}
	if batch.Offset > MaxBatchEvents-batch.Count {
		return Batch{}, fault.New(fault.Damaged, "a batch says that its %d events stood at %d in their commit; a commit has at most %d", batch.Count, batch.Offset, MaxBatchEvents)
	}
	if evidence > MaxEvidence || BatchHeader+evidence > len(b) {
		return Batch{}, fault.New(fault.Damaged, "a batch says that it has %d bytes of evidence in %d bytes", evidence, len(b))
	}
	batch.Evidence = b[BatchHeader : BatchHeader+evidence : BatchHeader+evidence]
	batch.Frames = b[BatchHeader+evidence:]
	return batch, nil
}

// Events iterates over the batch's events. It stops after the first error, and
// yields one if the frames are not exactly Count events.
func (b *Batch) Events() iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		rest := b.Frames
		for range b.Count {
			f, after, err := CutFrame(rest)
			if !yield(f, err) || err != nil {
				return
			}
			rest = after
		}
		if len(rest) != 0 {
			yield(Frame{}, fault.New(fault.BadMessage, "a batch has %d bytes after its last event", len(rest)))
		}
	}
}

// PeekRecord returns the seq of the first event, the number of events and the
// size of the record at the start of b, without checking more than its length.
func PeekRecord(b []byte) (first Seq, count, size int, err error) {
	size, err = RecordSize(b)
	if err == nil && len(b) < size {
		err = fault.New(fault.Damaged, "a record is cut short: %d of %d bytes", len(b), size)
	}
	if err != nil {
		return 0, 0, 0, err
	}
	batch := b[RecordHeader:]
	return Seq(binary.LittleEndian.Uint64(batch)), int(binary.LittleEndian.Uint32(batch[32:])), size, nil
}
