package server

import (
	"context"
	"path/filepath"
	"sync/atomic"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/storage"
)

// ControlSocket returns the path of the control socket of a server with these
// settings.
func ControlSocket(cfg *config.Config) string {
	return control.SocketPath(filepath.Join(cfg.LogsPath, stateFolder), cfg.RuntimeDir)
}

// controlled is the server as an operator sees it.
type controlled struct {
	*registry
	current *current
}

var _ control.Daemon = controlled{}

// Reload implements control.Daemon.
func (r controlled) Reload(ctx context.Context) (control.Reloaded, error) {
	return r.current.reload(ctx)
}

// List implements control.Chains: it looks at one page of the store's list.
func (r controlled) List(ctx context.Context, prefix string, after chainname.Name, limit int) (control.Page, error) {
	names, err := r.store.List(ctx, after, limit)
	if err != nil {
		return control.Page{}, err
	}
	return control.PageOf(names, limit, prefix, r.listed), nil
}

// listed describes a chain, and opens none.
func (r controlled) listed(name chainname.Name) control.Listed {
	c, users := r.peek(name)
	if c == nil {
		return control.Listed{Name: name}
	}
	return listed(c.chain, c.log.State(), users)
}

// peek returns a chain if it is open, and how many use it. The caller does not:
// it may be closed meanwhile.
func (r *registry) peek(name chainname.Name) (c *openChain, users int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c = r.chains[name]
	if c == nil || c.ended {
		return nil, 0
	}
	select {
	case <-c.opened:
		return c, c.users
	default:
		return nil, 0 // yet
	}
}

func listed(c *chain.Chain, state storage.State, users int) control.Listed {
	return control.Listed{
		Name: c.Name(), Open: true, Users: users,
		Events: uint64(c.Next()), Bytes: state.Bytes, Compacted: c.Compactions().Time,
	}
}

// Describe describes a chain that this process has open, with what its log
// holds. Who uses it, and when it is compacted, is left out.
func Describe(c *chain.Chain, state storage.State) control.Chain {
	genesis, _ := c.Genesis()
	last := c.Compactions()
	d := control.Chain{
		Listed: listed(c, state, 0),
		ID:     c.ID().String(), Trust: genesis.Trust.String(), Head: c.Head().String(),
		Stored: state.Events, Objects: c.Objects(), Kept: last.Bytes, Dropped: uint64(last.Dropped),
	}
	for _, key := range genesis.RootKeys {
		d.RootKeys = append(d.RootKeys, keys.FormatID(event.KeyID(key)))
	}
	return d
}

// Inspect implements control.Chains.
func (r controlled) Inspect(ctx context.Context, name chainname.Name) (control.Chain, error) {
	already, users := r.peek(name)
	c, err := r.acquire(ctx, name, wish{})
	if err != nil {
		return control.Chain{}, err
	}
	defer r.release(c)
	d := Describe(c.chain, c.log.State())
	d.Open, d.Users = already == c, users
	d.Compacting, d.Compactions = c.compacting.Load() > 0, c.compactions.Load()
	votes, done := r.compactor.strategies.use()
	defer done()
	for i, rules := range votes.rules {
		t := rules.For(name)
		d.Triggers = append(d.Triggers, control.Trigger{
			Strategy: votes.list[i].Name, Modified: t.Modified,
			Factor: t.Factor, Size: t.Size, Seconds: t.Timer.Seconds(),
		})
	}
	return d, nil
}

// Compact implements control.Chains.
func (r controlled) Compact(ctx context.Context, name chainname.Name, progress func(control.Progress)) (control.Compacted, error) {
	c, err := r.acquire(ctx, name, wish{})
	if err != nil {
		return control.Compacted{}, err
	}
	defer r.release(c)
	var read atomic.Uint64
	result, err := r.compactor.compact(ctx, c, func(ctx context.Context, bytes int) error {
		progress(control.Progress{Bytes: read.Add(uint64(bytes))})
		return r.compactor.pace(ctx, bytes)
	})
	told := control.Compacted{
		Examined: result.Examined, Dropped: result.Dropped, Young: result.Young, Ended: result.Ended,
		Before: result.Before, After: result.After, Seconds: result.Took.Seconds(),
	}
	for _, o := range result.Overruled {
		told.Overruled = append(told.Overruled, control.Overruled(o))
	}
	return told, err
}

// Read implements control.Chains. What is read counts as what compactions read.
func (r controlled) Read(ctx context.Context, name chainname.Name, from event.Seq, maxBytes int) ([]byte, error) {
	c, err := r.acquire(ctx, name, wish{})
	if err != nil {
		return nil, err
	}
	defer r.release(c)
	records, err := c.log.Read(ctx, nil, from, maxBytes, false)
	if err != nil {
		return nil, err
	}
	return records, r.compactor.pace(ctx, len(records))
}

// Leaves implements control.Chains.
func (r controlled) Leaves(ctx context.Context, name chainname.Name, from event.Seq, count int) ([]event.Hash, error) {
	c, err := r.acquire(ctx, name, wish{})
	if err != nil {
		return nil, err
	}
	defer r.release(c)
	return c.chain.Leaves(ctx, from, count)
}
