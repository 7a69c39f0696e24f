package keys

import "github.com/atedb/atedb/sdk/fault"

// The first byte of an encoded public key.
const (
	algorithmSign    = 1 // ML-DSA-65 + Ed25519
	algorithmRead    = 2 // X-Wing
	algorithmEd25519 = 3 // Ed25519 alone: a signing key that is not quantum-resistant
)

func checkEncoded(kind string, encoded []byte, algorithm byte, size int) error {
	switch {
	case len(encoded) == 0:
		return fault.New(fault.BadRequest, "a public %s key is empty", kind)
	case encoded[0] == algorithmEd25519 && algorithm == algorithmSign:
		return fault.New(fault.Unsupported, "a public %s key is of Ed25519 alone, which is not quantum-resistant and counts only for a connection's proofs in centralized trust; use a key that ate key new makes", kind)
	case encoded[0] != algorithm && encoded[0] >= algorithmSign && encoded[0] <= algorithmEd25519:
		return fault.New(fault.BadRequest, "a public %s key is needed, and this one is of the other kind", kind)
	case encoded[0] != algorithm:
		return fault.New(fault.Unsupported, "a public %s key is of algorithm %d, which this version does not know; a newer one may", kind, encoded[0])
	case len(encoded) != size:
		return fault.New(fault.BadRequest, "a public %s key has %d bytes; %d are needed", kind, len(encoded), size)
	}
	return nil
}
