package compaction

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/atedb/atedb/sdk/compaction/compactionpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// plan is a Strategy made of a function.
type plan func(context.Context, Chain, iter.Seq2[Event, error], func(event.Seq, Vote)) error

func (f plan) Plan(ctx context.Context, c Chain, events iter.Seq2[Event, error], cast func(event.Seq, Vote)) error {
	return f(ctx, c, events, cast)
}

// connect serves what register registers in this process.
func connect(t *testing.T, register func(*grpc.Server)) Strategy {
	t.Helper()
	g := grpc.NewServer()
	register(g)
	listener := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- g.Serve(listener) }()
	cc, err := grpc.NewClient("passthrough:plugin", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cc.Close()
		g.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return NewClient(cc)
}

func remote(t *testing.T, p plan) Strategy {
	return connect(t, func(g *grpc.Server) { RegisterServer(g, p) })
}

var someChain = Chain{Name: "example.com/joe/db", Events: 5, Bytes: 500, Now: time.UnixMicro(123456)}

// downFrom yields the events n-1 to 0.
func downFrom(n event.Seq) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for seq := n; seq > 0; seq-- {
			e := Event{Seq: seq - 1, Time: time.UnixMicro(int64(seq)), DataSize: 10, Header: event.Header{Key: []byte("key"), Type: "t"}}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// TestHeaderThatWouldGrow shows a header as it is stored: decoded and encoded
// anew it would be longer than headers may be, and its writer could keep the
// chain from being compacted.
func TestHeaderThatWouldGrow(t *testing.T) {
	stored := []byte{10, 1, 'k'}
	for i := 0; len(stored) < event.MaxHeader-16; i++ { // labels without values: 8 bytes, and 10 when encoded anew
		label := fmt.Appendf(nil, "%04x", i)
		stored = append(stored, 58, 6, 10, 4)
		stored = append(stored, label...)
	}
	header, err := event.DecodeHeader(stored)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := header.Encode(); err == nil {
		t.Fatalf("the test is of no use: the header of %d bytes has %d when encoded anew", len(stored), len(again))
	}
	shown := 0
	s := remote(t, func(_ context.Context, _ Chain, events iter.Seq2[Event, error], _ func(event.Seq, Vote)) error {
		for e, err := range events {
			if err != nil {
				return err
			}
			shown++
			if !bytes.Equal(e.Encoded, stored) {
				t.Errorf("the plugin got a header of %d bytes, which is stored with %d", len(e.Encoded), len(stored))
			}
		}
		return nil
	})
	one := func(yield func(Event, error) bool) { yield(Event{Header: header, Encoded: stored}, nil) }
	if err := s.Plan(t.Context(), someChain, one, func(event.Seq, Vote) {}); err != nil || shown != 1 {
		t.Errorf("%v, %d events shown", err, shown)
	}
}

func TestEveryEventIsShownAndEveryVoteCounted(t *testing.T) {
	const n = 3*replyVotes + 5
	got := make(map[event.Seq]Vote)
	cycle := []Vote{Silent, Drop, Keep, ForceDrop, ForceKeep}
	s := remote(t, func(_ context.Context, c Chain, events iter.Seq2[Event, error], cast func(event.Seq, Vote)) error {
		if !reflect.DeepEqual(c, someChain) {
			t.Errorf("the plugin got %+v", c)
		}
		next := event.Seq(n)
		for e, err := range events {
			if err != nil {
				return err
			}
			next--
			want := Event{Seq: next, Time: time.UnixMicro(int64(next + 1)), DataSize: 10, Header: event.Header{Key: []byte("key"), Type: "t"}}
			want.Encoded, _ = want.Header.Encode()
			if !reflect.DeepEqual(e, want) {
				t.Errorf("the plugin got %+v, want %+v", e, want)
			}
			cast(e.Seq, cycle[e.Seq%5])
		}
		return nil
	})
	if err := s.Plan(t.Context(), someChain, downFrom(n), func(seq event.Seq, v Vote) { got[seq] = v }); err != nil {
		t.Fatal(err)
	}
	for seq := event.Seq(0); seq < n; seq++ {
		if got[seq] != cycle[seq%5] {
			t.Fatalf("event %d has the vote %s, want %s", seq, got[seq], cycle[seq%5])
		}
	}
}

func TestPlanMayEndBeforeTheEvents(t *testing.T) {
	s := remote(t, func(_ context.Context, _ Chain, events iter.Seq2[Event, error], cast func(event.Seq, Vote)) error {
		for e, err := range events {
			cast(e.Seq, Drop)
			return err
		}
		return nil
	})
	shown, votes := 0, 0
	endless := func(yield func(Event, error) bool) {
		for e, err := range downFrom(1 << 40) {
			if shown++; !yield(e, err) {
				return
			}
		}
	}
	if err := s.Plan(t.Context(), someChain, endless, func(event.Seq, Vote) { votes++ }); err != nil || votes != 1 {
		t.Errorf("%d votes, %v", votes, err)
	}
	if err := s.Plan(t.Context(), someChain, downFrom(0), func(event.Seq, Vote) { votes++ }); err != nil || votes != 1 {
		t.Errorf("an empty chain: %d votes, %v", votes, err)
	}
}

func TestAPluginThatDoesNotReadHoldsTheEventsBack(t *testing.T) {
	s := remote(t, func(ctx context.Context, _ Chain, _ iter.Seq2[Event, error], _ func(event.Seq, Vote)) error {
		<-ctx.Done()
		return ctx.Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	shown := 0
	endless := func(yield func(Event, error) bool) {
		for e, err := range downFrom(1 << 40) {
			if shown++; !yield(e, err) {
				return
			}
		}
	}
	if err := s.Plan(ctx, someChain, endless, func(event.Seq, Vote) {}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	if limit := 16 * batchEvents; shown > limit {
		t.Errorf("%d events were taken for a plugin that reads none; at most %d should be", shown, limit)
	}
}

// TestPatience has a plugin that takes no events, and one that takes all and then
// neither votes nor ends, given up; one that is slow and goes on is not.
func TestPatience(t *testing.T) {
	const patience = 200 * time.Millisecond
	hang := make(chan struct{})
	defer close(hang)
	for name, n := range map[string]event.Seq{"before the first event": 1 << 40, "after the last event": 5} {
		s := remote(t, func(_ context.Context, _ Chain, events iter.Seq2[Event, error], _ func(event.Seq, Vote)) error {
			if n < 10 {
				for range events {
				}
			}
			<-hang // it does not even look at its context
			return nil
		}).(*Client)
		s.Patience = patience
		began := time.Now()
		err := s.Plan(t.Context(), someChain, downFrom(n), func(event.Seq, Vote) {})
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "given up") {
			t.Errorf("hanging %s: %v", name, err)
		}
		if took := time.Since(began); took < patience || took > 50*patience {
			t.Errorf("hanging %s: it took %s", name, took)
		}
	}
	s := remote(t, func(_ context.Context, _ Chain, events iter.Seq2[Event, error], cast func(event.Seq, Vote)) error {
		for range events {
		}
		for i := range 8 * replyVotes {
			if i%replyVotes == 0 {
				time.Sleep(patience / 4)
			}
			cast(1, Drop)
		}
		return nil
	}).(*Client)
	s.Patience = patience
	if err := s.Plan(t.Context(), someChain, downFrom(4*replyVotes), func(event.Seq, Vote) {}); err != nil {
		t.Errorf("being slow: %v", err)
	}
}

// endless is a plugin that replies for ever.
type endless struct {
	compactionpb.UnimplementedCompactionServer
	reply *compactionpb.PlanReply
}

func (e *endless) Plan(stream planStream) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	for {
		if err := stream.Send(e.reply); err != nil {
			return err
		}
	}
}

func TestEndlessVotes(t *testing.T) {
	for name, reply := range map[string]*compactionpb.PlanReply{
		"votes":         {Votes: []*compactionpb.Votes{{Vote: compactionpb.Vote_VOTE_DROP, Seqs: []uint64{1, 2, 1, 2}}}},
		"empty replies": {},
		"empty votes":   {Votes: []*compactionpb.Votes{{Vote: compactionpb.Vote_VOTE_DROP}}},
	} {
		s := connect(t, func(g *grpc.Server) { compactionpb.RegisterCompactionServer(g, &endless{reply: reply}) })
		err := s.Plan(t.Context(), someChain, downFrom(3), func(event.Seq, Vote) {})
		if !fault.Is(err, fault.BadMessage) || !strings.Contains(err.Error(), "goes on voting") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorsEndThePlan(t *testing.T) {
	s := remote(t, func(_ context.Context, _ Chain, events iter.Seq2[Event, error], cast func(event.Seq, Vote)) error {
		for e, err := range events {
			if err != nil {
				return err
			}
			cast(e.Seq, Drop)
		}
		return fault.New(fault.Internal, "changed its mind")
	})
	nothing := func(event.Seq, Vote) {}
	if err := s.Plan(t.Context(), someChain, downFrom(3), nothing); err == nil || fault.From(err).Reason != "changed its mind" {
		t.Errorf("got %v", err)
	}
	broken := errors.New("the log cannot be read")
	failing := func(yield func(Event, error) bool) { yield(Event{}, broken) }
	if err := s.Plan(t.Context(), someChain, failing, nothing); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// liar is a plugin that replies to the first message with what it likes.
type liar struct {
	compactionpb.UnimplementedCompactionServer
	votes *compactionpb.Votes
}

func (l *liar) Plan(stream planStream) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	if err := stream.Send(&compactionpb.PlanReply{Votes: []*compactionpb.Votes{l.votes}}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

func TestClientRefusesWhatTheContractForbids(t *testing.T) {
	for want, votes := range map[string]*compactionpb.Votes{
		"unknown kind 9":         {Vote: 9, Seqs: []uint64{1}},
		"unknown kind 0":         {Seqs: []uint64{1}},
		"voted on event 3":       {Vote: compactionpb.Vote_VOTE_DROP, Seqs: []uint64{2, 3}},
		"voted on event 1000000": {Vote: compactionpb.Vote_VOTE_DROP, Seqs: []uint64{1000000}},
	} {
		s := connect(t, func(g *grpc.Server) { compactionpb.RegisterCompactionServer(g, &liar{votes: votes}) })
		err := s.Plan(t.Context(), someChain, downFrom(3), func(event.Seq, Vote) {})
		if !fault.Is(err, fault.BadMessage) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}

func TestServerNeedsAChain(t *testing.T) {
	for _, info := range []*compactionpb.ChainInfo{nil, {Name: "../x"}} {
		if _, err := decodeChain(info); err == nil {
			t.Errorf("%v passed", info)
		}
	}
}
