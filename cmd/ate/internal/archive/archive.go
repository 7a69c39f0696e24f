// Package archive is the stream that "ate export" writes and "ate import"
// reads: the live objects of a chain, each as its newest event.
//
// # Format, version 1
//
//	size  field
//	  15  "ATEDB-EXPORT/1\n"
//	   …  records, each of one event, as package event describes them
//	   4  zero, where another record would have its length
//	   8  number of records, little-endian
//	  32  SHA-256 of everything before
//
// A record has its own checksum, so damage is found where it is; the trailer
// shows that nothing is missing. Nothing may follow it. An object comes after
// the one that it stands under. Seq, time and commit id of a record are those of
// the chain that it came from. A change that a reader of version 1 would
// misread gets another number in the first line.
package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

const (
	magicPrefix = "ATEDB-EXPORT/"
	magic       = magicPrefix + "1\n"
	trailerSize = 4 + 8 + sha256.Size
)

// Entry is one event of an archive.
type Entry struct {
	Offset int64 // of its record in the stream, in bytes; only when read
	Seq    event.Seq
	Time   int64 // Unix microseconds
	Commit event.CommitID
	Header []byte
	Data   []byte
}

// Writer writes an archive.
type Writer struct {
	w     io.Writer
	sum   hash.Hash
	buf   []byte
	count uint64
}

// NewWriter begins an archive on w. A writer that buffers serves it well.
func NewWriter(w io.Writer) (*Writer, error) {
	sum := sha256.New()
	out := &Writer{w: io.MultiWriter(w, sum), sum: sum}
	_, err := io.WriteString(out.w, magic)
	return out, err
}

// Write adds an event.
func (w *Writer) Write(e Entry) error {
	frame := event.AppendFrame(nil, e.Header, e.Data)
	batch := event.Batch{First: e.Seq, Time: e.Time, Commit: e.Commit, Count: 1, Frames: frame}
	w.buf = batch.AppendRecord(w.buf[:0])
	w.count++
	_, err := w.w.Write(w.buf)
	return err
}

// Close ends the archive; without it, a reader takes it for cut short. It does
// not close the underlying writer.
func (w *Writer) Close() error {
	trailer := binary.LittleEndian.AppendUint64(make([]byte, 4), w.count)
	if _, err := w.w.Write(trailer); err != nil {
		return err
	}
	_, err := w.w.Write(w.sum.Sum(nil))
	return err
}

// Reader reads an archive. Its errors are faults that name the offset: damaged
// for bytes that are not an archive's, not_supported for a later version, and
// unavailable when they cannot be read.
type Reader struct {
	r      io.Reader
	sum    hash.Hash
	offset int64
	count  uint64
}

// NewReader reads the beginning of an archive.
func NewReader(r io.Reader) (*Reader, error) {
	in := &Reader{r: r, sum: sha256.New()}
	line := make([]byte, len(magic))
	err := in.fill(line)
	line = line[:in.offset]
	switch {
	case string(line) == magic:
		return in, nil
	case err == nil && bytes.HasPrefix(line, []byte(magicPrefix)):
		return nil, fault.New(fault.Unsupported, "the export is of a later version: it begins with %q at offset 0 instead of %q", line, magic)
	case err != nil && bytes.HasPrefix([]byte(magic), line):
		return nil, err
	}
	return nil, fault.New(fault.Damaged, "this is not an export of a chain: it begins with %q at offset 0 instead of %q", line, magic)
}

// Next returns the next event, and io.EOF after the last when the trailer is
// right.
func (r *Reader) Next() (Entry, error) {
	start := r.offset
	header := make([]byte, event.RecordHeader)
	if err := r.fill(header[:4]); err != nil {
		return Entry{}, err
	}
	if binary.LittleEndian.Uint32(header) == 0 {
		return Entry{}, r.end()
	}
	if err := r.fill(header[4:]); err != nil {
		return Entry{}, err
	}
	size, err := event.RecordSize(header)
	if err != nil {
		return Entry{}, damaged(start, err)
	}
	record := make([]byte, size)
	if err := r.fill(record[copy(record, header):]); err != nil {
		return Entry{}, err
	}
	batch, _, err := event.CutRecord(record)
	if err != nil {
		return Entry{}, damaged(start, err)
	}
	frame, rest, err := event.CutFrame(batch.Frames)
	if err != nil {
		return Entry{}, damaged(start, err)
	}
	if batch.Count != 1 || len(rest) != 0 || frame.Omitted {
		return Entry{}, damaged(start, errors.New("a record is not of one whole event"))
	}
	r.count++
	return Entry{Offset: start, Seq: batch.First, Time: batch.Time, Commit: batch.Commit, Header: frame.Header, Data: frame.Data}, nil
}

// end checks what follows the trailer's zero, and returns io.EOF if it is right.
func (r *Reader) end() error {
	start := r.offset - 4
	trailer := make([]byte, trailerSize-4)
	if err := r.fill(trailer[:8]); err != nil {
		return err
	}
	want := r.sum.Sum(nil)
	if err := r.fill(trailer[8:]); err != nil {
		return err
	}
	if n := binary.LittleEndian.Uint64(trailer); n != r.count {
		return fault.New(fault.Damaged, "the export is damaged at offset %d: it says that it has %d events, but %d came", start, n, r.count)
	}
	if !bytes.Equal(trailer[8:], want) {
		return fault.New(fault.Damaged, "the export is damaged at offset %d: its SHA-256 does not match", start)
	}
	switch _, err := io.ReadFull(r.r, make([]byte, 1)); {
	case err == io.EOF:
		return io.EOF
	case err != nil:
		return fault.New(fault.Unavailable, "reading the export at offset %d: %w", r.offset, err)
	}
	return fault.New(fault.Damaged, "the export is damaged at offset %d: something follows its end", r.offset)
}

// fill reads all of b, which the archive must have.
func (r *Reader) fill(b []byte) error {
	n, err := io.ReadFull(r.r, b)
	r.sum.Write(b[:n])
	r.offset += int64(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fault.New(fault.Damaged, "the export is cut short: it ends at offset %d without its trailer", r.offset)
	}
	if err != nil {
		return fault.New(fault.Unavailable, "reading the export at offset %d: %w", r.offset, err)
	}
	return nil
}

func damaged(offset int64, err error) error {
	return fault.New(fault.Damaged, "the export is damaged at offset %d: %s", offset, fault.From(err).Reason)
}
