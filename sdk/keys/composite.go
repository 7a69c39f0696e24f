package keys

import (
	"crypto/ed25519"
	"crypto/sha512"

	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
)

// What draft-ietf-lamps-pq-composite-sigs fixes for
// id-MLDSA65-Ed25519-SHA512: the prefix of section 2.2 and the label of
// section 6.
const (
	compositePrefix = "CompositeAlgorithmSignatures2025"
	compositeLabel  = "COMPSIG-MLDSA65-Ed25519-SHA512"
)

// representative is the M' of a message, which both algorithms sign. The
// context has at most 255 bytes.
func representative(label, context string, message []byte) []byte {
	hash := sha512.Sum512(message)
	m := make([]byte, 0, len(compositePrefix)+len(label)+1+len(context)+len(hash))
	m = append(m, compositePrefix...)
	m = append(m, label...)
	m = append(m, byte(len(context)))
	m = append(m, context...)
	return append(m, hash[:]...)
}

func (s *signingSecret) signComposite(context string, message []byte) []byte {
	m := representative(compositeLabel, context, message)
	signature := make([]byte, mldsa65.SignatureSize, SignatureSize)
	if err := mldsa65.SignTo(s.mldsa, m, []byte(compositeLabel), true, signature); err != nil {
		panic("keys: signing with ML-DSA-65: " + err.Error()) // no input of ours makes it fail
	}
	return append(signature, ed25519.Sign(s.ed25519, m)...)
}

func (k *PublicKey) verifyComposite(context string, message, signature []byte) bool {
	if k.mldsa == nil || len(signature) != SignatureSize {
		return false
	}
	m := representative(compositeLabel, context, message)
	first, second := signature[:mldsa65.SignatureSize], signature[mldsa65.SignatureSize:]
	return ed25519.Verify(k.ed25519, m, second) && mldsa65.Verify(k.mldsa, m, []byte(compositeLabel), first)
}
