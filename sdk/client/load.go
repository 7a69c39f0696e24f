package client

import (
	"bytes"
	"context"
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// call is a question that carries an id. It is asked again on a new connection.
type call struct {
	kind     wire.Type
	question stream.Message
	answer   chan answer // takes one
}

// questions is what each answer with an id answers.
var questions = map[wire.Type]wire.Type{
	wire.Loaded: wire.Load, wire.LockResult: wire.Lock, wire.Pong: wire.Ping, wire.LeafHashes: wire.Leaves,
	wire.Proof: wire.GetProof, wire.Checkpoint: wire.GetCheckpoint, wire.AuthorityOf: wire.GetAuthority,
	wire.Erased: wire.Erase,
}

type answer struct {
	reply any // the message, of the type that answers the question's
	err   error
}

// ask sends the question that makes returns for an id and waits for the answer.
func (c *Client) ask(ctx context.Context, kind wire.Type, makes func(id uint64) stream.Message) (answer, error) {
	call := &call{kind: kind, answer: make(chan answer, 1)}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return answer{}, c.err
	}
	c.lastID++
	id := c.lastID
	call.question = makes(id)
	c.calls[id] = call
	conn := c.conn
	if conn != nil {
		conn.Queue(kind, call.question)
	}
	c.mu.Unlock()
	if conn != nil {
		flush(conn)
	}
	select {
	case a := <-call.answer:
		return a, a.err
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.calls, id)
		c.mu.Unlock()
		return answer{}, context.Cause(ctx)
	}
}

// answer ends the call with that id, unless its asker has gone. An answer to
// another question than was asked is a fault.
func (c *Client) answer(id uint64, t wire.Type, a answer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	call := c.calls[id]
	switch {
	case call == nil:
		return nil
	case call.kind != questions[t]:
		return fault.New(fault.BadMessage, "the server answered question %d, of type %d, with a message of type %d", id, call.kind, t)
	}
	delete(c.calls, id)
	call.answer <- a
	return nil
}

// Get returns the newest event of an object: its value. If the object does not
// exist, that is not_found.
func (c *Client) Get(ctx context.Context, key []byte) (StoredEvent, error) {
	found, err := c.LoadKeys(ctx, key)
	if err != nil {
		return StoredEvent{}, err
	}
	if len(found) == 0 {
		return StoredEvent{}, fault.New(fault.NotFound, "the chain %s has no object %q", c.url.Name, key)
	}
	return found[0], nil
}

// LoadSeqs returns the events with these seqs, in the order asked for. Those
// that do not exist, or not any more, are left out. In a chain of distributed
// trust the events are verified; that one is not there any more is the server's
// word.
func (c *Client) LoadSeqs(ctx context.Context, seqs ...event.Seq) ([]StoredEvent, error) {
	events, err := load(ctx, c, seqs, func(id uint64, part []event.Seq) stream.Message {
		m := &wirepb.Load{Id: id, Seqs: make([]uint64, len(part))}
		for i, seq := range part {
			m.Seqs[i] = uint64(seq)
		}
		return m
	}, func(e *StoredEvent, seq event.Seq) bool { return e.Seq == seq })
	if err != nil {
		return nil, err
	}
	return c.verified(ctx, events)
}

// LoadKeys returns the newest event of each of these objects, in the order
// asked for. Objects that do not exist are left out.
//
// In a chain of distributed trust the events are verified, and so is that they
// are the newest of all that the server had told of when LoadKeys was called.
func (c *Client) LoadKeys(ctx context.Context, keys ...[]byte) ([]StoredEvent, error) {
	a, err := c.audited(ctx)
	if err != nil {
		return nil, err
	}
	if a != nil {
		return c.loadNewest(ctx, a, keys)
	}
	return c.loadKeys(ctx, keys)
}

func (c *Client) loadKeys(ctx context.Context, keys [][]byte) ([]StoredEvent, error) {
	events, err := load(ctx, c, keys, func(id uint64, part [][]byte) stream.Message {
		return &wirepb.Load{Id: id, Keys: part}
	}, func(e *StoredEvent, key []byte) bool { return bytes.Equal(e.Header.Key, key) && !e.Header.Tombstone })
	// Only data of an object that has ended is erased.
	return slices.DeleteFunc(events, func(e StoredEvent) bool { return e.Omitted }), err
}

// load asks for wanted in parts that the protocol allows.
func load[T any](ctx context.Context, c *Client, wanted []T, makes func(uint64, []T) stream.Message, matches func(*StoredEvent, T) bool) ([]StoredEvent, error) {
	var all []StoredEvent
	for size := wire.MaxLoad; len(wanted) > 0; {
		part := wanted[:min(size, len(wanted))]
		a, err := c.ask(ctx, wire.Load, func(id uint64) stream.Message { return makes(id, part) })
		if fault.Is(err, fault.TooLarge) && len(part) > 1 {
			size = len(part) / 2
			continue
		}
		if err == nil {
			all, err = appendLoaded(c, all, a.reply.(*wirepb.Loaded).Records, part, matches)
		}
		if err != nil {
			return nil, err
		}
		wanted = wanted[len(part):]
	}
	return all, nil
}

// appendLoaded decodes records and checks that they are what was asked for, in
// that order.
func appendLoaded[T any](c *Client, all []StoredEvent, records []byte, asked []T, matches func(*StoredEvent, T) bool) ([]StoredEvent, error) {
	cursor := cursor{records: records}
	for {
		seq, frame, ok, err := cursor.next()
		if err != nil || !ok {
			return all, err
		}
		e, err := c.decode(&cursor.batch, seq, frame)
		if err != nil {
			return nil, err
		}
		for len(asked) > 0 && !matches(&e, asked[0]) {
			asked = asked[1:]
		}
		if len(asked) == 0 {
			return nil, fault.New(fault.BadMessage, "the server sent event %d, which was not asked for", seq)
		}
		asked = asked[1:]
		all = append(all, e)
	}
}
