package secrecy

import (
	"slices"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// Keyring is what a user reads one chain with: read keys, and the data keys
// that they opened so far. It may be used from several goroutines at once.
type Keyring struct {
	chain event.ChainID
	read  []*keys.ReadKey // never changes

	mu   sync.RWMutex
	data map[event.Hash]*DataKey // at most MaxKeyring, by id; guarded by mu
}

// NewKeyring returns a keyring that opens the records of one chain with these
// read keys.
func NewKeyring(chain event.ChainID, read ...*keys.ReadKey) *Keyring {
	return &Keyring{chain: chain, read: slices.Clone(read), data: map[event.Hash]*DataKey{}}
}

// Find returns the data key of this id, if it was put or added before and is
// still held.
func (r *Keyring) Find(id event.Hash) (*DataKey, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	k, found := r.data[id]
	return k, found
}

// Put holds a data key from now on. When MaxKeyring are held, it forgets any
// one of them; the data key's record can be added again.
func (r *Keyring) Put(k *DataKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, held := r.data[k.id]; !held && len(r.data) >= MaxKeyring {
		for id := range r.data {
			delete(r.data, id)
			break
		}
	}
	r.data[k.id] = k
}

// Add opens records with the first read key that can, and puts the data keys. A
// record whose data key is held is not opened again. Add goes on after a record
// that it cannot open, and then returns the first failure that is not for want
// of membership (code damaged), else one with code no_read_key.
func (r *Keyring) Add(records ...Record) error {
	var failure error
	for i := range records {
		if _, held := r.Find(records[i].ID); held {
			continue
		}
		k, err := r.unwrap(&records[i])
		if err != nil {
			failure = worse(failure, err)
			continue
		}
		r.Put(k)
	}
	return failure
}

func (r *Keyring) unwrap(record *Record) (*DataKey, error) {
	var failure error
	for _, key := range r.read {
		k, err := record.Unwrap(r.chain, key)
		if err == nil {
			return k, nil
		}
		failure = worse(failure, err)
	}
	if failure == nil {
		return nil, fault.New(fault.NoReadKey, "there is no read key to open data key %s with; load one that the owner of object %q made a member", record.ID, record.Authority)
	}
	return nil, failure
}

// worse returns the first of two errors, but damage before want of membership.
func worse(a, b error) error {
	if a == nil || fault.Is(a, fault.NoReadKey) && !fault.Is(b, fault.NoReadKey) {
		return b
	}
	return a
}
