package event

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/atedb/atedb/sdk/fault"
)

// FrameHeader is the size of an event's two lengths, in bytes.
const FrameHeader = 8

const (
	omittedBit = 1 << 31
	lengthBits = 1<<24 - 1
)

// Frame is one event in its encoded form. Its slices alias the buffer that it
// was parsed from.
type Frame struct {
	Header  []byte
	Data    []byte // nil if omitted
	Omitted bool   // the data exists but was left out
	DataLen int    // length of the data, also when it was left out

	dataHash []byte // SHA-256 of the data, if it was left out
}

// DataHash returns the SHA-256 of the data, also when it was left out.
func (f *Frame) DataHash() Hash {
	if f.Omitted {
		return Hash(f.dataHash)
	}
	return sha256.Sum256(f.Data)
}

// Omit appends to dst the event without its data.
func (f *Frame) Omit(dst []byte) []byte {
	hash := f.DataHash()
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(f.Header)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(f.DataLen)|omittedBit)
	dst = append(dst, f.Header...)
	return append(dst, hash[:]...)
}

// OmitUnhashed is Omit for whom the hash of the data does not matter: if it is
// not known it is zero.
func (f *Frame) OmitUnhashed(dst []byte) []byte {
	bare := Frame{Header: f.Header, Omitted: true, DataLen: f.DataLen, dataHash: f.dataHash}
	if !f.Omitted {
		bare.dataHash = unhashed[:]
	}
	return bare.Omit(dst)
}

var unhashed Hash

// Append appends the event to dst as it is, with or without its data.
func (f *Frame) Append(dst []byte) []byte {
	if f.Omitted {
		return f.Omit(dst)
	}
	return AppendFrame(dst, f.Header, f.Data)
}

// AppendFrame appends an event's encoding to dst.
func AppendFrame(dst, header, data []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(header)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(data)))
	dst = append(dst, header...)
	return append(dst, data...)
}

// CutFrame parses the event at the start of b and returns what follows it.
// An event that is cut short or over a limit is a bad_message fault.
func CutFrame(b []byte) (f Frame, rest []byte, err error) {
	if len(b) < FrameHeader {
		return Frame{}, nil, fault.New(fault.BadMessage, "an event's frame is cut short: %d bytes of its %d byte header", len(b), FrameHeader)
	}
	headerLen, dataLen := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	f.Omitted = dataLen&omittedBit != 0
	dataLen &^= omittedBit
	switch {
	case (headerLen|dataLen)&^lengthBits != 0:
		return Frame{}, nil, fault.New(fault.BadMessage, "an event's frame uses reserved bits (lengths %#x, %#x): it is of a later version, or damaged", headerLen, dataLen)
	case headerLen == 0:
		return Frame{}, nil, fault.New(fault.BadMessage, "an event has no header")
	case headerLen > MaxHeader:
		return Frame{}, nil, fault.New(fault.TooLarge, "an event's header is %d bytes long; at most %d are allowed", headerLen, MaxHeader)
	case dataLen > MaxData:
		return Frame{}, nil, fault.New(fault.TooLarge, "an event's data is %d bytes long; at most %d are allowed", dataLen, MaxData)
	}
	f.DataLen = int(dataLen)
	end := FrameHeader + int(headerLen)
	if f.Omitted {
		end += len(Hash{})
	} else {
		end += int(dataLen)
	}
	if len(b) < end {
		return Frame{}, nil, fault.New(fault.BadMessage, "an event's frame is cut short: %d of %d bytes", len(b), end)
	}
	f.Header = b[FrameHeader : FrameHeader+headerLen : FrameHeader+headerLen]
	if rest := b[FrameHeader+headerLen : end : end]; f.Omitted {
		f.dataHash = rest
	} else {
		f.Data = rest
	}
	return f, b[end:], nil
}
