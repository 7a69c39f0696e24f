package storage

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
	"github.com/atedb/atedb/sdk/storage/storagepb"
)

// Client is a Store that another process serves with [RegisterServer]. Append
// and Read go over the server's data socket if it has one, and over gRPC
// otherwise. When the process is gone, calls fail with code unavailable.
type Client struct {
	rpc     storagepb.StorageClient
	appends *pipeline
	reads   interface {
		read(ctx context.Context, dst []byte, req *storagepb.ReadRequest) ([]byte, error)
		close()
	}
	stop context.CancelFunc
}

var _ Store = (*Client)(nil)

// NewClient returns a client of the store served at the other end of cc. ctx
// bounds the setting up alone.
func NewClient(ctx context.Context, cc grpc.ClientConnInterface) (*Client, error) {
	rpc := storagepb.NewStorageClient(cc)
	reply, err := rpc.DataSocket(ctx, &storagepb.DataSocketRequest{})
	if status.Code(err) == codes.Unimplemented {
		return newStreamClient(rpc)
	}
	if err != nil {
		return nil, faultrpc.FromStatus(err)
	}
	conn, err := dialSocket(ctx, reply.Path)
	if err != nil {
		return nil, err
	}
	return &Client{
		rpc: rpc, stop: func() {},
		appends: newPipeline(socketAppends{conn}),
		reads:   newSocketReads(reply.Path),
	}, nil
}

func newStreamClient(rpc storagepb.StorageClient) (*Client, error) {
	ctx, stop := context.WithCancel(context.Background())
	appends, err := rpc.Append(ctx)
	if err != nil {
		stop()
		return nil, faultrpc.FromStatus(err)
	}
	return &Client{
		rpc: rpc, stop: stop,
		appends: newPipeline(streamAppends{appends, stop}),
		reads:   streamReads{rpc},
	}, nil
}

// Close ends the client. Calls under way fail. The store goes on.
func (c *Client) Close() error {
	c.appends.fail(context.Canceled)
	c.reads.close()
	c.stop()
	return nil
}

// Open implements Store.
func (c *Client) Open(ctx context.Context, name chainname.Name, create bool) (Chain, error) {
	reply, err := c.rpc.Open(ctx, &storagepb.OpenRequest{Name: name.String(), Create: create})
	if err != nil {
		return nil, faultrpc.FromStatus(err)
	}
	state := State{Next: event.Seq(reply.Next), Events: reply.Events, Bytes: reply.Bytes}
	return &remoteChain{client: c, handle: reply.Chain, state: state}, nil
}

// Append implements Store. Unlike other stores' it may be called by several
// goroutines at the same time: the server makes rounds of what it receives.
func (c *Client) Append(round []AppendRequest) []error {
	errs := make([]error, len(round))
	if len(round) == 1 {
		errs[0] = c.appendTo(round[0])
		return errs
	}
	var wg sync.WaitGroup
	for i, req := range round {
		wg.Go(func() { errs[i] = c.appendTo(req) })
	}
	wg.Wait()
	return errs
}

func (c *Client) appendTo(req AppendRequest) error {
	chain, ok := req.Chain.(*remoteChain)
	if !ok || chain.client != c {
		return fault.New(fault.Internal, "an append names a chain that this store did not open")
	}
	return chain.append(req.Records)
}

// List implements Store.
func (c *Client) List(ctx context.Context, after chainname.Name, limit int) ([]chainname.Name, error) {
	reply, err := c.rpc.List(ctx, &storagepb.ListRequest{After: after.String(), Limit: uint32(limit)})
	if err != nil {
		return nil, faultrpc.FromStatus(err)
	}
	names := make([]chainname.Name, len(reply.Names))
	for i, s := range reply.Names {
		if names[i], err = chainname.Parse(s); err != nil {
			return nil, fault.New(fault.Internal, "the storage plugin listed an impossible chain: %w", err)
		}
	}
	return names, nil
}

// Remove implements Store.
func (c *Client) Remove(ctx context.Context, name chainname.Name) error {
	_, err := c.rpc.Remove(ctx, &storagepb.RemoveRequest{Name: name.String()})
	return faultrpc.FromStatus(err)
}

// Stats implements Store.
func (c *Client) Stats(ctx context.Context) (Stats, error) {
	reply, err := c.rpc.Stats(ctx, &storagepb.StatsRequest{})
	if err != nil {
		return Stats{}, faultrpc.FromStatus(err)
	}
	return Stats{
		Chains: reply.Chains, OpenChains: reply.OpenChains, Bytes: reply.Bytes,
		FreeBytes: reply.FreeBytes, ReadOnly: reply.ReadOnly,
	}, nil
}

// remoteChain is a chain that the server has open.
type remoteChain struct {
	client *Client
	handle uint32

	mu    sync.Mutex // guards state
	state State
}

// State implements Chain: what the chain held when it was opened and what this
// client did to it since.
func (c *remoteChain) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

