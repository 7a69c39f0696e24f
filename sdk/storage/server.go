package storage

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
	"github.com/atedb/atedb/sdk/storage/storagepb"
	"github.com/atedb/atedb/sdk/stream"
)

// maxRound is about how many bytes of records the server gathers for one call
// of Append.
const maxRound = 8 << 20

// RegisterServer serves a store to a [Client]: over gRPC, and over a data
// socket that it makes in socketDir, a folder that only this user may enter.
// With socketDir == "" there is none. stop closes the data socket and waits
// for the calls under way on it.
func RegisterServer(reg grpc.ServiceRegistrar, store Store, socketDir string) (stop func(), err error) {
	s := &server{store: store, chains: make(map[uint32]Chain)}
	storagepb.RegisterStorageServer(reg, s)
	if socketDir == "" {
		return func() {}, nil
	}
	path := filepath.Join(socketDir, "data-"+strconv.Itoa(os.Getpid())+".sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fault.New(fault.Unavailable, "making the data socket: %w", err)
	}
	s.socketPath = path
	socket := &socketServer{server: s, listener: listener, conns: make(map[*stream.Conn]struct{})}
	socket.wg.Go(socket.accept)
	return socket.stop, nil
}

// server serves the RPCs. It knows the open chains by handle.
type server struct {
	storagepb.UnimplementedStorageServer
	store      Store
	socketPath string

	appending sync.Mutex // held around the store's Append

	mu     sync.RWMutex // guards what follows
	chains map[uint32]Chain
	last   uint32 // the handle given out last
}

func (s *server) chain(handle uint32) (Chain, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c := s.chains[handle]; c != nil {
		return c, nil
	}
	return nil, fault.New(fault.BadRequest, "no chain is open under handle %d", handle)
}

func (s *server) DataSocket(context.Context, *storagepb.DataSocketRequest) (*storagepb.DataSocketReply, error) {
	if s.socketPath == "" {
		return nil, status.Error(codes.Unimplemented, "this plugin has no data socket")
	}
	return &storagepb.DataSocketReply{Path: s.socketPath}, nil
}

func (s *server) Open(ctx context.Context, req *storagepb.OpenRequest) (*storagepb.OpenReply, error) {
	name, err := chainname.Parse(req.Name)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	c, err := s.store.Open(ctx, name, req.Create)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	s.mu.Lock()
	s.last++
	handle := s.last
	s.chains[handle] = c
	s.mu.Unlock()
	state := c.State()
	return &storagepb.OpenReply{Chain: handle, Next: uint64(state.Next), Events: state.Events, Bytes: state.Bytes}, nil
}

func (s *server) Close(_ context.Context, req *storagepb.CloseRequest) (*storagepb.CloseReply, error) {
	c, err := s.chain(req.Chain)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	s.mu.Lock()
	delete(s.chains, req.Chain)
	s.mu.Unlock()
	return &storagepb.CloseReply{}, faultrpc.ToStatus(c.Close())
}

// appendRound resolves the requests' chains and appends all that have one.
func (s *server) appendRound(requests []*storagepb.AppendRequest) []error {
	errs := make([]error, len(requests))
	round := make([]AppendRequest, 0, len(requests))
	place := make([]int, 0, len(requests)) // of each of the round's requests
	for i, req := range requests {
		c, err := s.chain(req.Chain)
		if err != nil {
			errs[i] = err
			continue
		}
		round = append(round, AppendRequest{Chain: c, Records: req.Records})
		place = append(place, i)
	}
	if len(round) == 0 {
		return errs
	}
	s.appending.Lock()
	results := s.store.Append(round)
	s.appending.Unlock()
	for i, err := range results {
		errs[place[i]] = err
	}
	return errs
}

func (s *server) Append(requests grpc.BidiStreamingServer[storagepb.AppendRequest, storagepb.AppendReply]) error {
	for {
		req, err := requests.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := requests.Send(appendReply(s.appendRound([]*storagepb.AppendRequest{req})[0])); err != nil {
			return err
		}
	}
}

