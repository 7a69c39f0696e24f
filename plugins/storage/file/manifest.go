package file

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

const (
	manifestMagic  = "AteChain"
	manifestHeader = 40
	manifestEntry  = 40
)

// manifest is what a chain's CHAIN file says: which files are the chain.
type manifest struct {
	chain  uint64     // the chain's id, another one after it was removed and made again
	closed []*segment // in order
	active uint64     // number of the segment that records are written to
	first  event.Seq  // the seq at which it begins
}

func (m *manifest) encode() []byte {
	b := make([]byte, 0, manifestHeader+len(m.closed)*manifestEntry+4)
	b = append(b, manifestMagic...)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.closed)))
	b = binary.LittleEndian.AppendUint64(b, m.chain)
	b = binary.LittleEndian.AppendUint64(b, m.active)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.first))
	for _, s := range m.closed {
		b = binary.LittleEndian.AppendUint64(b, s.number)
		b = binary.LittleEndian.AppendUint64(b, uint64(s.first))
		b = binary.LittleEndian.AppendUint64(b, uint64(s.next))
		b = binary.LittleEndian.AppendUint64(b, s.events)
		b = binary.LittleEndian.AppendUint64(b, uint64(s.size))
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// parseManifest parses the CHAIN file of the folder dir.
func parseManifest(dir string, b []byte) (*manifest, error) {
	path := dir + "/" + manifestName
	if len(b) < manifestHeader+4 || !bytes.HasPrefix(b, []byte(manifestMagic)) {
		return nil, damaged(path, 0, fault.New(fault.Damaged, "it is not a chain's list of segments"))
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v > formatVersion {
		return nil, laterVersion(path, v)
	}
	body, n := b[:len(b)-4], int64(binary.LittleEndian.Uint32(b[12:]))
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[len(body):]) || int64(len(body)) != manifestHeader+n*manifestEntry {
		return nil, damaged(path, 0, fault.New(fault.Damaged, "its %d bytes with %d segments fail their checksum", len(b), n))
	}
	m := &manifest{
		chain:  binary.LittleEndian.Uint64(b[16:]),
		active: binary.LittleEndian.Uint64(b[24:]),
		first:  event.Seq(binary.LittleEndian.Uint64(b[32:])),
		closed: make([]*segment, n),
	}
	for i := range m.closed {
		e := body[manifestHeader+i*manifestEntry:]
		s := &segment{
			number: binary.LittleEndian.Uint64(e),
			first:  event.Seq(binary.LittleEndian.Uint64(e[8:])),
			next:   event.Seq(binary.LittleEndian.Uint64(e[16:])),
			events: binary.LittleEndian.Uint64(e[24:]),
			size:   int64(binary.LittleEndian.Uint64(e[32:])),
		}
		s.path = segmentPath(dir, s.number)
		m.closed[i] = s
	}
	return m, nil
}
