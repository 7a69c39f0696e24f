package evidence

import (
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// Sizes of a proof's parts, in bytes.
const (
	BindingSize = 32
	ProofSize   = 1 + keys.SignatureSize // by a quantum-resistant key
)

const proofVersion = 1

// SignProof returns the proof, to the server at the other end of a connection,
// that the connection's owner has the key. The binding is the connection's, of
// BindingSize bytes; nobody accepts a proof made with one of another size.
func SignProof(key *keys.SigningKey, chain event.ChainID, binding []byte) []byte {
	signature := key.Sign(keys.ForProof, proofMessage(key.Public().ID(), chain, binding))
	return append([]byte{proofVersion}, signature...)
}

// VerifyProof checks a proof that SignProof made. One that is not this key's,
// for this chain and binding, is a bad_proof fault.
func VerifyProof(pub keys.PublicKey, chain event.ChainID, binding, proof []byte) error {
	switch {
	case len(binding) != BindingSize:
		return fault.New(fault.BadProof, "a proof was checked against a connection's binding of %d bytes; it has %d", len(binding), BindingSize)
	case len(proof) == 0:
		return fault.New(fault.BadProof, "the proof of owning key %s is empty", pub.ID())
	case proof[0] != proofVersion:
		return fault.New(fault.BadProof, "the proof of owning key %s is of version %d; this program knows version %d: the server or the client must be upgraded", pub.ID(), proof[0], proofVersion)
	case !pub.IsZero() && len(proof) != 1+pub.SignatureSize():
		return fault.New(fault.BadProof, "the proof of owning key %s has %d bytes; a proof has %d", pub.ID(), len(proof), 1+pub.SignatureSize())
	case !pub.Verify(keys.ForProof, proofMessage(pub.ID(), chain, binding), proof[1:]):
		return fault.New(fault.BadProof, "the proof of owning key %s was not made by that key for this connection and chain %s; make a new one for each connection", pub.ID(), chain)
	}
	return nil
}

// proofMessage is what a proof signs.
func proofMessage(key event.Hash, chain event.ChainID, binding []byte) []byte {
	m := make([]byte, 0, 1+BindingSize+len(chain)+len(key))
	m = append(m, proofVersion)
	m = append(m, binding...)
	m = append(m, chain[:]...)
	return append(m, key[:]...)
}
