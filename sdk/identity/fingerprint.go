package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

// FingerprintPrefix begins every fingerprint's text.
const FingerprintPrefix = "SHA256:"

const fingerprintLabel = "AteDB server identity v1\x00"

// Fingerprint is the hash of a server's public keys. The zero value is no
// server's.
type Fingerprint [sha256.Size]byte

// String returns the fingerprint's text.
func (f Fingerprint) String() string {
	return FingerprintPrefix + base64.RawStdEncoding.EncodeToString(f[:])
}

// IsZero reports whether there is no fingerprint.
func (f Fingerprint) IsZero() bool { return f == Fingerprint{} }

// ParseFingerprint returns the fingerprint of a text. Its error is a fault with
// code bad_request.
func ParseFingerprint(text string) (Fingerprint, error) {
	encoded, ok := strings.CutPrefix(text, FingerprintPrefix)
	if ok && len(encoded) == base64.RawStdEncoding.EncodedLen(sha256.Size) {
		b, err := base64.RawStdEncoding.Strict().DecodeString(encoded)
		if err == nil && len(b) == sha256.Size {
			return Fingerprint(b), nil
		}
	}
	return Fingerprint{}, fault.New(fault.BadRequest, "%q is not a server's fingerprint; one is %s and 43 characters of base64", text[:min(len(text), 100)], FingerprintPrefix)
}

// fingerprint returns the fingerprint of the hashes of the three keys.
func fingerprint(xwing, mlkem, signing [sha256.Size]byte) Fingerprint {
	b := append([]byte(fingerprintLabel), xwing[:]...)
	b = append(b, mlkem[:]...)
	return sha256.Sum256(append(b, signing[:]...))
}
