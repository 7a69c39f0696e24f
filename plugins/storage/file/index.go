package file

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// index says where in a segment to begin looking for a seq: one entry for
// about every indexSpan bytes, in order.
type index []indexEntry

type indexEntry struct {
	first  event.Seq // of the record
	offset int64     // of the record in the file
}

const (
	footerMagic  = "AteIndex"
	footerHeader = 20
	footerEntry  = 16
)

// add notes the record that begins at offset, if it is time for an entry.
func (x index) add(first event.Seq, offset int64) index {
	if len(x) > 0 && offset-x[len(x)-1].offset < indexSpan {
		return x
	}
	return append(x, indexEntry{first, offset})
}

// find returns the offset of a record that begins at or before seq, or that of
// the first one.
func (x index) find(seq event.Seq) int64 {
	i, found := slices.BinarySearchFunc(x, seq, func(e indexEntry, s event.Seq) int {
		switch {
		case e.first < s:
			return -1
		case e.first > s:
			return 1
		}
		return 0
	})
	switch {
	case found:
		return x[i].offset
	case i == 0:
		return segmentHeader
	}
	return x[i-1].offset
}

// encode returns the index as the footer of a closed segment.
func (x index) encode() []byte {
	b := make([]byte, footerHeader, footerHeader+len(x)*footerEntry)
	copy(b, footerMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(len(x)))
	for _, e := range x {
		b = binary.LittleEndian.AppendUint64(b, uint64(e.first))
		b = binary.LittleEndian.AppendUint64(b, uint64(e.offset))
	}
	binary.LittleEndian.PutUint32(b[16:], footerSum(b))
	return b
}

func footerSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:16], castagnoli), castagnoli, b[footerHeader:])
}

// parseIndex parses a footer. An error means that the index must be made anew
// from the records; nothing is lost.
func parseIndex(b []byte) (index, error) {
	if len(b) < footerHeader || string(b[:8]) != footerMagic || binary.LittleEndian.Uint32(b[8:]) != formatVersion {
		return nil, fault.New(fault.Damaged, "there is no footer of this version")
	}
	n := int64(binary.LittleEndian.Uint32(b[12:]))
	if footerHeader+n*footerEntry != int64(len(b)) || footerSum(b) != binary.LittleEndian.Uint32(b[16:]) {
		return nil, fault.New(fault.Damaged, "the footer fails its checksum")
	}
	x := make(index, n)
	for i := range x {
		e := b[footerHeader+i*footerEntry:]
		x[i] = indexEntry{event.Seq(binary.LittleEndian.Uint64(e)), int64(binary.LittleEndian.Uint64(e[8:]))}
	}
	return x, nil
}

// footerSize returns the size of the footer that begins with this header, in a
// segment of size bytes, or less if no such footer can be.
func footerSize(head []byte, size int64) int64 {
	n := int64(binary.LittleEndian.Uint32(head[12:]))
	if n > size/indexSpan+1 {
		return footerHeader
	}
	return footerHeader + n*footerEntry
}
