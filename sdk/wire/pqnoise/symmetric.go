package pqnoise

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"

	"github.com/atedb/atedb/sdk/fault"
)

const (
	hashSize      = sha512.Size
	tagSize       = 16
	nonceSize     = 12
	cipherKeySize = 32 // of the handshake's own cipher
)

// errHandshake is every failure of a handshake, so that none tells a peer more
// than another.
var errHandshake = fault.New(fault.BadMessage, "the encryption handshake failed: what the peer sent was damaged or changed on its way, or comes from another program; connect again, and suspect the network if it goes on")

// symmetricState is the Noise specification's object of that name (section
// 5.2), with AES-256-GCM and SHA-512.
type symmetricState struct {
	ck, h [hashSize]byte
	aead  cipher.AEAD // nil until a key is mixed in
	n     uint64
}

func newSymmetricState(protocol string, prologue []byte) *symmetricState {
	s := new(symmetricState)
	if copy(s.h[:], protocol) < len(protocol) {
		panic("pqnoise: the protocol's name is longer than a hash")
	}
	s.ck = s.h
	s.mixHash(prologue)
	return s
}

func (s *symmetricState) mixHash(data []byte) {
	hash := sha512.New()
	hash.Write(s.h[:])
	hash.Write(data)
	hash.Sum(s.h[:0])
}

func (s *symmetricState) mixKey(ikm []byte) {
	out := s.derive(ikm, 2)
	s.initializeKey(out[hashSize:])
}

func (s *symmetricState) mixKeyAndHash(ikm []byte) {
	out := s.derive(ikm, 3)
	s.mixHash(out[hashSize : 2*hashSize])
	s.initializeKey(out[2*hashSize:])
}

// derive is Noise's HKDF, which is RFC 5869's without info. It replaces ck by
// the first of n outputs.
func (s *symmetricState) derive(ikm []byte, n int) []byte {
	out, err := hkdf.Key(sha512.New, ikm, s.ck[:], "", n*hashSize)
	if err != nil {
		panic(err) // the length is a constant within bounds
	}
	copy(s.ck[:], out)
	return out
}

func (s *symmetricState) initializeKey(k []byte) {
	s.aead, s.n = newGCM(k[:cipherKeySize]), 0
}

// encryptAndHash appends plaintext to dst, encrypted once there is a key.
func (s *symmetricState) encryptAndHash(dst, plaintext []byte) []byte {
	start := len(dst)
	if s.aead == nil {
		dst = append(dst, plaintext...)
	} else {
		dst = s.aead.Seal(dst, s.nonce(), plaintext, s.h[:])
	}
	s.mixHash(dst[start:])
	return dst
}

// decryptAndHash returns the plaintext of what encryptAndHash appended.
func (s *symmetricState) decryptAndHash(ciphertext []byte) ([]byte, error) {
	plaintext, err := s.aead.Open(nil, s.nonce(), ciphertext, s.h[:])
	if err != nil {
		return nil, errHandshake
	}
	s.mixHash(ciphertext)
	return plaintext, nil
}

func (s *symmetricState) nonce() []byte {
	var nonce [nonceSize]byte
	binary.BigEndian.PutUint64(nonce[nonceSize-8:], s.n)
	s.n++
	return nonce[:]
}

// split ends the handshake.
func (s *symmetricState) split() (hash [hashSize]byte, initiator, responder [secretSize]byte) {
	out, err := hkdf.Key(sha512.New, nil, s.ck[:], "", 2*hashSize)
	if err != nil {
		panic(err) // the length is a constant within bounds
	}
	return s.h, [secretSize]byte(out), [secretSize]byte(out[hashSize:])
}

func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the length is one of AES
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}
