package compaction

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/compaction/compactionpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
)

// replyVotes is how many votes a server gathers before it sends them.
const replyVotes = 4096

// votes pairs the contract's votes with the messages'.
var votes = map[Vote]compactionpb.Vote{
	Keep: compactionpb.Vote_VOTE_KEEP, Drop: compactionpb.Vote_VOTE_DROP,
	ForceKeep: compactionpb.Vote_VOTE_FORCE_KEEP, ForceDrop: compactionpb.Vote_VOTE_FORCE_DROP,
}

// RegisterServer serves a strategy to a client made by [NewClient].
func RegisterServer(reg grpc.ServiceRegistrar, strategy Strategy) {
	compactionpb.RegisterCompactionServer(reg, &server{strategy: strategy})
}

type server struct {
	compactionpb.UnimplementedCompactionServer
	strategy Strategy
}

// Rules asks a strategy that says when it wants chains compacted.
func (s *server) Rules(ctx context.Context, req *compactionpb.RulesRequest) (*compactionpb.RulesReply, error) {
	scheduler, ok := s.strategy.(Scheduler)
	if !ok {
		return s.UnimplementedCompactionServer.Rules(ctx, req)
	}
	rules, err := scheduler.Rules(ctx)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	reply := &compactionpb.RulesReply{Trigger: encodeTrigger(rules.Trigger)}
	for _, chain := range rules.Chains {
		reply.Chains = append(reply.Chains, &compactionpb.ChainTrigger{Pattern: chain.Pattern, Trigger: encodeTrigger(chain.Trigger)})
	}
	return reply, nil
}

func encodeTrigger(t Trigger) *compactionpb.Trigger {
	return &compactionpb.Trigger{
		Factor: t.Factor, Size: t.Size, Timer: uint64(max(t.Timer, 0) / time.Millisecond), Modified: t.Modified,
	}
}

type planStream = grpc.BidiStreamingServer[compactionpb.PlanRequest, compactionpb.PlanReply]

func (s *server) Plan(stream planStream) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	chain, err := decodeChain(first.Chain)
	if err != nil {
		return faultrpc.ToStatus(err)
	}
	p := &planServer{stream: stream}
	if err := s.strategy.Plan(stream.Context(), chain, p.events(first.Events), p.cast); err != nil {
		return faultrpc.ToStatus(err)
	}
	p.flush()
	return faultrpc.ToStatus(p.err)
}

func decodeChain(info *compactionpb.ChainInfo) (Chain, error) {
	if info == nil {
		return Chain{}, fault.New(fault.BadMessage, "the first message of a plan does not say which chain")
	}
	name, err := chainname.Parse(info.Name)
	if err != nil {
		return Chain{}, err
	}
	return Chain{Name: name, Events: info.Events, Bytes: info.Bytes, Now: time.UnixMicro(info.Now)}, nil
}

// planServer is one plan under way. The strategy's goroutine uses it.
type planServer struct {
	stream  planStream
	pending [ForceKeep + 1][]uint64 // votes not sent yet
	count   int                     // of them
	err     error                   // of sending; votes are lost after it
	decoder event.HeaderDecoder
}

// events iterates over the events that came with the first message and those
// of the messages to come.
func (p *planServer) events(batch []*compactionpb.Event) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			for _, pb := range batch {
				e, err := p.decode(pb)
				if !yield(e, err) || err != nil {
					return
				}
			}
			req, err := p.stream.Recv()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Event{}, faultrpc.FromStatus(err))
				return
			}
			batch = req.Events
		}
	}
}

func (p *planServer) decode(pb *compactionpb.Event) (Event, error) {
	header, err := p.decoder.Decode(pb.Header)
	if err != nil {
		return Event{}, err
	}
	return Event{Seq: event.Seq(pb.Seq), Time: time.UnixMicro(pb.Time), DataSize: int(pb.DataSize), Header: header, Encoded: pb.Header}, nil
}

func (p *planServer) cast(seq event.Seq, vote Vote) {
	if vote == Silent || p.err != nil {
		return
	}
	if vote > ForceKeep {
		p.err = fault.New(fault.BadMessage, "the strategy cast a vote of the unknown kind %d on event %d", vote, seq)
		return
	}
	p.pending[vote] = append(p.pending[vote], uint64(seq))
	if p.count++; p.count >= replyVotes {
		p.flush()
	}
}

func (p *planServer) flush() {
	if p.count == 0 || p.err != nil {
		return
	}
	reply := &compactionpb.PlanReply{}
	for vote, seqs := range p.pending {
		if len(seqs) > 0 {
			reply.Votes = append(reply.Votes, &compactionpb.Votes{Vote: votes[Vote(vote)], Seqs: seqs})
			p.pending[vote] = seqs[:0]
		}
	}
	p.err = p.stream.Send(reply)
	p.count = 0
}
