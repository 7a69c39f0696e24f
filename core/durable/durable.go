// Package durable keeps chains' logs in a storage plugin, across the plugin's
// deaths: when its process is gone, calls wait until it has been started
// again, open their chain anew, and repeat what was not answered. Who calls
// sees a pause, not an error.
package durable

import (
	"context"
	"sync"

	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Process is the storage plugin's process, which somebody starts again when it
// dies. Each start is a new generation.
type Process interface {
	// Conn returns the connection to the present generation, or an error while
	// there is none.
	Conn() (conn grpc.ClientConnInterface, generation uint64, err error)
	// Ready waits for a generation newer than after. Its error is final.
	Ready(ctx context.Context, after uint64) error
	// Broken says that a generation is of no more use.
	Broken(generation uint64, cause error)
}

// Store is a storage plugin. Its methods may be called by several goroutines.
type Store struct {
	process Process

	mu         sync.Mutex // guards what follows; held while a client is made
	client     *storage.Client
	generation uint64 // of client
}

// NewStore returns the store that a process serves.
func NewStore(process Process) *Store { return &Store{process: process} }

// Open opens a chain's log. See storage.Store.
func (s *Store) Open(ctx context.Context, name chainname.Name, create bool) (*Log, error) {
	l := &Log{store: s, name: name}
	err := s.retry(ctx, func(client *storage.Client, generation uint64) (err error) {
		l.chain, err = client.Open(ctx, name, create)
		l.generation = generation
		return err
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// List returns names of chains. See storage.Store.
func (s *Store) List(ctx context.Context, after chainname.Name, limit int) (names []chainname.Name, err error) {
	err = s.retry(ctx, func(client *storage.Client, _ uint64) (err error) {
		names, err = client.List(ctx, after, limit)
		return err
	})
	return names, err
}

// Stats returns figures of the store. See storage.Store.
func (s *Store) Stats(ctx context.Context) (stats storage.Stats, err error) {
	err = s.retry(ctx, func(client *storage.Client, _ uint64) (err error) {
		stats, err = client.Stats(ctx)
		return err
	})
	return stats, err
}

// retry calls with the present client until the answer is not that the plugin
// is gone. It gives up when the plugin will not come back or ctx ends.
func (s *Store) retry(ctx context.Context, call func(client *storage.Client, generation uint64) error) error {
	for {
		client, generation, err := s.current(ctx)
		if err == nil {
			err = call(client, generation)
		}
		if !fault.Is(err, fault.Unavailable) || ctx.Err() != nil {
			return err
		}
		if generation > 0 {
			s.process.Broken(generation, err)
		}
		if err := s.process.Ready(ctx, generation); err != nil {
			return err
		}
	}
}

// current returns a client of the present generation. With an error, the
// generation says which one failed, or is 0 if there is none.
func (s *Store) current(ctx context.Context) (*storage.Client, uint64, error) {
	conn, generation, err := s.process.Conn()
	if err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil && s.generation >= generation {
		return s.client, s.generation, nil
	}
	client, err := storage.NewClient(ctx, conn)
	if err != nil {
		return nil, generation, err
	}
	if s.client != nil {
		s.client.Close()
	}
	s.client, s.generation = client, generation
	return client, generation, nil
}

// Close ends the use of the plugin. Calls under way fail.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.Close()
	}
}

// Log is one chain's log. Append is for one goroutine at a time, the rest for
// several.
type Log struct {
	store *Store
	name  chainname.Name

	mu         sync.Mutex // guards what follows; held while the chain is opened anew
	chain      storage.Chain
	generation uint64 // in which chain was opened
}

// State describes what the log held when it was opened, and what was done to
// it since.
func (l *Log) State() storage.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chain.State()
}

// Append makes records durable, in order, once. It does not give up while the
// plugin may come back: its outcome would not be known.
func (l *Log) Append(records []byte) error {
	ctx := context.Background()
	return l.store.retry(ctx, func(client *storage.Client, generation uint64) error {
		chain, err := l.at(ctx, client, generation)
		if err != nil {
			return err
		}
		return client.Append([]storage.AppendRequest{{Chain: chain, Records: records}})[0]
	})
}

// Read appends records to dst. See storage.Chain.
func (l *Log) Read(ctx context.Context, dst []byte, from event.Seq, maxBytes int, headersOnly bool) (records []byte, err error) {
	err = l.store.retry(ctx, func(client *storage.Client, generation uint64) error {
		chain, err := l.at(ctx, client, generation)
		if err != nil {
			return err
		}
		records, err = chain.Read(ctx, dst, from, maxBytes, headersOnly)
		return err
	})
	return records, err
}

// ReadHeaders appends records without data to dst. See storage.HeaderReader.
func (l *Log) ReadHeaders(ctx context.Context, dst []byte, from event.Seq, maxBytes int) (records []byte, err error) {
	err = l.store.retry(ctx, func(client *storage.Client, generation uint64) error {
		chain, err := l.at(ctx, client, generation)
		if err != nil {
			return err
		}
		if r, ok := chain.(storage.HeaderReader); ok {
			records, err = r.ReadHeaders(ctx, dst, from, maxBytes)
		} else {
			records, err = chain.Read(ctx, dst, from, maxBytes, true)
		}
		return err
	})
	return records, err
}

// PutBlob stores a side blob. See storage.Chain.
func (l *Log) PutBlob(ctx context.Context, name string, data []byte) error {
	return l.store.retry(ctx, func(client *storage.Client, generation uint64) error {
		chain, err := l.at(ctx, client, generation)
		if err != nil {
			return err
		}
		return chain.PutBlob(ctx, name, data)
	})
}

// GetBlob returns a side blob. See storage.Chain.
func (l *Log) GetBlob(ctx context.Context, name string) (data []byte, err error) {
	err = l.store.retry(ctx, func(client *storage.Client, generation uint64) error {
		chain, err := l.at(ctx, client, generation)
		if err != nil {
			return err
		}
		data, err = chain.GetBlob(ctx, name)
		return err
	})
	return data, err
}

// Drop removes events. See storage.Chain. What a plugin has dropped before it
// died is not counted.
func (l *Log) Drop(ctx context.Context, set storage.DropSet) (dropped storage.Dropped, err error) {
	err = l.store.retry(ctx, func(client *storage.Client, generation uint64) error {
		chain, err := l.at(ctx, client, generation)
		if err != nil {
			return err
		}
		dropped, err = chain.Drop(ctx, set)
		return err
	})
	return dropped, err
}

// Erase removes the data of events. See storage.Chain. What a plugin has erased
// before it died is not counted.
func (l *Log) Erase(ctx context.Context, set storage.DropSet) (erased storage.Erased, err error) {
	err = l.store.retry(ctx, func(client *storage.Client, generation uint64) error {
		chain, err := l.at(ctx, client, generation)
		if err != nil {
			return err
		}
		erased, err = chain.Erase(ctx, set)
		return err
	})
	return erased, err
}

// Close ends the use of the log. A plugin that died since has closed it too.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.chain.Close(); !fault.Is(err, fault.Unavailable) {
		return err
	}
	return nil
}

// at returns the chain as opened in a generation.
func (l *Log) at(ctx context.Context, client *storage.Client, generation uint64) (storage.Chain, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.generation == generation {
		return l.chain, nil
	}
	chain, err := client.Open(ctx, l.name, false)
	if err != nil {
		return nil, err
	}
	l.chain, l.generation = chain, generation
	return chain, nil
}
