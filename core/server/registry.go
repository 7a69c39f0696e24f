package server

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/compact"
	"github.com/atedb/atedb/core/durable"
	"github.com/atedb/atedb/core/fanout"
	"github.com/atedb/atedb/core/grace"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/trust"
)

// registry opens chains when somebody wants them, and closes them when nobody
// has for a while. Opening one never waits for another.
type registry struct {
	store       *durable.Store
	owners      *replaceable[*owners]
	trust       event.Trust // of all chains
	validator   trust.Validator
	identity    *identity.Private
	idleTimeout time.Duration
	maxOpen     int
	compactor   *compactor
	log         hclog.Logger

	mu       sync.Mutex // guards what follows, and each chain's users, idle and ended
	chains   map[chainname.Name]*openChain
	stopping bool
	running  sync.WaitGroup // openings and closings under way
}

// openChain is a chain from when somebody first wants it until it is closed.
type openChain struct {
	name  chainname.Name
	users int         // who have acquired it and not released it
	idle  *time.Timer // closes it; nil while there are users
	ended bool        // it takes no more users, and is closed after the last

	opened chan struct{} // closed when the opening has ended; what follows is valid then
	err    error         // why it failed
	chain  *chain.Chain
	feed   *fanout.Feed
	log    *durable.Log
	signer *chain.Signer
	watch  *compact.Watch

	closed chan struct{} // closed when the chain is, and may be opened anew

	compactions atomic.Uint64 // that began
	compacting  atomic.Int32  // compactions under way

	ctx    context.Context // ends, with a cause, when the chain cannot go on
	cancel context.CancelCauseFunc
}

// wish is what somebody wants who opens a chain.
type wish struct {
	create   bool
	rootKeys [][]byte // of who wants it, checked as far as they are used
}

// acquire returns an open chain, which the caller releases. If there is none
// of the name it is made when the wish says create, and is a not_found fault
// otherwise. ctx bounds the waiting alone: the opening goes on.
func (r *registry) acquire(ctx context.Context, name chainname.Name, w wish) (*openChain, error) {
	for {
		c, place, err := r.enter(name)
		if err != nil {
			return nil, err
		}
		if place == placeBehind {
			if err := await(ctx, c.closed, name); err != nil {
				return nil, err
			}
			continue
		}
		if place == placeFirst {
			go r.open(c, w)
		}
		if err := await(ctx, c.opened, name); err != nil {
			r.release(c)
			return nil, err
		}
		if c.err == nil {
			return c, nil
		}
		r.release(c)
		if place == placeFirst || !w.create || !fault.Is(c.err, fault.NotFound) {
			return nil, c.err
		} // else whoever opened it did not want to make it
	}
}

func await(ctx context.Context, done <-chan struct{}, name chainname.Name) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fault.New(fault.Unavailable, "opening chain %s takes too long; try again later", name)
	}
}

// place is how somebody who wants a chain finds it.
type place int

const (
	placeFirst  place = iota // it was not there: open it
	placeAmong               // it is open or being opened
	placeBehind              // it is being closed: wait and try again
)

// enter counts a user of a chain, unless the chain is being closed.
func (r *registry) enter(name chainname.Name) (*openChain, place, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return nil, 0, errStopping
	}
	if c := r.chains[name]; c != nil {
		if c.ended {
			return c, placeBehind, nil
		}
		c.users++
		if c.idle != nil {
			c.idle.Stop()
			c.idle = nil
		}
		return c, placeAmong, nil
	}
	if len(r.chains) >= r.maxOpen && !r.evictLocked() {
		return nil, 0, fault.New(fault.Overloaded, "%d chains are open, which is the most allowed (limits.max_open_chains); try again later", len(r.chains))
	}
	c := &openChain{name: name, users: 1, opened: make(chan struct{}), closed: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	r.chains[name] = c
	r.running.Add(1)
	return c, placeFirst, nil
}

// retain counts another user of a chain that is open, unless it is being closed.
func (r *registry) retain(c *openChain) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.ended {
		return false
	}
	c.users++
	if c.idle != nil {
		c.idle.Stop()
		c.idle = nil
	}
	return true
}

// release ends a use of a chain.
func (r *registry) release(c *openChain) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.users--
	if c.users > 0 {
		return
	}
	if c.ended {
		r.closeLocked(c)
		return
	}
	c.idle = time.AfterFunc(r.idleTimeout, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if c.users == 0 && !c.ended {
			r.endLocked(c)
		}
	})
}

// endLocked lets nobody use the chain any more.
func (r *registry) endLocked(c *openChain) {
	c.ended = true
	if c.idle != nil {
		c.idle.Stop()
	}
	if c.users == 0 {
		r.closeLocked(c)
	}
}

// evictLocked ends some chain that nobody uses now.
func (r *registry) evictLocked() bool {
	for _, c := range r.chains {
		if c.users == 0 && !c.ended {
			r.endLocked(c)
			return true
		}
	}
	return false
}

// closeLocked closes an ended chain behind its last user.
func (r *registry) closeLocked(c *openChain) {
	r.running.Go(func() {
		c.cancel(nil)
		if err := r.close(c); err != nil {
			r.log.Warn("cannot close a chain", "chain", c.name, "error", err)
		}
		r.log.Debug("chain closed", "chain", c.name)
		r.mu.Lock()
		delete(r.chains, c.name)
		r.mu.Unlock()
		close(c.closed)
	})
}

