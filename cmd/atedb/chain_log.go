package main

import (
	"context"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/plugins/storage/file"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// lookedLog is the log of a chain that is looked at. The side blobs that the
// chain makes from its records are kept in memory.
type lookedLog struct {
	*file.FolderChain
	made map[string][]byte
}

var _ chain.Log = (*lookedLog)(nil)

// trust returns the chain's mode of trust.
func (l *lookedLog) trust(ctx context.Context) (event.Trust, error) {
	records, err := l.Read(ctx, nil, 0, 1, false)
	if err != nil {
		return 0, err
	}
	for batch, err := range event.Records(records) {
		if err != nil {
			return 0, err
		}
		for f, err := range batch.Events() {
			if err != nil {
				return 0, err
			}
			genesis, _, err := event.ParseGenesis(f)
			return genesis.Trust, err
		}
	}
	return 0, fault.New(fault.NotFound, "the chain has no events: it was being made when its server died")
}

var errLooked = fault.New(fault.Internal, "a chain that is only looked at would be changed")

// Append implements chain.Log.
func (l *lookedLog) Append([]byte) error { return errLooked }

// Drop implements chain.Log.
func (l *lookedLog) Drop(context.Context, storage.DropSet) (storage.Dropped, error) {
	return storage.Dropped{}, errLooked
}

// Erase implements chain.Log.
func (l *lookedLog) Erase(context.Context, storage.DropSet) (storage.Erased, error) {
	return storage.Erased{}, errLooked
}

// PutBlob implements chain.Log.
func (l *lookedLog) PutBlob(_ context.Context, name string, data []byte) error {
	l.made[name] = append([]byte(nil), data...)
	return nil
}

// GetBlob implements chain.Log.
func (l *lookedLog) GetBlob(ctx context.Context, name string) ([]byte, error) {
	if data, ok := l.made[name]; ok {
		if len(data) == 0 {
			return nil, fault.New(fault.NotFound, "there is no blob %q", name)
		}
		return data, nil
	}
	return l.FolderChain.GetBlob(ctx, name)
}
