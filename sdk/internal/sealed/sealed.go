// Package sealed encrypts small secrets with keys that are kept elsewhere.
//
//	offset  size  field
//	     0     1  version, 1
//	     1    24  nonce, random
//	    25     N  XChaCha20 ciphertext
//	  25+N    16  Poly1305 tag
//
// The algorithm is XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), whose nonce is
// long enough to be chosen at random. The associated data says what is sealed
// and for whom, and begins with a label, so that nothing sealed for one use
// opens in another.
package sealed

import (
	"crypto/rand"
	"errors"

	"golang.org/x/crypto/chacha20poly1305"
)

// Sizes in bytes.
const (
	KeySize  = chacha20poly1305.KeySize
	Overhead = 1 + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
)

const (
	version = 1
	header  = 1 + chacha20poly1305.NonceSizeX
)

// What Open says, to be wrapped by who knows what was to be opened.
var (
	ErrVersion = errors.New("it is of a version that this release does not know")
	ErrOpen    = errors.New("it was changed, or sealed with another key or for another use")
)

// Seal encrypts plaintext. The key has KeySize bytes; another size is a bug, and
// panics.
func Seal(key, associated, plaintext []byte) []byte {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic(err)
	}
	b := make([]byte, header, header+len(plaintext)+chacha20poly1305.Overhead)
	b[0] = version
	rand.Read(b[1:])
	return aead.Seal(b, b[1:], plaintext, associated)
}

// Open decrypts what Seal returned for the same key and associated data.
func Open(key, associated, sealed []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) > 0 && sealed[0] != version {
		return nil, ErrVersion
	}
	if len(sealed) < Overhead {
		return nil, ErrOpen
	}
	plaintext, err := aead.Open(nil, sealed[1:header], sealed[header:], associated)
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}
