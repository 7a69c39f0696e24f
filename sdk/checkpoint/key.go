package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/mod/sumdb/note"

	"github.com/atedb/atedb/sdk/keys"
)

// A signature type without an assigned byte is 0xFF and a name of its own, by
// the section "Signature types" of c2sp.org/signed-note.
const signatureType = "\xff" + string(keys.ForCheckpoint)

// keyID returns the key id that stands in a signature of a key under a name.
func keyID(name string, pub keys.PublicKey) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n" + signatureType))
	h.Write(pub.Bytes())
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// signer implements [note.Signer].
type signer struct {
	key  *keys.SigningKey
	name string
	id   uint32
}

func newSigner(key *keys.SigningKey, name string) signer {
	return signer{key, name, keyID(name, key.Public())}
}

func (s signer) Name() string    { return s.name }
func (s signer) KeyHash() uint32 { return s.id }

func (s signer) Sign(text []byte) ([]byte, error) {
	return s.key.Sign(keys.ForCheckpoint, text), nil
}

// verifiers implements [note.Verifiers]: it knows one key, under every name.
// The name is only a hint, which the signature does not cover.
type verifiers struct{ pub keys.PublicKey }

func (v verifiers) Verifier(name string, id uint32) (note.Verifier, error) {
	if v.pub.IsZero() || id != keyID(name, v.pub) {
		return nil, &note.UnknownVerifierError{Name: name, KeyHash: id}
	}
	return verifier{v.pub, name, id}, nil
}

// verifier implements [note.Verifier].
type verifier struct {
	pub  keys.PublicKey
	name string
	id   uint32
}

func (v verifier) Name() string    { return v.name }
func (v verifier) KeyHash() uint32 { return v.id }

func (v verifier) Verify(text, signature []byte) bool {
	return v.pub.Verify(keys.ForCheckpoint, text, signature)
}
