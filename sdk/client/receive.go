package client

import (
	"errors"
	"io"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// serve receives until the connection ends and says why it did, and whether
// the server had answered anything. What the server says in a Bye keeps its
// code; anything else is unavailable, also when the server broke the protocol:
// connecting again may help.
func (c *Client) serve(conn *wire.Conn) (progress bool, err error) {
	defer c.detach(conn)
	for {
		t, payload, err := conn.Receive()
		if err == nil {
			err = c.handle(conn, t, payload)
		}
		if err != nil {
			var bye byeError
			if errors.As(err, &bye) {
				return progress, bye.fault
			}
			if fault.Is(err, fault.Forked) {
				return progress, err
			}
			if err == io.EOF {
				err = errors.New("the server closed it")
			}
			return progress, fault.New(fault.Unavailable, "the connection to %s was lost: %w", c.url.Host, err)
		}
		progress = true
		c.received.Add(1)
	}
}

// detach gives a connection up, and the locks with it.
func (c *Client) detach(conn *wire.Conn) {
	conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == conn {
		c.conn = nil
		c.loseLocks()
	}
}

// byeError is the server's Bye, as opposed to a fault that the client found.
type byeError struct{ fault *fault.Error }

func (e byeError) Error() string { return e.fault.Error() }
func (e byeError) Unwrap() error { return e.fault }

// handle acts on one message from conn. An error ends the connection.
func (c *Client) handle(conn *wire.Conn, t wire.Type, payload []byte) error {
	switch t {
	case wire.Committed:
		var m wirepb.Committed
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		return c.committed(&m)
	case wire.Rejected:
		var m wirepb.Rejected
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		return c.rejected(&m)
	case wire.Events:
		var m wirepb.Events
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		return c.deliver(conn, delivery{records: m.Records})
	case wire.CaughtUp:
		var m wirepb.CaughtUp
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		if err := c.heard(m.Head); err != nil {
			return err
		}
		return c.deliver(conn, delivery{caughtUp: true, next: event.Seq(m.Next)})
	case wire.Compacted:
		m := new(wirepb.Compacted)
		if err := stream.Unmarshal(t, payload, m); err != nil {
			return err
		}
		return c.deliver(conn, delivery{compacted: m})
	case wire.Loaded:
		return answered(c, t, payload, new(wirepb.Loaded))
	case wire.LockResult:
		var m wirepb.LockResult
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		return c.lockAnswered(&m)
	case wire.Pong:
		var m wirepb.Pong
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		if err := c.heard(m.Head); err != nil {
			return err
		}
		return c.answer(m.Id, t, answer{})
	case wire.Proven:
		return c.proofAnswered(payload)
	default:
		return c.answerProof(t, payload)
	}
}

// heard takes note of a head that the server has told of.
func (c *Client) heard(head *wirepb.Head) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told(head)
}

// control acts on the messages that may come at any time.
func (c *Client) control(t wire.Type, payload []byte) error {
	switch t {
	case wire.Notice:
		var m wirepb.Notice
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		c.options.Logger.Info("notice from the server", "chain", c.url.Name, "text", m.Text)
		return nil
	case wire.Redirect:
		var m wirepb.Redirect
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		return c.redirect(m.Url)
	case wire.Bye:
		var m wirepb.Bye
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		return byeError{wire.AsFault(&m)}
	}
	return fault.New(fault.BadMessage, "the server sent a message of type %d, which is not expected here", t)
}

// redirect sends the next attempt to connect elsewhere. Its error ends the
// connection at once: the Bye that follows says no more.
func (c *Client) redirect(url string) error {
	u, err := chainname.ParseURL(url)
	if err != nil {
		return err
	}
	if u.Name != c.url.Name {
		return fault.New(fault.BadMessage, "the server sent the client from chain %s to another one, %s", c.url.Name, u.Name)
	}
	c.target = u
	return fault.New(fault.Unavailable, "the chain %s is served at %s", u.Name, u.Host)
}

// refusal returns an answer's code and reason as an error, nil without code.
func refusal(code, reason string) error {
	if code == "" {
		return nil
	}
	return fault.New(fault.Code(code), "%s", reason)
}