func (c *remoteChain) append(records []byte) error {
	if len(records) > MaxAppend {
		return fault.New(fault.TooLarge, "an append has %d bytes; at most %d are allowed", len(records), MaxAppend)
	}
	if err := c.client.appends.append(c.handle, records); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for rest := records; len(rest) > 0; {
		first, count, size, err := event.PeekRecord(rest)
		if err != nil {
			return err // the store accepted what is no record
		}
		if first >= c.state.Next {
			c.state.Next = first + event.Seq(count)
			c.state.Events += uint64(count)
			c.state.Bytes += uint64(size)
		}
		rest = rest[size:]
	}
	return nil
}

// Read implements Chain.
func (c *remoteChain) Read(ctx context.Context, dst []byte, from event.Seq, maxBytes int, headersOnly bool) ([]byte, error) {
	return c.client.reads.read(ctx, dst, &storagepb.ReadRequest{
		Chain: c.handle, From: uint64(from), MaxBytes: uint32(min(maxBytes, MaxRead)), HeadersOnly: headersOnly,
	})
}

// ReadHeaders implements HeaderReader.
func (c *remoteChain) ReadHeaders(ctx context.Context, dst []byte, from event.Seq, maxBytes int) ([]byte, error) {
	return c.client.reads.read(ctx, dst, &storagepb.ReadRequest{
		Chain: c.handle, From: uint64(from), MaxBytes: uint32(min(maxBytes, MaxRead)), HeadersOnly: true, Unhashed: true,
	})
}

// Drop implements Chain.
func (c *remoteChain) Drop(ctx context.Context, set DropSet) (Dropped, error) {
	reply, err := c.client.rpc.Drop(ctx, &storagepb.DropRequest{Chain: c.handle, Ranges: rangesOf(set)})
	if err != nil {
		return Dropped{}, faultrpc.FromStatus(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Events -= min(c.state.Events, reply.Events)
	c.state.Bytes -= min(c.state.Bytes, reply.Bytes)
	return Dropped{Events: reply.Events, Bytes: reply.Bytes}, nil
}

// Erase implements Chain.
func (c *remoteChain) Erase(ctx context.Context, set DropSet) (Erased, error) {
	reply, err := c.client.rpc.Erase(ctx, &storagepb.EraseRequest{Chain: c.handle, Ranges: rangesOf(set)})
	if status.Code(err) == codes.Unimplemented {
		return Erased{}, fault.New(fault.Unsupported, "the storage plugin cannot erase data; use a newer one")
	}
	if err != nil {
		return Erased{}, faultrpc.FromStatus(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Bytes = uint64(max(int64(c.state.Bytes)-reply.Bytes, 0))
	return Erased{Events: reply.Events, Bytes: reply.Bytes}, nil
}

func rangesOf(set DropSet) []*storagepb.Range {
	ranges := make([]*storagepb.Range, len(set))
	for i, r := range set {
		ranges[i] = &storagepb.Range{First: uint64(r.First), End: uint64(r.End)}
	}
	return ranges
}

// PutBlob implements Chain.
func (c *remoteChain) PutBlob(ctx context.Context, name string, data []byte) error {
	_, err := c.client.rpc.PutBlob(ctx, &storagepb.PutBlobRequest{Chain: c.handle, Name: name, Data: data})
	return faultrpc.FromStatus(err)
}

// GetBlob implements Chain.
func (c *remoteChain) GetBlob(ctx context.Context, name string) ([]byte, error) {
	reply, err := c.client.rpc.GetBlob(ctx, &storagepb.GetBlobRequest{Chain: c.handle, Name: name})
	if err != nil {
		return nil, faultrpc.FromStatus(err)
	}
	return reply.Data, nil
}

// Close implements Chain.
func (c *remoteChain) Close() error {
	_, err := c.client.rpc.Close(context.Background(), &storagepb.CloseRequest{Chain: c.handle})
	return faultrpc.FromStatus(err)
}

// streamAppends is a replier over a gRPC stream.
type streamAppends struct {
	stream grpc.BidiStreamingClient[storagepb.AppendRequest, storagepb.AppendReply]
	stop   context.CancelFunc
}

func (s streamAppends) queue(chain uint32, records []byte) error {
	return s.stream.Send(&storagepb.AppendRequest{Chain: chain, Records: records})
}

func (s streamAppends) flush() error { return nil }

func (s streamAppends) receive() error {
	reply, err := s.stream.Recv()
	if err != nil {
		return &brokenError{err}
	}
	if reply.Code != "" {
		return fault.New(fault.Code(reply.Code), "%s", reply.Reason)
	}
	return nil
}

func (s streamAppends) close(error) { s.stop() }

// streamReads reads over gRPC.
type streamReads struct{ rpc storagepb.StorageClient }

func (s streamReads) read(ctx context.Context, dst []byte, req *storagepb.ReadRequest) ([]byte, error) {
	reply, err := s.rpc.Read(ctx, req)
	if err != nil {
		return nil, faultrpc.FromStatus(err)
	}
	return append(dst, reply.Records...), nil
}

func (s streamReads) close() {}