// closeTimeout is how long saving the state of a chain that is closed may take.
const closeTimeout = 5 * time.Second

func (r *registry) close(c *openChain) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var err error
	if c.watch != nil {
		c.watch.Stop()
	}
	if c.chain != nil {
		err = c.chain.Close(ctx)
	}
	if c.log != nil {
		err = errors.Join(err, c.log.Close())
	}
	return err
}

// open opens or makes the chain, for all who wait for it.
func (r *registry) open(c *openChain, w wish) {
	defer r.running.Done()
	defer close(c.opened)
	if c.err = r.openChain(c, w); c.err != nil {
		r.mu.Lock()
		r.endLocked(c)
		r.mu.Unlock()
		return
	}
	r.log.Debug("chain opened", "chain", c.name, "events", c.chain.Next(), "objects", c.chain.Objects())
}

func (r *registry) openChain(c *openChain, w wish) error {
	ctx := context.Background()
	if err := r.openLog(ctx, c, w); err != nil {
		return err
	}
	c.feed = fanout.NewFeed(c.log, c.log.State().Next)
	opened, err := chain.Open(ctx, c.name, chain.Options{
		Log: c.log, Publisher: published{c}, Trust: r.trust, Validator: r.validator,
		Pace:      func() func(context.Context, int) error { return r.compactor.giveWay(r.compactor.pace) },
		OnFail:    func(err error) { r.failed(c, err) },
		OnProblem: func(err error) { r.log.Warn("a chain needs attention", "chain", c.name, "error", err) },
	})
	if err != nil {
		return err
	}
	c.chain, c.signer = opened, chain.NewSigner(opened, r.identity.Signing(), r.identity.Public().Fingerprint().String())
	c.watch = r.compactor.scheduler.Watch(watched{r, r.compactor, c})
	return nil
}

// rulesChanged has open chains compacted by the present rules.
func (r *registry) rulesChanged() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.chains {
		select {
		case <-c.opened:
			if c.watch != nil && !c.ended {
				go c.watch.RulesChanged()
			}
		default: // it finds them when it is opened
		}
	}
}

// published tells of what became durable in a chain.
type published struct{ *openChain }

// Publish implements chain.Publisher.
func (p published) Publish(records []byte, next event.Seq) {
	p.feed.Publish(records, next)
	p.watch.Grown(len(records))
}

// failed ends a chain that cannot go on, and the sessions that use it. Their
// clients come again, and the chain is opened anew.
func (r *registry) failed(c *openChain, err error) {
	r.log.Error("chain failed; it will be opened anew", "chain", c.name, "error", err)
	r.mu.Lock()
	r.endLocked(c)
	r.mu.Unlock()
	c.cancel(err)
}

// openLog opens the chain's log. If there is none and the wish is to create it,
// it makes one with a genesis.
func (r *registry) openLog(ctx context.Context, c *openChain, w wish) error {
	log, err := r.store.Open(ctx, c.name, false)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	c.log = log // nil, or empty if the daemon died between making it and writing the genesis
	if err == nil && log.State().Next > 0 {
		return nil
	}
	if !w.create {
		return fault.New(fault.NotFound, "there is no chain %s", c.name)
	}
	keys, err := r.rootKeys(ctx, c.name, w)
	if err != nil {
		return err
	}
	if c.log == nil {
		if c.log, err = r.store.Open(ctx, c.name, true); err != nil {
			return err
		}
	}
	if err := chain.Create(c.log, event.NewGenesis(c.name, r.trust, keys), time.Now()); err != nil {
		return err
	}
	r.log.Info("chain created", "chain", c.name, "root_keys", len(keys))
	return nil
}

// rootKeys returns whose a new chain is: in distributed trust its creator says,
// otherwise the auth resolvers do.
func (r *registry) rootKeys(ctx context.Context, name chainname.Name, w wish) ([][]byte, error) {
	if r.trust != event.Distributed {
		owners, done := r.owners.use()
		defer done()
		granted, err := owners.rootKeys(ctx, name, w.rootKeys)
		for i := 0; err == nil && i < len(granted); i++ {
			if _, wrong := keys.ParseAnyPublicKey(granted[i]); wrong != nil {
				err = fault.New(fault.BadMessage, "chain %s is new, and an auth resolver gives it to something that is no key, so that nobody could ever write to it: %w", name, wrong)
			}
		}
		return granted, err
	}
	if len(w.rootKeys) == 0 || len(w.rootKeys) > event.MaxWriters {
		return nil, fault.New(fault.NotAuthorized, "chain %s is new, and under distributed trust whoever makes a chain names its owner's key, 1 to %d of them; make a key with `ate key new` and try again", name, event.MaxWriters)
	}
	for _, key := range w.rootKeys {
		if _, err := keys.ParsePublicKey(key); err != nil {
			return nil, err
		}
	}
	return w.rootKeys, nil
}

// stop closes every chain, as their users leave them, and waits for it until
// ctx ends.
func (r *registry) stop(ctx context.Context) error {
	r.mu.Lock()
	r.stopping = true
	for _, c := range r.chains {
		if !c.ended {
			r.endLocked(c)
		}
	}
	r.mu.Unlock()
	if !grace.Wait(ctx, r.running.Wait) {
		return fault.New(fault.Unavailable, "some chains are not closed yet: %w", ctx.Err())
	}
	return nil
}
