package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/ate/internal/savedlog"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// verifyFile verifies a saved log.
func verifyFile(cmd *cobra.Command, url, path string) error {
	u, err := chainname.ParseURL(url)
	if err != nil {
		return usageError{err}
	}
	f, err := os.Open(path)
	if err != nil {
		return fault.New(fault.NotFound, "the saved log cannot be opened: %w", err)
	}
	defer f.Close()
	v, err := readSaved(cmd.Context(), f)
	if err != nil {
		return explain(err, "%s", path)
	}
	if err := v.CheckLive(); err != nil {
		return explain(err, "%s, which may have been saved while the chain was compacted; save it again", path)
	}
	if name := v.Genesis().Name; name != u.Name {
		return fault.New(fault.BadRequest, "%s holds chain %s, not %s", path, name, u.Name)
	}
	return v.report(cmd.OutOrStdout())
}

// saved is a saved log that is being read.
type saved struct {
	signing, note []byte
	leaves        []byte
	log           *verified
}

func readSaved(ctx context.Context, r io.Reader) (*verified, error) {
	in, err := savedlog.NewReader(r)
	if err != nil {
		return nil, err
	}
	var s saved
	for {
		kind, payload, offset, err := in.Next()
		if err != nil {
			return nil, err
		}
		switch kind {
		case savedlog.Server:
			s.signing = payload
		case savedlog.Checkpoint:
			s.note = payload
		case savedlog.Leaves:
			s.leaves = append(s.leaves, payload...)
		case savedlog.Records:
			if err := s.add(ctx, payload); err != nil {
				return nil, explain(err, "the records at offset %d", offset)
			}
		case savedlog.End:
			return s.end(ctx)
		}
	}
}

// add verifies records; the first is the genesis.
func (s *saved) add(ctx context.Context, records []byte) (err error) {
	for len(records) > 0 {
		batch, rest, err := event.CutRecord(records)
		if err != nil {
			return s.locate(records, err)
		}
		records = rest
		if s.log == nil {
			if s.log, err = open(s.signing, string(s.note), batch.AppendRecord(nil), s.missing); err == nil {
				err = s.compare(&batch)
			}
		} else if err = s.compare(&batch); err == nil {
			err = s.log.Add(ctx, &batch)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// locate finds which event of a damaged record was changed, if the record is
// otherwise whole.
func (s *saved) locate(records []byte, damage error) error {
	size, err := event.RecordSize(records)
	if err != nil || size > len(records) || s.log == nil {
		return explain(damage, "the record of event %d, or of one after it", s.next())
	}
	mended := bytes.Clone(records[:size])
	binary.LittleEndian.PutUint32(mended[4:], event.Checksum(mended[event.RecordHeader:]))
	batch, _, err := event.CutRecord(mended)
	if err == nil && batch.First < s.next() {
		err = damage
	}
	if err == nil {
		err = s.compare(&batch)
	}
	if err == nil {
		return explain(damage, "the record of event %d: its events, %d of them, are good, and what stands before them was changed", batch.First, batch.Count)
	}
	return explain(err, "the record of event %d", s.next())
}

func (s *saved) next() event.Seq {
	if s.log == nil {
		return 0
	}
	return s.log.Next()
}

// compare finds the very event that is not what its leaf hash says.
func (s *saved) compare(b *event.Batch) error {
	seq := b.First
	for f, err := range b.Events() {
		if err != nil {
			return explain(err, "event %d", seq)
		}
		want, err := s.missing(context.Background(), seq, 1)
		if err != nil {
			return err
		}
		if got := f.Leaf(s.log.Chain()); got != want[0] {
			return fault.New(fault.Damaged, "event %d was changed, or its leaf hash: that is %s, and the one kept with it is %s", seq, got, want[0])
		}
		seq++
	}
	return nil
}

// missing returns saved leaf hashes.
func (s *saved) missing(_ context.Context, from event.Seq, count int) ([]event.Hash, error) {
	const size = uint64(len(event.Hash{}))
	have := uint64(len(s.leaves)) / size
	if uint64(from) > have || uint64(count) > have-uint64(from) {
		return nil, fault.New(fault.Damaged, "leaf hashes %d to %d are not in the file, which has %d", from, uint64(from)+uint64(count), have)
	}
	out := make([]event.Hash, count)
	for i := range out {
		at := (uint64(from) + uint64(i)) * size
		out[i] = event.Hash(s.leaves[at : at+size])
	}
	return out, nil
}

func (s *saved) end(ctx context.Context) (*verified, error) {
	if s.log == nil {
		return nil, fault.New(fault.Damaged, "it has no events")
	}
	if have := len(s.leaves) / len(event.Hash{}); uint64(have) != s.log.head.Size || len(s.leaves)%len(event.Hash{}) != 0 {
		return nil, fault.New(fault.Damaged, "it has %d bytes of leaf hashes, and a head of %d events", len(s.leaves), s.log.head.Size)
	}
	return s.log, s.log.end(ctx, s.missing)
}
