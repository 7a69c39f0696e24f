package keys

import (
	"bytes"
	"crypto/hpke"
	"crypto/rand"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Sizes in bytes.
const (
	ReadSeedSize      = 32       // of a read key's seed
	ReadPublicKeySize = 1 + 1216 // of an encoded public read key
)

// ReadKey opens what was encrypted to its public half: an X-Wing key. Its
// methods may run at once. It prints as [secret], with every verb.
type ReadKey struct {
	secret func() *readSecret // a function, as a SigningKey's
	public ReadPublicKey
}

type readSecret struct{ seed [ReadSeedSize]byte }

// NewReadKey makes a key from the system's randomness.
func NewReadKey() *ReadKey {
	var seed [ReadSeedSize]byte
	_, _ = rand.Read(seed[:]) // it never fails: the process ends instead
	k, err := ReadKeyFromSeed(seed[:])
	if err != nil {
		panic("keys: " + err.Error()) // every seed of this size is a key
	}
	return k
}

// ReadKeyFromSeed returns the key that has this seed, of ReadSeedSize bytes.
// It keeps a copy.
func ReadKeyFromSeed(seed []byte) (*ReadKey, error) {
	if len(seed) != ReadSeedSize {
		return nil, fault.New(fault.BadRequest, "a read key's seed has %d bytes; %d are needed", len(seed), ReadSeedSize)
	}
	s := &readSecret{[ReadSeedSize]byte(seed)}
	k := &ReadKey{secret: func() *readSecret { return s }}
	private, err := k.HPKE()
	if err != nil {
		return nil, err
	}
	encoded := append([]byte{algorithmRead}, private.PublicKey().Bytes()...)
	k.public = ReadPublicKey{encoded: encoded, id: event.KeyID(encoded), hpke: private.PublicKey()}
	return k, nil
}

// Seed returns a copy of the key's seed. It is all that needs to be kept, and
// to be kept secret.
func (k *ReadKey) Seed() []byte { return bytes.Clone(k.secret().seed[:]) }

// Public returns the key's public half.
func (k *ReadKey) Public() ReadPublicKey { return k.public }

// HPKE returns the key for crypto/hpke with [hpke.MLKEM768X25519]. It is
// derived anew from the seed, in about 50 µs.
func (k *ReadKey) HPKE() (hpke.PrivateKey, error) {
	private, err := hpke.MLKEM768X25519().NewPrivateKey(k.secret().seed[:])
	if err != nil {
		return nil, fault.New(fault.Internal, "deriving a read key from its seed: %w", err)
	}
	return private, nil
}

// ReadPublicKey is what data is encrypted to. Copies may be used at once. The
// zero value is no key.
type ReadPublicKey struct {
	encoded []byte // never changed
	id      event.Hash
	hpke    hpke.PublicKey
}

// ParseReadPublicKey parses what Bytes returns. It keeps a copy.
func ParseReadPublicKey(encoded []byte) (ReadPublicKey, error) {
	if err := checkEncoded("read", encoded, algorithmRead, ReadPublicKeySize); err != nil {
		return ReadPublicKey{}, err
	}
	encoded = bytes.Clone(encoded)
	public, err := hpke.MLKEM768X25519().NewPublicKey(encoded[1:])
	if err != nil {
		return ReadPublicKey{}, fault.New(fault.BadRequest, "parsing a public read key: %w", err)
	}
	return ReadPublicKey{encoded: encoded, id: event.KeyID(encoded), hpke: public}, nil
}

// Bytes returns a copy of the key's encoding, of ReadPublicKeySize bytes; nil
// for no key.
func (k ReadPublicKey) Bytes() []byte { return bytes.Clone(k.encoded) }

// ID returns the key's id, which is [event.KeyID] of its encoding; zeros for
// no key.
func (k ReadPublicKey) ID() event.Hash { return k.id }

// IsZero reports whether k is no key.
func (k ReadPublicKey) IsZero() bool { return k.hpke == nil }

// HPKE returns the key for crypto/hpke. No key is an error.
func (k ReadPublicKey) HPKE() (hpke.PublicKey, error) {
	if k.hpke == nil {
		return nil, fault.New(fault.BadRequest, "encrypting needs a public read key, and there is none")
	}
	return k.hpke, nil
}
