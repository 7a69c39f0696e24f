package authserver

import (
	"context"
	"fmt"

	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// call is an unanswered request.
type call struct {
	id     uint64
	answer chan answer // takes one without blocking
}

type answer struct {
	reply *authserverpb.Reply
	err   error
}

// ask asks the server and returns what it answers. A refusal is a fault.
func (c *Client) ask(ctx context.Context, request *authserverpb.Request) (*authserverpb.Reply, error) {
	call, err := c.queue(request)
	if err != nil {
		return nil, err
	}
	select {
	case c.kick <- struct{}{}:
	default:
	}
	if c.patience > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, c.patience, fmt.Errorf("waited for %s", c.patience))
		defer stop()
	}
	select {
	case a := <-call.answer:
		if a.err != nil {
			return nil, a.err
		}
		return a.reply, refusal(a.reply)
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "%s has not answered: %w", c.url.Host, context.Cause(ctx))
	}
}

func (c *Client) queue(request *authserverpb.Request) (*call, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	if len(c.calls) >= MaxUnanswered {
		return nil, fault.New(fault.Overloaded, "%s has not answered %d requests; wait for its answers", c.url.Host, len(c.calls))
	}
	c.lastID++
	request.Id = c.lastID
	if size := request.SizeVT(); size >= MaxMessage {
		return nil, fault.New(fault.TooLarge, "a request to the authentication server has %d bytes; at most %d are allowed", size, MaxMessage)
	}
	call := &call{id: request.Id, answer: make(chan answer, 1)}
	c.calls = append(c.calls, call)
	c.conn.Queue(wire.AuthRequest, request)
	return call, nil
}

// refusal returns what a reply refuses as an error.
func refusal(reply *authserverpb.Reply) error {
	if reply.Code == "" {
		return nil
	}
	reason := reply.Reason[:min(len(reply.Reason), MaxReason)]
	if reply.RetryAfterSeconds > 0 {
		return fault.New(fault.Code(reply.Code), "%s; try again in %d seconds", reason, reply.RetryAfterSeconds)
	}
	return fault.New(fault.Code(reply.Code), "%s", reason)
}

// receive hands answers to who asked, until the connection ends.
func (c *Client) receive() {
	for {
		t, payload, err := c.conn.Receive()
		if err == nil {
			err = c.expect.Proven() // a message could be opened
		}
		if err == nil {
			err = c.handle(t, payload)
		}
		if err != nil {
			if stream.IsClosed(err) {
				err = fault.New(fault.Unavailable, "%s ended the connection: %w", c.url.Host, err)
			}
			c.end(err)
			return
		}
	}
}

func (c *Client) handle(t wire.Type, payload []byte) error {
	switch t {
	case wire.AuthReply:
		reply := new(authserverpb.Reply)
		if err := stream.Unmarshal(t, payload, reply); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.calls) == 0 || c.calls[0].id != reply.Id {
			return fault.New(fault.BadMessage, "%s answered the request %d, which was not the next one; it breaks the protocol", c.url.Host, reply.Id)
		}
		c.calls[0].answer <- answer{reply: reply}
		c.calls = c.calls[1:]
		return nil
	case wire.Bye:
		var bye wirepb.Bye
		if err := stream.Unmarshal(t, payload, &bye); err != nil {
			return err
		}
		return wire.AsFault(&bye)
	case wire.Notice:
		return nil // there is nobody to read it
	}
	return fault.New(fault.BadMessage, "%s sent a message of type %d, which an authentication server does not", c.url.Host, t)
}

// write writes what is asked.
func (c *Client) write() {
	for {
		select {
		case <-c.kick:
			if err := c.conn.Flush(); err != nil {
				c.conn.Close() // which tells receive
				return
			}
		case <-c.ended:
			return
		}
	}
}
