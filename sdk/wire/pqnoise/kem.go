package pqnoise

import (
	"crypto/hpke"
	"crypto/rand"

	"github.com/cloudflare/circl/kem/mlkem/mlkem768"
	"github.com/cloudflare/circl/kem/xwing"

	"github.com/atedb/atedb/sdk/fault"
)

// KEM is a key encapsulation mechanism that a handshake is made with.
type KEM uint8

// The mechanisms.
const (
	XWing KEM = 1 + iota
	MLKEM1024P384
)

// SeedSize is the length of a private key's seed, of either mechanism.
const SeedSize = 32

const (
	sharedSize      = 32 // of a shared secret
	mlkem1024Key    = 1568
	mlkem1024Cipher = 1568
	p384Point       = 97
)

// hybridExport is the exporter context of a MLKEM1024P384 shared secret.
const hybridExport = "AteDB pqNX"

// String returns the mechanism's name in a protocol's name.
func (k KEM) String() string {
	if k == MLKEM1024P384 {
		return "MLKEM1024P384"
	}
	return "XWing"
}

// PublicKeySize is the exact length of an encoded public key.
func (k KEM) PublicKeySize() int {
	if k == MLKEM1024P384 {
		return mlkem1024Key + p384Point
	}
	return xwing.PublicKeySize
}

func (k KEM) ciphertextSize() int {
	if k == MLKEM1024P384 {
		return mlkem1024Cipher + p384Point
	}
	return xwing.CiphertextSize
}

// PrivateKey is a key pair of a mechanism. It is safe for concurrent use.
type PrivateKey struct {
	kem    KEM
	public []byte
	xwing  *xwing.PrivateKey
	hybrid hpke.PrivateKey
}

// NewPrivateKey returns the key pair of a seed of SeedSize bytes.
func (k KEM) NewPrivateKey(seed []byte) (*PrivateKey, error) {
	if len(seed) != SeedSize {
		return nil, fault.New(fault.Internal, "the seed of a key of %s is %d bytes long; it must be %d", k, len(seed), SeedSize)
	}
	if k == MLKEM1024P384 {
		private, err := hpke.MLKEM1024P384().NewPrivateKey(seed)
		if err != nil {
			return nil, fault.New(fault.Internal, "deriving a key of %s: %w", k, err)
		}
		return &PrivateKey{kem: k, hybrid: private, public: private.PublicKey().Bytes()}, nil
	}
	private, public := xwing.DeriveKeyPair(seed)
	p := &PrivateKey{kem: k, xwing: private, public: make([]byte, xwing.PublicKeySize)}
	public.Pack(p.public)
	return p, nil
}

// GenerateKey returns a new key pair.
func (k KEM) GenerateKey() (*PrivateKey, error) {
	var seed [SeedSize]byte
	rand.Read(seed[:])
	return k.NewPrivateKey(seed[:])
}

// KEM returns the key's mechanism.
func (p *PrivateKey) KEM() KEM { return p.kem }

// Public returns the encoded public key, which the caller must not change.
func (p *PrivateKey) Public() []byte { return p.public }

// String hides the key.
func (p *PrivateKey) String() string { return "private key of " + p.kem.String() }

// GoString hides the key.
func (p *PrivateKey) GoString() string { return p.String() }

// encapsulate makes a shared secret for the owner of a public key and the
// ciphertext that carries it.
func (k KEM) encapsulate(public []byte) (ciphertext, shared []byte, err error) {
	return k.encapsulateWith(public, nil)
}

// encapsulateWith takes an X-Wing encapsulation's 64 bytes of randomness from
// random unless that is nil.
func (k KEM) encapsulateWith(public, random []byte) (ciphertext, shared []byte, err error) {
	if !k.plausible(public, k.PublicKeySize()) {
		return nil, nil, errHandshake
	}
	if k == XWing {
		if shared, ciphertext, err = xwing.Encapsulate(public, random); err != nil {
			return nil, nil, errHandshake
		}
		return ciphertext, shared, nil
	}
	key, err := hpke.MLKEM1024P384().NewPublicKey(public)
	if err != nil {
		return nil, nil, errHandshake
	}
	ciphertext, sender, err := hpke.NewSender(key, hpke.HKDFSHA512(), hpke.ExportOnly(), nil)
	if err != nil {
		return nil, nil, errHandshake
	}
	if shared, err = sender.Export(hybridExport, sharedSize); err != nil {
		return nil, nil, errHandshake
	}
	return ciphertext, shared, nil
}

// decapsulate returns the shared secret that a ciphertext carries.
func (p *PrivateKey) decapsulate(ciphertext []byte) (shared []byte, err error) {
	if !p.kem.plausible(ciphertext, p.kem.ciphertextSize()) {
		return nil, errHandshake
	}
	if p.kem == XWing {
		shared = make([]byte, sharedSize)
		p.xwing.DecapsulateTo(shared, ciphertext)
		return shared, nil
	}
	recipient, err := hpke.NewRecipient(ciphertext, p.hybrid, hpke.HKDFSHA512(), hpke.ExportOnly(), nil)
	if err != nil {
		return nil, errHandshake
	}
	if shared, err = recipient.Export(hybridExport, sharedSize); err != nil {
		return nil, errHandshake
	}
	return shared, nil
}

// plausible refuses what no honest peer makes of a public key or a ciphertext,
// beyond what the mechanism itself checks: another length, an ML-KEM part of
// zeros, and an X25519 part that makes every shared secret zero.
func (k KEM) plausible(b []byte, size int) bool {
	if len(b) != size {
		return false
	}
	if k == MLKEM1024P384 {
		return !isZero(b[:len(b)-p384Point])
	}
	const point = 32
	return !isZero(b[:len(b)-point]) && !isLowOrder(b[len(b)-point:])
}

// X-Wing puts the ML-KEM part first, and the point last.
var _ = [1]struct{}{}[xwing.PublicKeySize-mlkem768.PublicKeySize-32]

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
