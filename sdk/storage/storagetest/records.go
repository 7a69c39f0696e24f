package storagetest

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/atedb/atedb/sdk/event"
)

// Record returns a record of n events, each with this many bytes of data,
// beginning at first. The same arguments give the same bytes; the content
// depends on the events' seqs.
func Record(first event.Seq, n, dataSize int) []byte {
	b := Batch(first, n, dataSize)
	return b.AppendRecord(make([]byte, 0, b.RecordSize()))
}

// Batch is Record before its encoding.
func Batch(first event.Seq, n, dataSize int) event.Batch {
	b := event.Batch{First: first, Time: 1_700_000_000_000_000 + int64(first), Count: n, Evidence: fmt.Appendf(nil, "evidence %08d", first)}
	binary.LittleEndian.PutUint64(b.Commit[:], uint64(first)+1)
	for i := range n {
		b.Frames = append(b.Frames, Frame(first+event.Seq(i), dataSize)...)
	}
	return b
}

// Frame returns the event with this seq as Record makes it.
func Frame(seq event.Seq, dataSize int) []byte {
	header := event.Header{Key: fmt.Appendf(nil, "key-%08d", seq), Type: "test"}
	h, err := header.Encode()
	if err != nil {
		panic(err)
	}
	data := make([]byte, dataSize)
	x := uint64(seq)*0x9e3779b97f4a7c15 + 1
	for i := range data {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		data[i] = byte(x)
	}
	return event.AppendFrame(nil, h, data)
}

// Records returns records of n events each that follow one another from first
// on.
func Records(first event.Seq, records, n, dataSize int) []byte {
	var all []byte
	for i := range records {
		all = append(all, Record(first+event.Seq(i*n), n, dataSize)...)
	}
	return all
}

// Survivors returns what a drop leaves of records: a record for each run of
// events for which keep holds.
func Survivors(records []byte, keep func(event.Seq) bool) []byte {
	var all []byte
	for batch, err := range event.Records(records) {
		if err != nil {
			panic(err)
		}
		run := batch
		run.Count, run.Frames = 0, nil
		seq := batch.First
		flush := func() {
			if run.Count > 0 {
				all = run.AppendRecord(all)
			}
			run.Count, run.Frames = 0, nil
		}
		for frame, err := range batch.Events() {
			if err != nil {
				panic(err)
			}
			if keep(seq) {
				if run.Count == 0 {
					run.First, run.Offset = seq, batch.Offset+int(seq-batch.First)
				}
				run.Count++
				run.Frames = frame.Append(run.Frames)
			} else {
				flush()
			}
			seq++
		}
		flush()
	}
	return all
}

func join(records [][]byte) []byte {
	var all []byte
	for _, r := range records {
		all = append(all, r...)
	}
	return all
}

// describe says in a line which seqs some records hold.
func describe(records []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d bytes:", len(records))
	for batch, err := range event.Records(records) {
		if err != nil {
			fmt.Fprintf(&b, " then %v", err)
			break
		}
		if b.Len() > 400 {
			b.WriteString(" ...")
			break
		}
		fmt.Fprintf(&b, " [%d,%d)", batch.First, batch.Next())
	}
	return b.String()
}
