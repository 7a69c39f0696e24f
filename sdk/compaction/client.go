package compaction

import (
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/atedb/atedb/sdk/compaction/compactionpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
)

// A message carries events until one of these is reached.
const (
	batchEvents = 1024
	batchBytes  = 256 << 10 // of headers
)

// messagesAtOnce is how many messages are being filled or sent.
const messagesAtOnce = 3

// Client is a strategy in another process.
type Client struct {
	// Patience is how long the plugin may keep a plan waiting, neither taking
	// events nor voting. It must not change while there are plans.
	Patience time.Duration

	rpc compactionpb.CompactionClient
}

// Patience is that of a client which nobody has told otherwise.
const Patience = time.Minute

var (
	_ Strategy  = (*Client)(nil)
	_ Scheduler = (*Client)(nil)
)

// NewClient returns the strategy at the other end of cc.
func NewClient(cc grpc.ClientConnInterface) *Client {
	return &Client{Patience: Patience, rpc: compactionpb.NewCompactionClient(cc)}
}

// MaxPatterns is how many patterns rules may have.
const MaxPatterns = 10_000

// Rules implements Scheduler. Those of a strategy that is none are zero.
func (c *Client) Rules(ctx context.Context) (Rules, error) {
	reply, err := c.rpc.Rules(ctx, &compactionpb.RulesRequest{})
	if status.Code(err) == codes.Unimplemented {
		return Rules{}, nil
	}
	if err != nil {
		return Rules{}, faultrpc.FromStatus(err)
	}
	if len(reply.Chains) > MaxPatterns {
		return Rules{}, lied("gives rules for %d patterns of chains; at most %d are allowed", len(reply.Chains), MaxPatterns)
	}
	rules := Rules{Trigger: contractTrigger(reply.Trigger)}
	for _, chain := range reply.Chains {
		rules.Chains = append(rules.Chains, ChainTrigger{chain.Pattern, contractTrigger(chain.Trigger)})
	}
	return rules, nil
}

func contractTrigger(pb *compactionpb.Trigger) Trigger {
	t := Trigger{
		Factor: pb.GetFactor(), Size: pb.GetSize(), Modified: pb.GetModified(),
		Timer: time.Duration(min(pb.GetTimer(), maxTimer)) * time.Millisecond,
	}
	if !(t.Factor >= 0) { // also no number
		t.Factor = 0
	}
	return t
}

// maxTimer is the longest timer, in milliseconds.
const maxTimer = uint64(math.MaxInt64 / time.Millisecond)

// Plan implements Strategy. It calls cast on the caller's goroutine, holds a few
// messages of events at a time, answers a vote that the contract does not allow
// with code bad_message, and a plugin that lost its patience with unavailable.
func (c *Client) Plan(ctx context.Context, chain Chain, newestFirst iter.Seq2[Event, error], cast func(event.Seq, Vote)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.Plan(ctx)
	if err != nil {
		return faultrpc.FromStatus(err)
	}
	p := &planClient{
		ctx: ctx, stream: stream, cast: cast, patience: c.Patience, messages: make(chan *message), idle: make(chan *message, messagesAtOnce),
		replies: make(chan *compactionpb.PlanReply), ended: make(chan error, 1),
	}
	go p.send()
	go p.receive()
	return p.run(chain, newestFirst)
}

// planClient is one plan under way. A goroutine sends, another receives, so
// that neither end of the stream waits for the other; the caller's does all
// the rest. Both end with ctx.
type planClient struct {
	ctx      context.Context
	stream   grpc.BidiStreamingClient[compactionpb.PlanRequest, compactionpb.PlanReply]
	cast     func(event.Seq, Vote)
	patience time.Duration
	messages chan *message
	idle     chan *message // nobody uses them
	replies  chan *compactionpb.PlanReply
	ended    chan error // one value: how the plugin ended the plan

	shown          uint64    // events
	newest, oldest event.Seq // of the events shown
	votes          uint64    // cast; a reply without any counts as one
}

// Bounds of the votes. A plugin that never stops voting is as bad as one that
// never starts.
const (
	votesPerEvent = 16
	spareVotes    = 1024
)

// errPlanned stops the events because the plugin wants no more of them.
var errPlanned = errors.New("the plan is complete")

func (p *planClient) send() {
	for {
		select {
		case m, more := <-p.messages:
			if !more {
				// An error shows where the replies are received.
				_ = p.stream.CloseSend()
				return
			}
			if p.stream.Send(&m.request) != nil {
				return
			}
			p.idle <- m
		case <-p.ctx.Done():
			return
		}
	}
}

func (p *planClient) receive() {
	for {
		reply, err := p.stream.Recv()
		if err != nil {
			p.ended <- err
			return
		}
		select {
		case p.replies <- reply:
		case <-p.ctx.Done():
			p.ended <- status.FromContextError(p.ctx.Err()).Err()
			return
		}
	}
}

