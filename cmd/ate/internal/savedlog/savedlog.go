// Package savedlog is the file that "ate verify --save" writes and "ate verify
// --offline" reads: a chain's log as a server gave it, with what it takes to
// verify it without the server.
//
// # Format, version 1
//
//	size  field
//	  12  "ATEDB-LOG/1\n"
//	   …  sections
//
// A section is
//
//	size  field
//	   1  kind
//	   4  length N, little-endian, at most 16 MiB and what a record may have
//	   N  payload
//
// and the kinds, in the order in which they come, are
//
//	kind  payload
//	   S  the server's encoded checkpoint key
//	   C  its signed checkpoint, as package checkpoint says; once
//	   L  leaf hashes, 32 bytes each, from seq 0 on; as many sections as it takes
//	   R  records, as package event describes them; as many sections as it takes
//	   E  empty: the end. Nothing follows it
//
// Nothing in it is believed: the records have checksums, and everything else is
// what is verified. A reader refuses another order, a kind that it does not know,
// and a second section of a kind that comes once. S comes once, too.
//
// For example, a log with two leaf hashes and no records, 0x00... and 0x01...,
// whose key and checkpoint are the words "key" and "note":
//
//	41 54 45 44 42 2d 4c 4f 47 2f 31 0a   "ATEDB-LOG/1\n"
//	53 03 00 00 00 6b 65 79               S, 3 bytes: "key"
//	43 04 00 00 00 6e 6f 74 65            C, 4 bytes: "note"
//	4c 40 00 00 00 00 … 00 01 … 01        L, 64 bytes
//	45 00 00 00 00                        E
package savedlog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

const (
	magicPrefix = "ATEDB-LOG/"
	magic       = magicPrefix + "1\n"
	maxSection  = event.MaxRecord + 16<<20
)

// Kind is what a section holds.
type Kind byte

// The kinds of sections.
const (
	Server     Kind = 'S'
	Checkpoint Kind = 'C'
	Leaves     Kind = 'L'
	Records    Kind = 'R'
	End        Kind = 'E'
)

// Order is the kinds in the order in which they come.
const Order = "SCLRE"

// Writer writes a saved log.
type Writer struct{ w *bufio.Writer }

// NewWriter begins a saved log on w.
func NewWriter(w io.Writer) *Writer {
	out := &Writer{bufio.NewWriterSize(w, 1<<20)}
	out.w.WriteString(magic) //nolint:errcheck // a bufio.Writer keeps its error for Flush
	return out
}

// Write adds a section. A payload that no reader would take is a too_large
// fault.
func (w *Writer) Write(kind Kind, payload []byte) error {
	if len(payload) > maxSection {
		return fault.New(fault.TooLarge, "a section of a saved log has %d bytes; at most %d are allowed", len(payload), maxSection)
	}
	header := binary.LittleEndian.AppendUint32([]byte{byte(kind)}, uint32(len(payload)))
	if _, err := w.w.Write(header); err != nil {
		return err
	}
	_, err := w.w.Write(payload)
	return err
}

// Close ends the log. It does not close the writer beneath.
func (w *Writer) Close() error {
	if err := w.Write(End, nil); err != nil {
		return err
	}
	return w.w.Flush()
}

// Reader reads a saved log.
type Reader struct {
	r      *bufio.Reader
	offset int64
	last   Kind // of the last section, 0 before the first
}

// NewReader reads the first line. Anything but a saved log of this version is a
// fault.
func NewReader(r io.Reader) (*Reader, error) {
	in := &Reader{r: bufio.NewReaderSize(r, 1<<20)}
	line := make([]byte, len(magic))
	if _, err := io.ReadFull(in.r, line); err != nil || string(line[:len(magicPrefix)]) != magicPrefix {
		return nil, fault.New(fault.BadRequest, "this is no saved log: it does not begin with %q", magic)
	}
	if string(line) != magic {
		return nil, fault.New(fault.Unsupported, "the saved log is of a later version: it begins with %q instead of %q", line, magic)
	}
	in.offset = int64(len(magic))
	return in, nil
}

// Next returns the next section and the offset of its payload. The payload is
// the caller's. After the end it returns End.
func (r *Reader) Next() (kind Kind, payload []byte, offset int64, err error) {
	if r.last == End {
		return End, nil, r.offset, nil
	}
	var header [5]byte
	if _, err := io.ReadFull(r.r, header[:]); err != nil {
		return 0, nil, 0, r.cut(err)
	}
	kind = Kind(header[0])
	if err := r.checkOrder(kind); err != nil {
		return 0, nil, 0, err
	}
	n := binary.LittleEndian.Uint32(header[1:])
	if n > maxSection {
		return 0, nil, 0, fault.New(fault.Damaged, "the section at offset %d says that it has %d bytes; at most %d are allowed", r.offset, n, maxSection)
	}
	payload, err = readBounded(r.r, int(n))
	if err != nil {
		return 0, nil, 0, r.cut(err)
	}
	offset = r.offset + int64(len(header))
	r.offset = offset + int64(n)
	r.last = kind
	if kind == End {
		if _, err := r.r.ReadByte(); n > 0 || err != io.EOF {
			return 0, nil, 0, fault.New(fault.Damaged, "something follows the end at offset %d", r.offset)
		}
	}
	return kind, payload, offset, nil
}

// order is in what order the kinds come.
const order = "SCLRE"

func (r *Reader) checkOrder(kind Kind) error {
	at, before := strings.IndexByte(order, byte(kind)), strings.IndexByte(order, byte(r.last))
	switch {
	case at < 0:
		return fault.New(fault.Damaged, "the section at offset %d is of an unknown kind, %q", r.offset, kind)
	case at < before || at == before && (kind == Server || kind == Checkpoint):
		return fault.New(fault.Damaged, "the section at offset %d is of kind %q and comes after one of kind %q", r.offset, kind, r.last)
	}
	return nil
}

func (r *Reader) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.Damaged, "the file ends in the section at offset %d, before its end", r.offset)
	}
	return fault.New(fault.Unavailable, "reading at offset %d: %w", r.offset, err)
}

// readBounded reads n bytes, taking memory as they come.
func readBounded(r io.Reader, n int) ([]byte, error) {
	const step = 1 << 20
	var out []byte
	for len(out) < n {
		part := min(n-len(out), max(step, len(out)))
		out = append(out, make([]byte, part)...)
		if _, err := io.ReadFull(r, out[len(out)-part:]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
