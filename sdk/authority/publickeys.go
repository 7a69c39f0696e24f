package authority

import (
	"bytes"
	"encoding/binary"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// publicKeys is the public keys that a chain knows. The leader alone changes
// it.
type publicKeys struct {
	genesis map[event.Hash][]byte // never changes

	mu         sync.RWMutex          // guards what follows; the leader reads without it
	introduced map[event.Hash][]byte // settled and staged
	staged     []event.Hash          // which of them are staged, oldest first
}

func newPublicKeys(root [][]byte) *publicKeys {
	k := &publicKeys{genesis: make(map[event.Hash][]byte), introduced: make(map[event.Hash][]byte)}
	for _, key := range root {
		k.genesis[event.KeyID(key)] = key
	}
	return k
}

func (k *publicKeys) find(id event.Hash) ([]byte, bool) {
	if key, ok := k.genesis[id]; ok {
		return key, true
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	key, ok := k.introduced[id]
	return key, ok
}

// knows is find for the leader.
func (k *publicKeys) knows(id event.Hash) bool {
	return k.genesis[id] != nil || k.introduced[id] != nil
}

// room returns why these keys cannot be introduced too, or nil.
func (k *publicKeys) room(keys [][]byte) error {
	if len(k.introduced)+len(keys) <= MaxKeys {
		return nil
	}
	fresh := make(map[event.Hash]struct{})
	for _, key := range keys {
		if id := event.KeyID(key); !k.knows(id) {
			fresh[id] = struct{}{}
		}
	}
	if len(fresh) > 0 && len(k.introduced)+len(fresh) > MaxKeys {
		return fault.New(fault.TooLarge, "the chain's events have introduced %d public keys; at most %d can be, so use keys that it knows", len(k.introduced), MaxKeys)
	}
	return nil
}

// introduce stages keys. It copies them.
func (k *publicKeys) introduce(keys [][]byte) {
	if len(keys) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range keys {
		if id := event.KeyID(key); !k.knows(id) {
			k.introduced[id] = bytes.Clone(key)
			k.staged = append(k.staged, id)
		}
	}
}

// revert takes back all but the oldest n staged keys.
func (k *publicKeys) revert(n int) {
	if len(k.staged) == n {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range k.staged[n:] {
		delete(k.introduced, id)
	}
	k.staged = k.staged[:n]
}

func (k *publicKeys) settle() { k.staged = k.staged[:0] }

// appendSettled appends the introduced keys that are settled, for a snapshot.
func (k *publicKeys) appendSettled(dst []byte) []byte {
	k.mu.RLock()
	defer k.mu.RUnlock()
	staged := make(map[event.Hash]struct{}, len(k.staged))
	for _, id := range k.staged {
		staged[id] = struct{}{}
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(k.introduced)-len(staged)))
	for id, key := range k.introduced {
		if _, ok := staged[id]; !ok {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(len(key)))
			dst = append(dst, key...)
		}
	}
	return dst
}
