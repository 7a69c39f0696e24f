package wire

import (
	"context"
	"errors"
	"net"

	"github.com/gobwas/ws"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// Dial connects to the server of a chain's URL and sends ClientHello and Open
// without waiting for the answers; [ExpectHello] receives the first.
// ctx bounds the connecting alone.
func Dial(ctx context.Context, u chainname.URL, agent string, create bool) (*Conn, error) {
	nc, err := dialTransport(ctx, u)
	if err != nil {
		return nil, err
	}
	c := stream.NewConn(nc, MaxMessage)
	c.Queue(ClientHello, &wirepb.ClientHello{Version: Version, Agent: agent})
	c.Queue(Open, &wirepb.Open{Name: u.Name.String(), Create: create})
	if err := c.Flush(); err != nil {
		c.Close()
		return nil, fault.New(fault.Unavailable, "greeting %s: %w", u.Host, err)
	}
	return c, nil
}

func dialTransport(ctx context.Context, u chainname.URL) (net.Conn, error) {
	if u.Scheme == "tcp" {
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
		if err != nil {
			return nil, fault.New(fault.Unavailable, "connecting to %s: %w", u.Host, err)
		}
		if _, err := nc.Write([]byte(Preface)); err != nil {
			nc.Close()
			return nil, fault.New(fault.Unavailable, "greeting %s: %w", u.Host, err)
		}
		return nc, nil
	}
	dialer := ws.Dialer{Protocols: []string{Subprotocol}}
	nc, buffered, hs, err := dialer.Dial(ctx, u.String())
	if err != nil {
		var status ws.StatusError
		if errors.As(err, &status) {
			return nil, fault.New(fault.Unavailable, "%s answered with HTTP status %d instead of accepting a WebSocket; is it an AteDB server?", u.Host, int(status))
		}
		return nil, fault.New(fault.Unavailable, "connecting to %s: %w", u.Host, innermost(err))
	}
	if hs.Protocol != Subprotocol {
		nc.Close()
		return nil, fault.New(fault.Unsupported, "%s does not speak the protocol %s", u.Host, Subprotocol)
	}
	var received []byte
	if buffered != nil {
		if received, err = buffered.Peek(buffered.Buffered()); err != nil {
			nc.Close()
			return nil, fault.New(fault.Unavailable, "connecting to %s: %w", u.Host, err)
		}
	}
	return newWebSocket(nc, ws.StateClientSide, received), nil
}

// innermost returns the network's own error, which says what a person wants to
// know without the layers above it.
func innermost(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	return err
}

// ExpectHello receives the server's answer to ClientHello.
func ExpectHello(c *Conn) (*wirepb.ServerHello, error) {
	t, payload, err := c.Receive()
	if err != nil {
		return nil, err
	}
	switch t {
	case Bye:
		var bye wirepb.Bye
		if err := stream.Unmarshal(t, payload, &bye); err != nil {
			return nil, err
		}
		return nil, AsFault(&bye)
	case ServerHello:
		var hello wirepb.ServerHello
		if err := stream.Unmarshal(t, payload, &hello); err != nil {
			return nil, err
		}
		if hello.Version != Version {
			return nil, fault.New(fault.Unsupported, "the server chose protocol version %d; this client speaks %d", hello.Version, Version)
		}
		return &hello, nil
	}
	return nil, fault.New(fault.BadMessage, "the server answered the hello with a message of type %d", t)
}

// AcceptHello receives ClientHello and queues the answer to it.
// A client that cannot be served is a fault; the caller says Bye.
func AcceptHello(c *Conn, agent string) (*wirepb.ClientHello, error) {
	t, payload, err := c.Receive()
	if err != nil {
		return nil, err
	}
	if t != ClientHello {
		return nil, fault.New(fault.BadMessage, "the first message has type %d; it must be ClientHello, type %d", t, ClientHello)
	}
	var hello wirepb.ClientHello
	if err := stream.Unmarshal(t, payload, &hello); err != nil {
		return nil, err
	}
	if hello.Version < Version {
		return nil, fault.New(fault.Unsupported, "the client speaks protocol version %d; this server speaks %d", hello.Version, Version)
	}
	if hello.Encryption != 0 {
		return nil, fault.New(fault.Unsupported, "the client demands %d bit wire encryption, which this server does not offer", hello.Encryption)
	}
	hello.Agent = hello.Agent[:min(len(hello.Agent), MaxAgent)]
	c.Queue(ServerHello, &wirepb.ServerHello{Version: Version, Agent: agent})
	return &hello, nil
}
