package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Sizes in bytes, of a key of Ed25519 alone.
const (
	Ed25519PublicKeySize = 1 + ed25519.PublicKeySize // of an encoded public key
	Ed25519SignatureSize = ed25519.SignatureSize     // of a signature
)

// ed25519Version begins what a key of Ed25519 alone signs.
const ed25519Version = "ate-ed25519-v1"

// Ed25519SigningKey returns the signing key that is this Ed25519 key alone, which
// is not quantum-resistant: use it only with a key that somebody has already. It
// keeps a copy.
func Ed25519SigningKey(private ed25519.PrivateKey) (*SigningKey, error) {
	if len(private) != ed25519.PrivateKeySize {
		return nil, fault.New(fault.BadRequest, "a private Ed25519 key has %d bytes; %d are needed", len(private), ed25519.PrivateKeySize)
	}
	s := &signingSecret{seed: bytes.Clone(private.Seed())}
	s.ed25519 = ed25519.NewKeyFromSeed(s.seed)
	if !s.ed25519.Equal(private) {
		return nil, fault.New(fault.BadRequest, "a private Ed25519 key is damaged: its public half is that of another key")
	}
	public, err := Ed25519PublicKey(private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return &SigningKey{secret: func() *signingSecret { return s }, public: public}, nil
}

// Ed25519PublicKey returns the public key that is this Ed25519 key alone. It
// keeps a copy.
func Ed25519PublicKey(public ed25519.PublicKey) (PublicKey, error) {
	return parseEd25519(append([]byte{algorithmEd25519}, public...))
}

// ParseAnyPublicKey parses what Bytes returns also of a key of Ed25519 alone,
// which is not quantum-resistant. It is for those who check a connection's
// proofs, or say who owns a chain of centralized trust; all others are to refuse
// such keys, as [ParsePublicKey] does.
func ParseAnyPublicKey(encoded []byte) (PublicKey, error) {
	if len(encoded) > 0 && encoded[0] == algorithmEd25519 {
		return parseEd25519(bytes.Clone(encoded))
	}
	return ParsePublicKey(encoded)
}

// parseEd25519 parses an encoding that begins with its algorithm, and keeps it.
func parseEd25519(encoded []byte) (PublicKey, error) {
	if len(encoded) != Ed25519PublicKeySize {
		return PublicKey{}, fault.New(fault.BadRequest, "a public signing key of Ed25519 alone has %d bytes; %d are needed", len(encoded), Ed25519PublicKeySize)
	}
	public := ed25519.PublicKey(encoded[1:])
	if isSmallOrder(public) {
		return PublicKey{}, fault.New(fault.BadRequest, "a public signing key of Ed25519 is a point of small order, with which anybody can make signatures; make another key")
	}
	return PublicKey{encoded: encoded, id: event.KeyID(encoded), ed25519: public}, nil
}

// ed25519Message is what a key of Ed25519 alone signs. The context has at most
// 255 bytes.
func ed25519Message(context string, message []byte) []byte {
	hash := sha512.Sum512(message)
	m := make([]byte, 0, len(ed25519Version)+1+len(context)+len(hash))
	m = append(m, ed25519Version...)
	m = append(m, byte(len(context)))
	m = append(m, context...)
	return append(m, hash[:]...)
}

func (k *PublicKey) verifyEd25519(context string, message, signature []byte) bool {
	return k.mldsa == nil && k.ed25519 != nil && ed25519.Verify(k.ed25519, ed25519Message(context, message), signature)
}
