package storagetest

import (
	"os"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/internal/conform"
	"github.com/atedb/atedb/sdk/storage"
)

// remote puts the process boundary between the suite and a factory's stores:
// over the data socket or, without, over gRPC alone.
func remote(factory Factory, withSocket bool) Factory {
	return func(t *testing.T) Place {
		place := factory(t)
		var mu sync.Mutex
		closers := make(map[storage.Store]func())
		return Place{
			Persists: place.Persists,
			Open: func(t *testing.T) storage.Store {
				store := place.Open(t)
				client, stop := serve(t, store, withSocket)
				mu.Lock()
				defer mu.Unlock()
				closers[client] = func() {
					stop()
					place.Close(t, store)
				}
				return client
			},
			Close: func(_ *testing.T, s storage.Store) {
				mu.Lock()
				defer mu.Unlock()
				closers[s]()
			},
		}
	}
}

// serve serves a store and returns a client of it, and what ends both.
func serve(t *testing.T, store storage.Store, withSocket bool) (*storage.Client, func()) {
	t.Helper()
	dir := ""
	if withSocket {
		var err error
		if dir, err = os.MkdirTemp("", "atedb-"); err != nil { // t.TempDir is too long for a socket
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	stopSocket := func() {}
	cc := conform.Pipe(t, func(reg grpc.ServiceRegistrar) {
		var err error
		if stopSocket, err = storage.RegisterServer(reg, store, dir); err != nil {
			t.Fatal(err)
		}
	})
	client, err := storage.NewClient(t.Context(), cc)
	if err != nil {
		t.Fatal(err)
	}
	return client, func() {
		client.Close()
		stopSocket()
	}
}
