package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"

	"github.com/cloudflare/circl/sign/mldsa/mldsa65"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Sizes in bytes.
const (
	SigningSeedSize = mldsa65.SeedSize + ed25519.SeedSize               // of a signing key's seed
	PublicKeySize   = 1 + mldsa65.PublicKeySize + ed25519.PublicKeySize // of an encoded public key
	SignatureSize   = mldsa65.SignatureSize + ed25519.SignatureSize     // of a signature
)

// SigningKey signs. Its methods may run at once. It prints as [secret], with
// every verb. It is quantum-resistant unless [Ed25519SigningKey] made it.
type SigningKey struct {
	secret func() *signingSecret // a function, so that printing whatever holds the key shows an address
	public PublicKey
}

type signingSecret struct {
	seed    []byte
	mldsa   *mldsa65.PrivateKey // nil in a key of Ed25519 alone
	ed25519 ed25519.PrivateKey
}

// NewSigningKey makes a key from the system's randomness.
func NewSigningKey() *SigningKey {
	var seed [SigningSeedSize]byte
	_, _ = rand.Read(seed[:]) // it never fails: the process ends instead
	return newSigningKey(seed)
}

// SigningKeyFromSeed returns the key that has this seed, of SigningSeedSize
// bytes: the ML-DSA seed ξ, then the Ed25519 seed. It keeps a copy.
func SigningKeyFromSeed(seed []byte) (*SigningKey, error) {
	if len(seed) != SigningSeedSize {
		return nil, fault.New(fault.BadRequest, "a signing key's seed has %d bytes; %d are needed", len(seed), SigningSeedSize)
	}
	return newSigningKey([SigningSeedSize]byte(seed)), nil
}

func newSigningKey(seed [SigningSeedSize]byte) *SigningKey {
	s := &signingSecret{seed: seed[:], ed25519: ed25519.NewKeyFromSeed(seed[mldsa65.SeedSize:])}
	var public *mldsa65.PublicKey
	public, s.mldsa = mldsa65.NewKeyFromSeed((*[mldsa65.SeedSize]byte)(seed[:]))
	encoded := append([]byte{algorithmSign}, public.Bytes()...)
	encoded = append(encoded, s.ed25519.Public().(ed25519.PublicKey)...)
	return &SigningKey{secret: func() *signingSecret { return s }, public: newPublicKey(public, encoded)}
}

// Seed returns a copy of the key's seed: SigningSeedSize bytes, or
// ed25519.SeedSize of a key of Ed25519 alone. It is all that needs to be kept,
// and to be kept secret.
func (k *SigningKey) Seed() []byte { return bytes.Clone(k.secret().seed) }

// Public returns the key's public half.
func (k *SigningKey) Public() PublicKey { return k.public }

// Sign returns a signature over the message for one purpose, of as many bytes as
// [PublicKey.SignatureSize] says. It is hedged, so two signatures of a message
// differ, unless the key is of Ed25519 alone. It panics if the purpose is not
// valid.
func (k *SigningKey) Sign(p Purpose, message []byte) []byte {
	if !p.valid() {
		panic(fmt.Sprintf("keys: a purpose has %d bytes; 1 to %d are allowed", len(p), maxPurpose))
	}
	s := k.secret()
	if s.mldsa == nil {
		return ed25519.Sign(s.ed25519, ed25519Message(string(p), message))
	}
	return s.signComposite(string(p), message)
}

// PublicKey checks signatures. It is parsed once; copies share what is parsed,
// and may be used at once. The zero value is no key.
type PublicKey struct {
	encoded []byte // never changed
	id      event.Hash
	mldsa   *mldsa65.PublicKey // nil of a key of Ed25519 alone
	ed25519 ed25519.PublicKey
}

// ParsePublicKey parses what Bytes returns, if the key is quantum-resistant. It
// keeps a copy.
func ParsePublicKey(encoded []byte) (PublicKey, error) {
	if err := checkEncoded("signing", encoded, algorithmSign, PublicKeySize); err != nil {
		return PublicKey{}, err
	}
	var public mldsa65.PublicKey
	if err := public.UnmarshalBinary(encoded[1 : 1+mldsa65.PublicKeySize]); err != nil {
		return PublicKey{}, fault.New(fault.BadRequest, "parsing a public signing key's ML-DSA-65 half: %w", err)
	}
	return newPublicKey(&public, bytes.Clone(encoded)), nil
}

func newPublicKey(public *mldsa65.PublicKey, encoded []byte) PublicKey {
	return PublicKey{
		encoded: encoded, id: event.KeyID(encoded),
		mldsa: public, ed25519: encoded[1+mldsa65.PublicKeySize:],
	}
}

// Bytes returns a copy of the key's encoding, of PublicKeySize bytes, or
// Ed25519PublicKeySize of a key of Ed25519 alone; nil for no key.
func (k PublicKey) Bytes() []byte { return bytes.Clone(k.encoded) }

// ID returns the key's id, which is [event.KeyID] of its encoding; zeros for
// no key.
func (k PublicKey) ID() event.Hash { return k.id }

// IsZero reports whether k is no key.
func (k PublicKey) IsZero() bool { return k.encoded == nil }

// QuantumResistant reports whether forging a signature of the key takes more
// than a quantum computer. It is false of a key of Ed25519 alone, and of no key.
func (k PublicKey) QuantumResistant() bool { return k.mldsa != nil }

// SignatureSize returns the size of the key's signatures, in bytes; 0 for no
// key.
func (k PublicKey) SignatureSize() int {
	switch {
	case k.QuantumResistant():
		return SignatureSize
	case k.IsZero():
		return 0
	}
	return Ed25519SignatureSize
}

// Verify reports whether the signature is a good one of the message, by this
// key, for this purpose. Any bytes may be given; no key has any signature, and
// a key of Ed25519 alone has them for proofs only.
func (k PublicKey) Verify(p Purpose, message, signature []byte) bool {
	if k.QuantumResistant() {
		return p.valid() && k.verifyComposite(string(p), message, signature)
	}
	return p == ForProof && k.verifyEd25519(string(p), message, signature)
}
