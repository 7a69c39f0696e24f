package file

import (
	"encoding/binary"
	"hash/crc32"
	"sync/atomic"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Sizes of the fixed parts of a round, in bytes.
const (
	roundHeader = 32
	entryHeader = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entry is the records of one chain in a round.
type entry struct {
	chain   uint64 // the chain's id
	name    chainname.Name
	records []byte
}

// appendRound appends a round to dst and calls placed with each entry's
// records where they lie in dst, whose capacity must suffice. The package
// comment has the format.
func appendRound(dst []byte, store, number uint64, entries []entry, placed func(i int, records []byte)) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, roundHeader)...)
	sum := uint32(0)
	for i := range entries {
		e := &entries[i]
		head := len(dst)
		dst = binary.LittleEndian.AppendUint64(dst, e.chain)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e.records)))
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e.name)))
		dst = append(dst, e.name...)
		sum = crc32.Update(sum, castagnoli, dst[head:])
		records := len(dst)
		dst = append(dst, e.records...)
		sum = sumRecords(sum, dst[records:])
		placed(i, dst[records:len(dst):len(dst)])
	}
	h := dst[start:]
	binary.LittleEndian.PutUint64(h, store)
	binary.LittleEndian.PutUint64(h[8:], number)
	binary.LittleEndian.PutUint32(h[16:], uint32(len(h)))
	binary.LittleEndian.PutUint32(h[20:], uint32(len(entries)))
	binary.LittleEndian.PutUint32(h[24:], sum)
	binary.LittleEndian.PutUint32(h[28:], crc32.Checksum(h[:28], castagnoli))
	return dst
}

// sumRecords adds the records' headers to a checksum. Each holds the length
// and checksum of its batch, so this covers all of their bytes.
func sumRecords(sum uint32, records []byte) uint32 {
	for len(records) >= event.RecordHeader {
		size, err := event.RecordSize(records)
		if err != nil || size > len(records) {
			break
		}
		sum = crc32.Update(sum, castagnoli, records[:event.RecordHeader])
		records = records[size:]
	}
	return sum
}

// roundHead is a round's header.
type roundHead struct {
	number  uint64
	size    int // bytes of the whole round
	entries int
	sum     uint32
}

// parseRoundHead returns the header at the start of b, and whether there is
// one of this store.
func parseRoundHead(b []byte, store uint64) (roundHead, bool) {
	if len(b) < roundHeader || binary.LittleEndian.Uint64(b) != store ||
		crc32.Checksum(b[:28], castagnoli) != binary.LittleEndian.Uint32(b[28:]) {
		return roundHead{}, false
	}
	return roundHead{
		number:  binary.LittleEndian.Uint64(b[8:]),
		size:    int(binary.LittleEndian.Uint32(b[16:])),
		entries: int(binary.LittleEndian.Uint32(b[20:])),
		sum:     binary.LittleEndian.Uint32(b[24:]),
	}, true
}

// parseRound checks and parses the round at the start of b. The entries alias b.
func parseRound(b []byte, store uint64) (head roundHead, entries []entry, err error) {
	head, ok := parseRoundHead(b, store)
	if !ok {
		return head, nil, fault.New(fault.Damaged, "there is no round of this store")
	}
	if head.size > len(b) || head.size < roundHeader || head.entries > head.size/entryHeader {
		return head, nil, fault.New(fault.Damaged, "round %d says that it has %d bytes and %d entries; %d bytes are left", head.number, head.size, head.entries, len(b))
	}
	rest, sum := b[roundHeader:head.size], uint32(0)
	entries = make([]entry, head.entries)
	for i := range entries {
		if rest, sum, err = entries[i].parse(rest, sum); err != nil {
			return head, nil, fault.New(fault.Damaged, "round %d, entry %d: %s", head.number, i, fault.From(err).Reason)
		}
	}
	if sum != head.sum || len(rest) != 0 {
		return head, nil, fault.New(fault.Damaged, "round %d: the checksum is %#08x, its bytes give %#08x with %d left over", head.number, head.sum, sum, len(rest))
	}
	return head, entries, nil
}

func (e *entry) parse(b []byte, sum uint32) (rest []byte, _ uint32, err error) {
	if len(b) < entryHeader {
		return nil, 0, fault.New(fault.Damaged, "its header is cut short")
	}
	e.chain = binary.LittleEndian.Uint64(b)
	records, name := uint64(binary.LittleEndian.Uint32(b[8:])), uint64(binary.LittleEndian.Uint32(b[12:]))
	if name > chainname.MaxName || entryHeader+name+records > uint64(len(b)) {
		return nil, 0, fault.New(fault.Damaged, "it says that it has %d bytes of name and %d of records", name, records)
	}
	if e.name, err = chainname.Parse(string(b[entryHeader : entryHeader+name])); err != nil {
		return nil, 0, err
	}
	sum = crc32.Update(sum, castagnoli, b[:entryHeader+name])
	e.records = b[entryHeader+name : entryHeader+name+records : entryHeader+name+records]
	for _, err := range event.Records(e.records) {
		if err != nil {
			return nil, 0, err
		}
	}
	return b[entryHeader+name+records:], sumRecords(sum, e.records), nil
}

// buffer is memory that holds a round while its records are not yet in their
// chains' files.
type buffer struct {
	bytes []byte
	users atomic.Int64 // pieces that lie in it
	pool  *buffers     // where it goes when there are none left; may be nil
}

// release ends the use of one piece, whose bytes the caller must no longer
// use. It returns how much memory became free by that.
func (b *buffer) release() int64 {
	if b.users.Add(-1) > 0 {
		return 0
	}
	freed := int64(cap(b.bytes))
	if b.pool != nil {
		b.pool.put(b)
	}
	return freed
}
