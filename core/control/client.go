package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Client is a server at the other end of a socket.
type Client struct{ http *http.Client }

var _ Daemon = (*Client)(nil)

// Connect returns a client of the server that listens on a socket. If none does,
// that is a not_found fault.
func Connect(ctx context.Context, path string) (*Client, error) {
	dialer := &net.Dialer{Timeout: dialTimeout}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "unix", path) }
	conn, err := dial(ctx, "", "")
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return nil, fault.New(fault.NotFound, "no server listens on %s: %w", path, err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.New(fault.Unavailable, "the control socket %s is another user's; be that user, or root: %w", path, err)
	case err != nil:
		return nil, fault.New(fault.Unavailable, "connecting to the server: %w", err)
	}
	conn.Close()
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true}}}, nil
}

// Close ends the client's connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// List implements Chains.
func (c *Client) List(ctx context.Context, prefix string, after chainname.Name, limit int) (page Page, err error) {
	return page, c.ask(ctx, "list", listRequest{prefix, after, limit}, &page)
}

// Inspect implements Chains.
func (c *Client) Inspect(ctx context.Context, name chainname.Name) (chain Chain, err error) {
	err = c.ask(ctx, "inspect", chainRequest{name.String()}, &chain)
	if err == nil && chain.Name != name {
		err = garbage("inspect", fmt.Errorf("it is about chain %.100q", chain.Name))
	}
	return chain, err
}

// Reload implements Daemon.
func (c *Client) Reload(ctx context.Context) (told Reloaded, err error) {
	return told, c.ask(ctx, "reload", struct{}{}, &told)
}

// Read implements Chains.
func (c *Client) Read(ctx context.Context, name chainname.Name, from event.Seq, maxBytes int) ([]byte, error) {
	return c.askBytes(ctx, "read", readRequest{name.String(), from, maxBytes}, storage.MaxRead+event.MaxRecord)
}

// Leaves implements Chains.
func (c *Client) Leaves(ctx context.Context, name chainname.Name, from event.Seq, count int) ([]event.Hash, error) {
	const size = len(event.Hash{})
	raw, err := c.askBytes(ctx, "leaves", leavesRequest{name.String(), from, count}, event.MaxBatchEvents*size)
	if err != nil {
		return nil, err
	}
	if len(raw)%size != 0 {
		return nil, garbage("leaves", errors.New("a hash is cut short"))
	}
	leaves := make([]event.Hash, len(raw)/size)
	for i := range leaves {
		leaves[i] = event.Hash(raw[i*size:][:size])
	}
	return leaves, nil
}

// Compact implements Chains. The compaction ends with ctx.
func (c *Client) Compact(ctx context.Context, name chainname.Name, progress func(Progress)) (Compacted, error) {
	body, err := c.post(ctx, "compact", chainRequest{name.String()})
	if err != nil {
		return Compacted{}, err
	}
	defer body.Close()
	in := bufio.NewScanner(body)
	in.Buffer(nil, maxLine)
	for in.Scan() {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return Compacted{}, garbage("compact", err)
		}
		switch {
		case l.Error != nil:
			return Compacted{}, l.Error.fault()
		case l.Result != nil:
			return *l.Result, nil
		case l.Progress != nil:
			progress(*l.Progress)
		}
	}
	return Compacted{}, fault.New(fault.Unavailable, "the server broke off before it said what came of the compaction: %w", cause(in.Err()))
}

func cause(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ask sends a request and parses the answer.
func (c *Client) ask(ctx context.Context, path string, q, into any) error {
	raw, err := c.askBytes(ctx, path, q, maxAnswer)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return garbage(path, err)
	}
	return nil
}

// askBytes sends a request and returns the answer, of at most limit bytes.
func (c *Client) askBytes(ctx context.Context, path string, q any, limit int) ([]byte, error) {
	body, err := c.post(ctx, path, q)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, int64(limit)+1))
	switch {
	case err != nil:
		return nil, fault.New(fault.Unavailable, "the server broke off while it answered: %w", err)
	case len(raw) > limit:
		return nil, garbage(path, errors.New("it is too long"))
	}
	return raw, nil
}

// post sends a request and returns the answer's body, which the caller closes.
func (c *Client) post(ctx context.Context, path string, q any) (io.ReadCloser, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, fault.New(fault.Internal, "encoding a request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://atedb/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.Internal, "making a request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	reply, err := c.http.Do(r)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "asking the server: %w", err)
	}
	if reply.StatusCode == http.StatusOK {
		return reply.Body, nil
	}
	defer reply.Body.Close()
	var p Problem
	if err := json.NewDecoder(io.LimitReader(reply.Body, maxLine)).Decode(&p); err != nil || p.Code == "" {
		return nil, garbage(path, errors.New(reply.Status))
	}
	return nil, p.fault()
}

func (p *Problem) fault() error { return fault.New(fault.Code(p.Code), "%s", p.Reason) }

func garbage(path string, err error) error {
	return fault.New(fault.BadMessage, "what answers %s on the control socket is no server of this protocol: %w", path, err)
}
