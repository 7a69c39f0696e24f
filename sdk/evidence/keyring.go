package evidence

import (
	"container/list"
	"sync"

	"github.com/atedb/atedb/sdk/keys"
)

// keyringLimit is how many parsed keys a keyring keeps. Each takes about 40 KiB.
const keyringLimit = 512

// Keyring remembers public keys that it parsed, up to a limit the most recently
// used ones: parsing a key takes about as long as verifying a signature. The
// zero value is empty. Its methods may be called at the same time.
type Keyring struct {
	mu     sync.Mutex
	parsed map[string]*list.Element // of *entry, by the key's encoding
	used   list.List                // the most recently used key first
}

type entry struct {
	encoded string
	key     keys.PublicKey
}

// Parse returns what [keys.ParsePublicKey] returns. An encoding that is not a
// key is not remembered.
func (r *Keyring) Parse(encoded []byte) (keys.PublicKey, error) {
	if key, ok := r.find(encoded); ok {
		return key, nil
	}
	key, err := keys.ParsePublicKey(encoded)
	if err == nil {
		r.add(entry{string(encoded), key})
	}
	return key, err
}

// ParseAny returns what [keys.ParseAnyPublicKey] returns: also a key of Ed25519
// alone, which is not quantum-resistant. It is for those who check proofs. Such
// a key is parsed at once, and not remembered.
func (r *Keyring) ParseAny(encoded []byte) (keys.PublicKey, error) {
	if len(encoded) == keys.Ed25519PublicKeySize {
		return keys.ParseAnyPublicKey(encoded)
	}
	return r.Parse(encoded)
}

func (r *Keyring) find(encoded []byte) (keys.PublicKey, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.parsed[string(encoded)]
	if !ok {
		return keys.PublicKey{}, false
	}
	r.used.MoveToFront(e)
	return e.Value.(*entry).key, true
}

func (r *Keyring) add(e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.parsed == nil {
		r.parsed = make(map[string]*list.Element)
	}
	if _, ok := r.parsed[e.encoded]; ok { // parsed twice at the same time
		return
	}
	r.parsed[e.encoded] = r.used.PushFront(&e)
	if r.used.Len() > keyringLimit {
		oldest := r.used.Back()
		r.used.Remove(oldest)
		delete(r.parsed, oldest.Value.(*entry).encoded)
	}
}
