package group

import (
	"fmt"
	"io"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// Key is a secret key of a role. It prints as its role and generation.
type Key struct {
	Role       Role
	Generation uint32
	Signing    *keys.SigningKey // of every role but Observer
	Read       *keys.ReadKey    // of Observer
}

// newKey makes a key from the system's randomness.
func newKey(r Role, generation uint32) Key {
	if r.signs() {
		return Key{Role: r, Generation: generation, Signing: keys.NewSigningKey()}
	}
	return Key{Role: r, Generation: generation, Read: keys.NewReadKey()}
}

func keyFromSeed(r Role, generation uint32, seed []byte) (Key, error) {
	k := Key{Role: r, Generation: generation}
	var err error
	if len(seed) != r.seedSize() {
		return Key{}, fault.New(fault.Damaged, "a seed of the %ss' key has %d bytes; %d are needed", r, len(seed), r.seedSize())
	}
	if r.signs() {
		k.Signing, err = keys.SigningKeyFromSeed(seed)
	} else {
		k.Read, err = keys.ReadKeyFromSeed(seed)
	}
	return k, err
}

// ID returns the id of the public key.
func (k Key) ID() event.Hash {
	if k.Role.signs() {
		public := k.Signing.Public()
		return public.ID()
	}
	public := k.Read.Public()
	return public.ID()
}

func (k Key) seed() []byte {
	if k.Role.signs() {
		return k.Signing.Seed()
	}
	return k.Read.Seed()
}

// Format prints the role and generation, whatever the verb.
func (k Key) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, fmt.Sprintf("%s key, generation %d", k.Role.String(), k.Generation))
}
