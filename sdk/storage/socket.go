package storage

import (
	"context"
	"net"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage/storagepb"
	"github.com/atedb/atedb/sdk/stream"
)

// The types of messages on a data socket. Requests on one connection are
// answered in order; a connection carries either appends or reads.
const (
	typeAppend      stream.Type = 1
	typeAppendReply stream.Type = 2
	typeRead        stream.Type = 3
	typeReadReply   stream.Type = 4
)

// maxSocketMessage leaves room around the largest append and the largest read.
const maxSocketMessage = MaxAppend + 64<<10

// socketBuffer is what the kernel is asked to keep for a data socket in each
// direction, in bytes; it may grant less.
const socketBuffer = 4 << 20

func dialSocket(ctx context.Context, path string) (*stream.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "connecting to the storage plugin's data socket: %w", err)
	}
	enlargeBuffers(nc.(*net.UnixConn))
	return stream.NewConn(nc, maxSocketMessage), nil
}

// enlargeBuffers asks for large buffers. Smaller ones are slower, not wrong.
func enlargeBuffers(nc *net.UnixConn) {
	_ = nc.SetReadBuffer(socketBuffer)
	_ = nc.SetWriteBuffer(socketBuffer)
}

// socketAppends is a replier over a data socket.
type socketAppends struct{ conn *stream.Conn }

func (s socketAppends) queue(chain uint32, records []byte) error {
	s.conn.Queue(typeAppend, &storagepb.AppendRequest{Chain: chain, Records: records})
	return nil
}

func (s socketAppends) flush() error { return s.conn.Flush() }

func (s socketAppends) receive() error {
	t, payload, err := s.conn.Receive()
	if err != nil {
		return &brokenError{err}
	}
	var reply storagepb.AppendReply
	if err := decodeAs(typeAppendReply, t, payload, &reply); err != nil {
		return &brokenError{err}
	}
	if reply.Code != "" {
		return fault.New(fault.Code(reply.Code), "%s", reply.Reason)
	}
	return nil
}

func (s socketAppends) close(error) { s.conn.Close() }

// maxReaders is how many connections for reads a client keeps, and so how many
// reads are under way at once.
const maxReaders = 4

// socketReads reads over data sockets, one read at a time on each.
type socketReads struct {
	path string
	idle chan *stream.Conn // nil stands for a connection not made yet
}

func newSocketReads(path string) *socketReads {
	s := &socketReads{path: path, idle: make(chan *stream.Conn, maxReaders)}
	for range maxReaders {
		s.idle <- nil
	}
	return s
}

func (s *socketReads) read(ctx context.Context, dst []byte, req *storagepb.ReadRequest) ([]byte, error) {
	var conn *stream.Conn
	select {
	case conn = <-s.idle:
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "waiting to read from storage: %w", ctx.Err())
	}
	records, conn, err := s.readOn(ctx, conn, dst, req)
	s.idle <- conn
	return records, err
}

// readOn returns the connection to use next: nil after one that failed.
func (s *socketReads) readOn(ctx context.Context, conn *stream.Conn, dst []byte, req *storagepb.ReadRequest) ([]byte, *stream.Conn, error) {
	if conn == nil {
		var err error
		if conn, err = dialSocket(ctx, s.path); err != nil {
			return nil, nil, err
		}
		conn.Reuse() // a reply is copied before the next is received
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	reply, err := exchangeRead(conn, req)
	if err != nil {
		conn.Close()
		return nil, nil, fault.New(fault.Unavailable, "reading from the storage plugin: %w", err)
	}
	if !stop() {
		conn = nil // the context ended: the connection is closed, or about to be
	}
	if reply.Code != "" {
		return nil, conn, fault.New(fault.Code(reply.Code), "%s", reply.Reason)
	}
	return append(dst, reply.Records...), conn, nil
}

func exchangeRead(conn *stream.Conn, req *storagepb.ReadRequest) (*storagepb.ReadReply, error) {
	if err := conn.Send(typeRead, req); err != nil {
		return nil, err
	}
	t, payload, err := conn.Receive()
	if err != nil {
		return nil, err
	}
	reply := new(storagepb.ReadReply)
	return reply, decodeAs(typeReadReply, t, payload, reply)
}

func (s *socketReads) close() {
	for range maxReaders {
		if conn := <-s.idle; conn != nil {
			conn.Close()
		}
	}
}

func decodeAs(want, got stream.Type, payload []byte, m interface{ UnmarshalVTUnsafe([]byte) error }) error {
	if got != want {
		return fault.New(fault.BadMessage, "a message of type %d came where type %d was due", got, want)
	}
	return stream.Unmarshal(got, payload, m)
}
