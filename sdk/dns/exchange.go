package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	wire "github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/fault"
)

// exchange asks the servers for the records of a canonical name, in turn and
// each as often as it may, and returns the first answer that says what is there
// (NOERROR) or that nothing is (NXDOMAIN).
func (r *Resolver) exchange(ctx context.Context, name string, qtype uint16) (*wire.Msg, error) {
	servers, err := r.servers()
	if err != nil {
		return nil, err
	}
	for i := range tries * len(servers) {
		var answer *wire.Msg
		server := servers[i%len(servers)]
		if answer, err = r.ask(ctx, server, r.query(name, qtype)); err == nil {
			return answer, nil
		}
		err = fmt.Errorf("DNS server %s %w", server, err)
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", err, ctx.Err())
			break
		}
	}
	return nil, fault.New(fault.Unavailable, "the %s record of %s cannot be looked up: %w", wire.TypeToString[qtype], name, err)
}

// query returns a new question with an id of its own.
func (r *Resolver) query(name string, qtype uint16) *wire.Msg {
	m := new(wire.Msg)
	m.SetQuestion(name, qtype)
	m.SetEdns0(maxUDP, r.validator != nil)
	m.CheckingDisabled = r.validator != nil
	return m
}

// The errors of ask go on from "DNS server 127.0.0.1:53".
var (
	errCut     = errors.New("cut its answer off even over TCP")
	errTooLong = fmt.Errorf("sent an answer of more than %d bytes", maxTCP)
	errOther   = errors.New("answered another question than it was asked")
	errBroken  = errors.New("sent an answer that is not valid DNS")
)

// ask puts the query to one server, over UDP and, if the answer is too long for
// that, over TCP.
func (r *Resolver) ask(ctx context.Context, server netip.AddrPort, query *wire.Msg) (*wire.Msg, error) {
	answer, err := r.over(ctx, "udp", server, query, receiveDatagram)
	if err == nil && answer.Truncated {
		answer, err = r.over(ctx, "tcp", server, query, receiveFramed)
		if err == nil && answer.Truncated {
			err = errCut
		}
	}
	if err != nil {
		return nil, err
	}
	switch answer.Rcode {
	case wire.RcodeSuccess, wire.RcodeNameError:
		return answer, nil
	}
	code, ok := wire.RcodeToString[answer.Rcode]
	if !ok {
		code = fmt.Sprintf("code %d", answer.Rcode)
	}
	return nil, fmt.Errorf("answered %s", code)
}

// over sends the query over a connection of its own and receives the answer,
// for as long as one try may last.
func (r *Resolver) over(ctx context.Context, network string, server netip.AddrPort, query *wire.Msg, receive func(net.Conn, *wire.Msg) (*wire.Msg, error)) (*wire.Msg, error) {
	tryCtx, cancel := context.WithTimeout(ctx, r.tryTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(tryCtx, network, server.String())
	if err != nil {
		return nil, fmt.Errorf("is not reached: %w", err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(tryCtx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	message, err := query.Pack()
	if err != nil {
		return nil, fmt.Errorf("is not asked: %w", err)
	}
	if network == "tcp" {
		message = append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
	}
	if _, err = conn.Write(message); err != nil {
		return nil, fmt.Errorf("is not reached: %w", err)
	}
	answer, err := receive(conn, query)
	if err != nil && tryCtx.Err() != nil {
		return nil, fmt.Errorf("gave no answer to it within %v over %s", r.tryTime, network)
	}
	return answer, err
}

// receiveDatagram waits for the datagram that answers the query. Others are
// dropped: anybody can send them. One that is longer than it may be counts as
// cut off.
func receiveDatagram(conn net.Conn, query *wire.Msg) (*wire.Msg, error) {
	buffer := make([]byte, maxUDP+1)
	for range maxDropped {
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, fmt.Errorf("is not reached: %w", err)
		}
		answer := new(wire.Msg)
		if n > maxUDP && binary.BigEndian.Uint16(buffer) == query.Id {
			answer.Truncated = true
			return answer, nil
		}
		if answer.Unpack(buffer[:n]) == nil && answers(answer, query) {
			return answer, nil
		}
	}
	return nil, errOther
}

// receiveFramed reads the one answer that a TCP connection brings.
func receiveFramed(conn net.Conn, query *wire.Msg) (*wire.Msg, error) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, fmt.Errorf("closed the connection without an answer: %w", err)
	}
	n := binary.BigEndian.Uint16(size[:])
	if n > maxTCP {
		return nil, errTooLong
	}
	message := make([]byte, n)
	if _, err := io.ReadFull(conn, message); err != nil {
		return nil, fmt.Errorf("closed the connection within its answer: %w", err)
	}
	answer := new(wire.Msg)
	if answer.Unpack(message) != nil {
		return nil, errBroken
	}
	if !answers(answer, query) {
		return nil, errOther
	}
	return answer, nil
}

// answers reports whether m is an answer to just this query.
func answers(m, query *wire.Msg) bool {
	if !m.Response || m.Id != query.Id || m.Opcode != wire.OpcodeQuery || len(m.Question) != 1 {
		return false
	}
	q, asked := m.Question[0], query.Question[0]
	return q.Qtype == asked.Qtype && q.Qclass == asked.Qclass && wire.CanonicalName(q.Name) == asked.Name
}
