package storage

import (
	"context"
	"net"
	"sync"

	"github.com/atedb/atedb/sdk/storage/storagepb"
	"github.com/atedb/atedb/sdk/stream"
)

// socketServer serves a store's data socket, each connection on a goroutine of
// its own.
type socketServer struct {
	*server
	listener *net.UnixListener
	wg       sync.WaitGroup // the goroutines

	mu      sync.Mutex // guards what follows
	conns   map[*stream.Conn]struct{}
	stopped bool
}

func (s *socketServer) accept() {
	for {
		nc, err := s.listener.AcceptUnix()
		if err != nil {
			return // only by stop
		}
		enlargeBuffers(nc)
		bc, err := newBlockingConn(nc)
		if err != nil {
			continue // the client sees that its connection is closed
		}
		conn := stream.NewConn(bc, maxSocketMessage)
		if !s.add(conn) {
			conn.Close()
			return
		}
		s.wg.Go(func() {
			defer s.remove(conn)
			s.serve(conn)
		})
	}
}

func (s *socketServer) add(conn *stream.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.conns[conn] = struct{}{}
	}
	return !s.stopped
}

func (s *socketServer) remove(conn *stream.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	conn.Close()
}

func (s *socketServer) stop() {
	s.mu.Lock()
	s.stopped = true
	s.listener.Close()
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// serve answers one connection's requests until it ends or breaks the
// protocol. The client sees the latter as the loss of the connection.
func (s *socketServer) serve(conn *stream.Conn) {
	conn.Reuse()       // a round takes only what is buffered, and is done before the next read
	var records []byte // of the last read, for the next
	for {
		t, payload, err := conn.Receive()
		if err != nil {
			return
		}
		switch t {
		case typeAppend:
			err = s.serveAppends(conn, payload)
		case typeRead:
			records, err = s.serveRead(conn, payload, records[:0])
		default:
			return
		}
		if err != nil || conn.Flush() != nil {
			return
		}
	}
}

// serveAppends makes a round of the request in payload and those that have
// already arrived behind it. A chain stands in a round once.
func (s *socketServer) serveAppends(conn *stream.Conn, payload []byte) error {
	first := new(storagepb.AppendRequest)
	if err := first.UnmarshalVTUnsafe(payload); err != nil {
		return err
	}
	round := []*storagepb.AppendRequest{first}
	chains := map[uint32]struct{}{first.Chain: {}}
	for size := len(payload); conn.Buffered() && size < maxRound; {
		t, payload, err := conn.Receive()
		if err != nil {
			return err
		}
		req := new(storagepb.AppendRequest)
		if err := decodeAs(typeAppend, t, payload, req); err != nil {
			return err
		}
		if _, twice := chains[req.Chain]; twice {
			s.answer(conn, round)
			round, size = nil, 0
			clear(chains)
		}
		round = append(round, req)
		chains[req.Chain] = struct{}{}
		size += len(payload)
	}
	s.answer(conn, round)
	return nil
}

func (s *socketServer) answer(conn *stream.Conn, round []*storagepb.AppendRequest) {
	for _, err := range s.appendRound(round) {
		conn.Queue(typeAppendReply, appendReply(err))
	}
}

// keepRead is how large a read's memory may be, in bytes, to be used again.
const keepRead = 2 << 20

// serveRead answers a read, for which it uses dst, and returns what to use next.
func (s *socketServer) serveRead(conn *stream.Conn, payload, dst []byte) ([]byte, error) {
	req := new(storagepb.ReadRequest)
	if err := req.UnmarshalVTUnsafe(payload); err != nil {
		return nil, err
	}
	records, err := s.read(context.Background(), dst, req)
	reply := &storagepb.ReadReply{Records: records}
	if err != nil {
		refusal := appendReply(err)
		reply = &storagepb.ReadReply{Code: refusal.Code, Reason: refusal.Reason}
	}
	conn.Queue(typeReadReply, reply)
	if cap(records) > keepRead {
		records = nil
	}
	return records, nil
}
