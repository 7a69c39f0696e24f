package session

import (
	"context"
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// load answers a Load. What is wrong with it is said in the answer, so it
// costs the client no more than that.
func (s *Session) load(ctx context.Context, m *wirepb.Load) error {
	reply := &wirepb.Loaded{Id: m.Id}
	records, err := s.loadRecords(ctx, m)
	if err != nil {
		reply.Code, reply.Reason = refusal(err)
	} else {
		reply.Records = records
	}
	s.conn.Queue(wire.Loaded, reply)
	return nil
}

func (s *Session) loadRecords(ctx context.Context, m *wirepb.Load) ([]byte, error) {
	if n := len(m.Seqs) + len(m.Keys); n > wire.MaxLoad {
		return nil, fault.New(fault.TooLarge, "a load asks for %d events; at most %d are allowed", n, wire.MaxLoad)
	}
	seqs := make([]event.Seq, 0, len(m.Seqs)+len(m.Keys))
	for _, seq := range m.Seqs {
		seqs = append(seqs, event.Seq(seq))
	}
	for {
		newest := s.chain.Newest(m.Keys)
		all := append(seqs[:len(m.Seqs)], newest...)
		records, err := s.chain.AppendEvents(ctx, nil, all, wire.MaxLoaded)
		if err == nil && len(records) > wire.MaxLoaded && len(all) > 1 {
			return nil, fault.New(fault.TooLarge, "the events loaded are larger than %d bytes together; load fewer at a time", wire.MaxLoaded)
		}
		// A newest event may have been superseded, and dropped, before it was read.
		if err != nil || countRecords(records) == len(all) || slices.Equal(newest, s.chain.Newest(m.Keys)) {
			return records, err
		}
	}
}

func countRecords(records []byte) (n int) {
	for len(records) > 0 {
		_, _, size, err := event.PeekRecord(records)
		if err != nil {
			return n
		}
		records = records[size:]
		n++
	}
	return n
}