// run shows the events and takes the votes until the plugin ends the plan.
func (p *planClient) run(chain Chain, newestFirst iter.Seq2[Event, error]) error {
	err := p.showAll(chain, newestFirst)
	close(p.messages)
	for err == nil {
		select {
		case reply := <-p.replies:
			err = p.take(reply)
		case end := <-p.ended:
			err = planEnd(end)
		case <-time.After(p.patience):
			err = p.waited()
		}
	}
	if errors.Is(err, errPlanned) {
		return nil
	}
	return err
}

func (p *planClient) showAll(chain Chain, newestFirst iter.Seq2[Event, error]) error {
	for range cap(p.idle) {
		p.idle <- &message{events: make([]compactionpb.Event, batchEvents)}
	}
	m := <-p.idle
	m.request.Chain = &compactionpb.ChainInfo{
		Name: chain.Name.String(), Events: chain.Events, Bytes: chain.Bytes, Now: chain.Now.UnixMicro(),
	}
	for e, err := range newestFirst {
		if err == nil {
			err = m.add(&e)
		}
		if err != nil {
			return err
		}
		if len(m.request.Events) < batchEvents && len(m.headers) < batchBytes {
			continue
		}
		if err := p.show(m); err != nil {
			return err
		}
		if m, err = p.message(); err != nil {
			return err
		}
	}
	return p.show(m)
}

// message is a message of events, whose memory serves for others when it has
// been sent.
type message struct {
	request compactionpb.PlanRequest
	events  []compactionpb.Event
	headers []byte
}

// add adds an event.
func (m *message) add(e *Event) error {
	header := e.Encoded // encoded anew it might be longer, and too long
	if header == nil {
		var err error
		anew := e.Header // or else every event would be on the heap
		if header, err = anew.Encode(); err != nil {
			return err
		}
	}
	begin := len(m.headers)
	m.headers = append(m.headers, header...)
	pb := &m.events[len(m.request.Events)]
	pb.Seq, pb.Time, pb.DataSize, pb.Header = uint64(e.Seq), e.Time.UnixMicro(), uint32(e.DataSize), m.headers[begin:]
	m.request.Events = append(m.request.Events, pb)
	return nil
}

// message waits for a message to fill.
func (p *planClient) message() (*message, error) {
	for {
		select {
		case m := <-p.idle:
			m.request.Chain, m.request.Events, m.headers = nil, m.request.Events[:0], m.headers[:0]
			return m, nil
		case reply := <-p.replies:
			if err := p.take(reply); err != nil {
				return nil, err
			}
		case end := <-p.ended:
			return nil, planEnd(end)
		}
	}
}

// show sends a message, and meanwhile takes the votes that come.
func (p *planClient) show(m *message) error {
	if events := m.request.Events; len(events) > 0 {
		if p.shown == 0 {
			p.newest = event.Seq(events[0].Seq)
		}
		p.oldest = event.Seq(events[len(events)-1].Seq)
		p.shown += uint64(len(events))
	}
	for {
		select {
		case p.messages <- m:
			return nil
		case reply := <-p.replies:
			if err := p.take(reply); err != nil {
				return err
			}
		case end := <-p.ended:
			return planEnd(end)
		case <-time.After(p.patience):
			return p.waited()
		}
	}
}

func (p *planClient) waited() error {
	return fault.New(fault.Unavailable, "the compaction plugin has neither taken events nor voted for %s, so its plan is given up", p.patience)
}

// planEnd returns what the end of the stream says of the plan.
func planEnd(end error) error {
	if errors.Is(end, io.EOF) {
		return errPlanned
	}
	return faultrpc.FromStatus(end)
}

func (p *planClient) take(reply *compactionpb.PlanReply) error {
	p.votes++
	for _, v := range reply.Votes {
		p.votes += uint64(len(v.Seqs))
	}
	if p.votes > votesPerEvent*p.shown+spareVotes {
		return lied("goes on voting: %d votes on %d events", p.votes, p.shown)
	}
	for _, v := range reply.Votes {
		vote, ok := contractVote(v.Vote)
		if !ok {
			return lied("cast a vote of the unknown kind %d", v.Vote)
		}
		for _, n := range v.Seqs {
			seq := event.Seq(n)
			if p.shown == 0 || seq > p.newest || seq < p.oldest {
				return lied("voted on event %d, which it was not shown", seq)
			}
			p.cast(seq, vote)
		}
	}
	return nil
}

func contractVote(pb compactionpb.Vote) (Vote, bool) {
	for vote, same := range votes {
		if same == pb {
			return vote, true
		}
	}
	return Silent, false
}

func lied(format string, args ...any) error {
	return fault.New(fault.BadMessage, "the compaction plugin breaks its contract: it "+format, args...)
}