func appendReply(err error) *storagepb.AppendReply {
	if err == nil {
		return &storagepb.AppendReply{}
	}
	f := fault.From(err)
	return &storagepb.AppendReply{Code: string(f.Code), Reason: f.Reason}
}

func (s *server) Read(ctx context.Context, req *storagepb.ReadRequest) (*storagepb.ReadReply, error) {
	records, err := s.read(ctx, nil, req)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	return &storagepb.ReadReply{Records: records}, nil
}

func (s *server) read(ctx context.Context, dst []byte, req *storagepb.ReadRequest) ([]byte, error) {
	c, err := s.chain(req.Chain)
	if err != nil {
		return nil, err
	}
	from, maxBytes := event.Seq(req.From), int(min(req.MaxBytes, MaxRead))
	if r, ok := c.(HeaderReader); ok && req.HeadersOnly && req.Unhashed {
		return r.ReadHeaders(ctx, dst, from, maxBytes)
	}
	return c.Read(ctx, dst, from, maxBytes, req.HeadersOnly)
}

func (s *server) Drop(ctx context.Context, req *storagepb.DropRequest) (*storagepb.DropReply, error) {
	c, err := s.chain(req.Chain)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	dropped, err := c.Drop(ctx, setOf(req.Ranges))
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	return &storagepb.DropReply{Events: dropped.Events, Bytes: dropped.Bytes}, nil
}

func (s *server) Erase(ctx context.Context, req *storagepb.EraseRequest) (*storagepb.EraseReply, error) {
	c, err := s.chain(req.Chain)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	erased, err := c.Erase(ctx, setOf(req.Ranges))
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	return &storagepb.EraseReply{Events: erased.Events, Bytes: erased.Bytes}, nil
}

func setOf(ranges []*storagepb.Range) DropSet {
	set := make(DropSet, len(ranges))
	for i, r := range ranges {
		set[i] = Range{First: event.Seq(r.First), End: event.Seq(r.End)}
	}
	return set
}

func (s *server) PutBlob(ctx context.Context, req *storagepb.PutBlobRequest) (*storagepb.PutBlobReply, error) {
	c, err := s.chain(req.Chain)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	return &storagepb.PutBlobReply{}, faultrpc.ToStatus(c.PutBlob(ctx, req.Name, req.Data))
}

func (s *server) GetBlob(ctx context.Context, req *storagepb.GetBlobRequest) (*storagepb.GetBlobReply, error) {
	c, err := s.chain(req.Chain)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	data, err := c.GetBlob(ctx, req.Name)
	return &storagepb.GetBlobReply{Data: data}, faultrpc.ToStatus(err)
}

func (s *server) List(ctx context.Context, req *storagepb.ListRequest) (*storagepb.ListReply, error) {
	names, err := s.store.List(ctx, chainname.Name(req.After), int(min(req.Limit, MaxList)))
	reply := &storagepb.ListReply{Names: make([]string, len(names))}
	for i, name := range names {
		reply.Names[i] = name.String()
	}
	return reply, faultrpc.ToStatus(err)
}

func (s *server) Remove(ctx context.Context, req *storagepb.RemoveRequest) (*storagepb.RemoveReply, error) {
	name, err := chainname.Parse(req.Name)
	if err == nil {
		err = s.store.Remove(ctx, name)
	}
	return &storagepb.RemoveReply{}, faultrpc.ToStatus(err)
}

func (s *server) Stats(ctx context.Context, _ *storagepb.StatsRequest) (*storagepb.StatsReply, error) {
	stats, err := s.store.Stats(ctx)
	return &storagepb.StatsReply{
		Chains: stats.Chains, OpenChains: stats.OpenChains, Bytes: stats.Bytes,
		FreeBytes: stats.FreeBytes, ReadOnly: stats.ReadOnly,
	}, faultrpc.ToStatus(err)
}
