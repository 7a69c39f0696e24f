package event

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// ChainID identifies a chain: the leaf hash of its genesis event.
type ChainID Hash

// String returns the id in hexadecimal.
func (id ChainID) String() string { return hex.EncodeToString(id[:]) }

// LeafHash returns the hash by which an event stands in its chain's Merkle
// tree. The package comment defines it.
func LeafHash(chain ChainID, header, data []byte) Hash {
	f := Frame{Header: header, Data: data, DataLen: len(data)}
	return f.Leaf(chain)
}

// Leaf returns the event's leaf hash, also when its data was left out.
func (f *Frame) Leaf(chain ChainID) Hash {
	headerHash, dataHash := sha256.Sum256(f.Header), f.DataHash()
	var b [1 + 3*sha256.Size + 2*8]byte
	at := 1 + copy(b[1:], chain[:])
	binary.LittleEndian.PutUint64(b[at:], uint64(len(f.Header)))
	at += 8 + copy(b[at+8:], headerHash[:])
	binary.LittleEndian.PutUint64(b[at:], uint64(f.DataLen))
	copy(b[at+8:], dataHash[:])
	return sha256.Sum256(b[:])
}

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// KeyID identifies a public key: the SHA-256 of its encoding, which begins with
// its algorithm.
func KeyID(publicKey []byte) Hash { return sha256.Sum256(publicKey) }
