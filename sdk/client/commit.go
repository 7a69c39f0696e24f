package client

import (
	"context"
	"crypto/rand"
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// flushInline is how many bytes may wait to be written before a Submit writes
// them itself instead of leaving it to the write goroutine.
const flushInline = 128 << 10

// Event is something to commit.
type Event struct {
	Header event.Header
	// RawHeader, if set, is sent as it is in the place of Header: an event
	// that was read can be written again with fields that this release does
	// not know.
	RawHeader []byte
	Data      []byte // at most event.MaxData bytes
}

// Batch is events to be stored together or not at all.
type Batch struct {
	Events   []Event // 1 to event.MaxBatchEvents
	Expected []Expected
}

// Expected makes a commit conditional: it is refused with version_conflict
// unless Seq is that of the newest event of the object, or, if Absent, there
// is no such object.
type Expected struct {
	Key    []byte
	Seq    event.Seq
	Absent bool
}

// Receipt says where a commit stands in the chain. It is the server's word, which
// reading the chain checks in distributed trust.
type Receipt struct {
	First event.Seq // of its first event; the others follow without a gap
	Next  event.Seq // the chain's size after it
}

// Pending is a commit on its way.
type Pending struct {
	done    chan struct{}
	receipt Receipt // once done
	err     error   // once done

	id       event.CommitID
	count    int
	frames   []byte // kept for sending again, as is evidence
	evidence []byte
	expected []*wirepb.Expected
	sent     bool      // guarded by Client.mu
	from     event.Seq // what was known of the chain when it was first sent

	introduced []byte // the public key that its first event introduces
}

// Commit stores events together, and returns once they are durable. If ctx
// ends first, they may be stored nevertheless.
func (c *Client) Commit(ctx context.Context, events ...Event) (Receipt, error) {
	return c.Submit(ctx, Batch{Events: events}).Wait(ctx)
}

// Submit sends a batch and returns without waiting for the answer. It blocks
// only while the server's limit on unanswered commits is reached; ctx bounds
// that wait. Batches submitted one after the other are stored in that order.
// The batch may be used again once Submit has returned. Whatever goes wrong is
// the Pending's error.
//
// In a chain of distributed trust, the batch is sealed. A seal builds on the
// newest head that is known: where that was heard of more than three KeepAlives
// ago, Submit asks for the present one and waits for it. A commit that is sent
// again keeps its seal, since the server could store both copies of one that was
// sealed anew. Should it find the seal too old by then, which takes tens of
// thousands of new writers, the error is expired, and committing again is for
// the application to decide.
func (c *Client) Submit(ctx context.Context, b Batch) *Pending {
	p := &Pending{done: make(chan struct{})}
	if c.introduces() {
		p.introduced = c.options.Signer.Public().Bytes()
	}
	if err := p.encode(b); err != nil {
		return p.resolve(Receipt{}, err)
	}
	seals := c.seals()
	if seals {
		if err := c.refreshOld(ctx); err != nil {
			return p.resolve(Receipt{}, err)
		}
	}
	c.mu.Lock()
	err := c.admit(ctx, len(p.frames))
	if err == nil && seals {
		c.mu.Unlock()
		c.sealer.mu.Lock()
		defer c.sealer.mu.Unlock()
		err = c.seal(p)
		c.mu.Lock()
		if err == nil {
			err = c.err
		}
		if err != nil {
			c.window.release(len(p.frames))
		}
	}
	if err != nil {
		c.mu.Unlock()
		return p.resolve(Receipt{}, err)
	}
	c.window.unanswered = append(c.window.unanswered, p)
	lone := len(c.window.unanswered) == 1
	conn, queued := c.conn, 0
	if conn != nil {
		queued = c.queueCommit(conn, p)
	}
	c.mu.Unlock()
	switch {
	case conn == nil: // resume sends it
	case lone || queued >= flushInline:
		flush(conn)
	default:
		c.flushSoon()
	}
	return p
}

// admit waits until a commit of that size may be sent. The caller holds mu,
// and holds it again afterwards.
func (c *Client) admit(ctx context.Context, size int) error {
	if c.err != nil {
		return c.err
	}
	if c.window.take(size) {
		return nil
	}
	w := c.window.wait(size)
	c.mu.Unlock()
	var err error
	select {
	case <-w.ready:
	case <-c.ended:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	c.mu.Lock()
	if c.err != nil {
		return c.err
	}
	if err != nil {
		c.window.abandon(w)
	}
	return err
}

// queueCommit queues p on conn and returns how many bytes wait there. The
// caller holds mu.
func (c *Client) queueCommit(conn *wire.Conn, p *Pending) int {
	m := &c.commit
	m.Id, m.Count, m.Frames, m.Evidence, m.Expected, m.ResentFrom = p.id[:], uint32(p.count), p.frames, p.evidence, p.expected, nil
	if p.sent {
		from := uint64(p.from)
		m.ResentFrom = &from
	} else {
		p.sent, p.from = true, c.chain.Next
	}
	return conn.Queue(wire.Commit, m)
}

// Done is closed when the answer is there.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Wait waits for the answer. An error is what the server refused the commit
// with, or why it could not be asked; if ctx ends first, the commit may be
// stored nevertheless.
func (p *Pending) Wait(ctx context.Context) (Receipt, error) {
	select {
	case <-p.done:
		return p.receipt, p.err
	default:
	}
	select {
	case <-p.done:
		return p.receipt, p.err
	case <-ctx.Done():
		return Receipt{}, context.Cause(ctx)
	}
}

func (p *Pending) resolve(r Receipt, err error) *Pending {
	p.receipt, p.err = r, err
	p.frames, p.evidence, p.expected = nil, nil, nil
	close(p.done)
	return p
}

// encode checks the batch and gives p its bytes.
func (p *Pending) encode(b Batch) error {
	if len(b.Events) == 0 || len(b.Events) > event.MaxBatchEvents {
		return fault.New(fault.BadRequest, "a commit has %d events; 1 to %d are allowed", len(b.Events), event.MaxBatchEvents)
	}
	if len(b.Expected) > wire.MaxExpected {
		return fault.New(fault.TooLarge, "a commit expects %d versions; at most %d are allowed", len(b.Expected), wire.MaxExpected)
	}
	header, size := []byte(nil), 0
	for i := range b.Events {
		size += len(b.Events[i].Data)
	}
	for i := range b.Events {
		e := &b.Events[i]
		if len(e.Data) > event.MaxData {
			return fault.New(fault.TooLarge, "the data of event %d is %d bytes long; at most %d are allowed", i, len(e.Data), event.MaxData)
		}
		if header = e.RawHeader; header == nil {
			var err error
			if header, err = e.Header.Encode(); err != nil {
				return err
			}
		}
		if i == 0 && p.introduced != nil {
			header = introducing(header, p.introduced)
		}
		if i == 0 && size <= event.MaxBatch {
			p.frames = make([]byte, 0, size+len(b.Events)*(event.FrameHeader+len(header)))
		}
		p.frames = event.AppendFrame(p.frames, header, e.Data)
		if len(p.frames) > event.MaxBatch-event.BatchHeader {
			return fault.New(fault.TooLarge, "a commit's events take more than %d bytes; split it", event.MaxBatch-event.BatchHeader)
		}
	}
	for _, e := range b.Expected {
		m := &wirepb.Expected{Key: e.Key}
		if !e.Absent {
			seq := uint64(e.Seq)
			m.Seq = &seq
		}
		p.expected = append(p.expected, m)
	}
	p.count = len(b.Events)
	rand.Read(p.id[:])
	return nil
}

// introducing returns an encoded header that introduces one key more. Fields
// that are repeated may stand anywhere in a message.
func introducing(header, key []byte) []byte {
	field := &eventpb.Header{Keys: [][]byte{key}}
	raw, err := field.MarshalVT()
	if err != nil {
		panic(err) // it has no strings, which alone can be malformed
	}
	return append(slices.Clip(header), raw...)
}

// committed and rejected answer the oldest unanswered commit.

func (c *Client) committed(m *wirepb.Committed) error {
	size := c.Head().Size
	if m.Head != nil { // else the one before holds the commit
		size = m.Head.Size
	}
	if size < m.Next {
		return fault.New(fault.BadMessage, "the server stored a commit up to seq %d, and told of no head that holds it", m.Next)
	}
	if err := c.heard(m.Head); err != nil {
		return err
	}
	return c.answered(Receipt{First: event.Seq(m.First), Next: event.Seq(m.Next)}, nil)
}

func (c *Client) rejected(m *wirepb.Rejected) error {
	err := refusal(m.Code, m.Reason)
	if err == nil {
		err = fault.New(fault.Internal, "the server refused the commit without a code: %s", m.Reason)
	}
	return c.answered(Receipt{}, err)
}

func (c *Client) answered(r Receipt, refused error) error {
	c.mu.Lock()
	p := c.window.oldest()
	if p == nil || refused == nil && (r.Next != r.First+event.Seq(p.count)) {
		c.mu.Unlock()
		return fault.New(fault.BadMessage, "the server's answer to a commit (first %d, next %d) fits none that was sent", r.First, r.Next)
	}
	c.window.pop(len(p.frames))
	c.advance(r.Next)
	if p.introduced != nil && refused == nil {
		c.sealer.introduced = true
	}
	c.mu.Unlock()
	p.resolve(r, refused)
	return nil
}
