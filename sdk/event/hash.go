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
	headerHash, dataHash := sha256.Sum256(header), sha256.Sum256(data)
	b := make([]byte, 0, 1+3*sha256.Size+2*8)
	b = append(b, 0)
	b = append(b, chain[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(header)))
	b = append(b, headerHash[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	b = append(b, dataHash[:]...)
	return sha256.Sum256(b)
}

// KeyID identifies a public key: the SHA-256 of its encoding, which begins with
// its algorithm.
func KeyID(publicKey []byte) Hash { return sha256.Sum256(publicKey) }
