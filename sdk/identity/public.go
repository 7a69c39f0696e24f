package identity

import (
	"crypto/sha256"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire/pqnoise"
)

// Sizes in bytes.
const (
	// MaxSigning is the most of an encoded signing key.
	MaxSigning = 4096
	// MaxPublic is the most of an encoded public identity.
	MaxPublic = 1 + 1216 + 1665 + MaxSigning
	// MaxDisclosure is the most of a disclosure.
	MaxDisclosure = 1 + sha256.Size + MaxSigning
)

const version = 1

// Public is a server's public keys.
type Public struct {
	XWing         []byte
	MLKEM1024P384 []byte
	Signing       []byte // as package keys encodes it; nothing here looks inside
}

// Encode returns the encoded identity.
func (p Public) Encode() []byte {
	b := make([]byte, 0, 1+len(p.XWing)+len(p.MLKEM1024P384)+len(p.Signing))
	b = append(append(b, version), p.XWing...)
	return append(append(b, p.MLKEM1024P384...), p.Signing...)
}

// Parse decodes a public identity, which keeps b. It checks lengths, not that
// the keys are good. Its error is a fault: not_supported for another version,
// bad_message for anything else.
func Parse(b []byte) (Public, error) {
	if err := checkVersion(b); err != nil {
		return Public{}, err
	}
	signing := 1 + pqnoise.XWing.PublicKeySize() + pqnoise.MLKEM1024P384.PublicKeySize()
	if n := len(b) - signing; n < 1 || n > MaxSigning {
		return Public{}, fault.New(fault.BadMessage, "a server's identity has %d bytes; it must have %d to %d", len(b), signing+1, signing+MaxSigning)
	}
	xwing, rest := b[1:1+pqnoise.XWing.PublicKeySize()], b[1+pqnoise.XWing.PublicKeySize():]
	mlkem := rest[:pqnoise.MLKEM1024P384.PublicKeySize()]
	return Public{XWing: xwing, MLKEM1024P384: mlkem, Signing: rest[len(mlkem):]}, nil
}

// Fingerprint returns the identity's fingerprint.
func (p Public) Fingerprint() Fingerprint {
	return fingerprint(sha256.Sum256(p.XWing), sha256.Sum256(p.MLKEM1024P384), sha256.Sum256(p.Signing))
}

// Disclose returns what lets somebody who was shown the key of a mechanism know
// the rest.
func (p Public) Disclose(shown pqnoise.KEM) []byte {
	other := sha256.Sum256(p.MLKEM1024P384)
	if shown == pqnoise.MLKEM1024P384 {
		other = sha256.Sum256(p.XWing)
	}
	return append(append([]byte{version}, other[:]...), p.Signing...)
}

// Disclosed is what a disclosure and a shown key say.
type Disclosed struct {
	Fingerprint Fingerprint
	Signing     []byte // the signing key that the fingerprint stands for
}

// ParseDisclosure returns what a disclosure says of the server that showed a
// key, of the length that its mechanism asks for. Errors are as Parse's.
func ParseDisclosure(shown pqnoise.KEM, key, b []byte) (Disclosed, error) {
	if err := checkVersion(b); err != nil {
		return Disclosed{}, err
	}
	const signing = 1 + sha256.Size
	if n := len(b) - signing; n < 1 || n > MaxSigning {
		return Disclosed{}, fault.New(fault.BadMessage, "a server's identity was disclosed in %d bytes; it must be %d to %d", len(b), signing+1, MaxDisclosure)
	}
	xwing, mlkem := sha256.Sum256(key), [sha256.Size]byte(b[1:signing])
	if shown == pqnoise.MLKEM1024P384 {
		xwing, mlkem = mlkem, xwing
	}
	return Disclosed{Fingerprint: fingerprint(xwing, mlkem, sha256.Sum256(b[signing:])), Signing: b[signing:]}, nil
}

func checkVersion(b []byte) error {
	if len(b) == 0 {
		return fault.New(fault.BadMessage, "a server's identity is empty")
	}
	if b[0] != version {
		return fault.New(fault.Unsupported, "a server's identity has version %d; this program knows version %d: upgrade it", b[0], version)
	}
	return nil
}
