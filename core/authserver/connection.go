package authserver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/atedb/atedb/core/farewell"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
)

var errStopping = fault.New(fault.ShuttingDown, "the authentication server is stopping; connect again in a while")

// handle serves one connection until it ends, on one goroutine. Some time after
// ctx ended it is cut off: a client that takes no answers holds up no stop.
func (s *service) handle(ctx context.Context, nc net.Conn, o wire.AcceptOptions) {
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(cutOffAfter, func() { nc.Close() }) })
	defer stop()
	o.Deadline = time.Now().Add(greetTimeout)
	from := addressOf(nc)
	conn, greeting, err := wire.Accept(nc, o)
	if err == nil {
		c := &caller{service: s, binding: greeting.Binding, from: from, idle: idleTimeout}
		s.log.Debug("connection begins", "from", from, "agent", greeting.Agent, "wire_encryption", greeting.Server.Encryption)
		err = c.serve(ctx, conn)
	}
	if !stream.IsClosed(err) && !fault.Is(err, fault.ShuttingDown) {
		s.log.Info("connection ended", "from", from, "error", err)
	}
	farewell.Refuse(conn, err)
}

func addressOf(nc net.Conn) netip.Addr {
	if tcp, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// serve answers requests until the client goes away, breaks the protocol or says
// nothing for too long, or ctx ends. It returns what ended it.
func (c *caller) serve(ctx context.Context, conn *wire.Conn) error {
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		limit := maxStranger
		if c.as.user != "" {
			limit = maxMessage
		}
		conn.SetLimit(limit)
		conn.SetReadDeadline(time.Now().Add(c.idle))
		if ctx.Err() != nil {
			return errStopping
		}
		request, err := receive(conn)
		switch {
		case err != nil && ctx.Err() != nil:
			return errStopping
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fault.New(fault.Unavailable, "this connection was idle for %s; connect again", c.idle)
		case err != nil:
			return err
		}
		if err := conn.Send(wire.AuthReply, c.reply(ctx, request)); err != nil {
			return err
		}
		if c.failures > maxFailures {
			return fault.New(fault.LoginFailed, "this connection has tried %d logins and tokens that were not good", c.failures)
		}
	}
}

func receive(conn *wire.Conn) (*pb.Request, error) {
	t, payload, err := conn.Receive()
	if err != nil {
		return nil, err
	}
	if t != wire.AuthRequest {
		return nil, fault.New(fault.BadMessage, "a message has type %d; an authentication server takes requests alone, type %d", t, wire.AuthRequest)
	}
	request := new(pb.Request)
	return request, stream.Unmarshal(t, payload, request)
}
