package account

import (
	"crypto/sha256"

	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/canonical"
	"github.com/atedb/atedb/sdk/keys"
)

// Signed is a statement and who signed its exact bytes. It says nothing of
// whether the signatures are good: see Verify.
type Signed struct {
	Statement  []byte
	Signatures []Signature // at most MaxSignatures, none by the same key
}

// Signature is one key's signature of a statement.
type Signature struct {
	KeyID     event.Hash
	Signature []byte
}

// Sign returns the statement with the signatures of these keys for a purpose. A
// key that is named twice signs once.
func Sign(purpose keys.Purpose, statement []byte, signers ...*keys.SigningKey) Signed {
	s := Signed{Statement: statement}
	for _, k := range signers {
		public := k.Public()
		id := public.ID()
		if _, signed := s.by(id); !signed {
			s.Signatures = append(s.Signatures, Signature{KeyID: id, Signature: k.Sign(purpose, statement)})
		}
	}
	return s
}

// Verify checks that the key signed the statement for the purpose. If not, that
// is a fault with code not_authorized.
func (s Signed) Verify(purpose keys.Purpose, public keys.PublicKey) error {
	signature, signed := s.by(public.ID())
	switch {
	case !signed:
		return fault.New(fault.NotAuthorized, "the statement is not signed by key %s", public)
	case !public.Verify(purpose, s.Statement, signature):
		return fault.New(fault.NotAuthorized, "the signature of key %s is not one of this statement; it was changed, or signed for another purpose", public)
	}
	return nil
}

// VerifyExactly checks that each of these keys, and no other, signed the
// statement for the purpose. A key may be named twice. If not, that is a fault
// with code not_authorized.
func (s Signed) VerifyExactly(purpose keys.Purpose, signers ...keys.PublicKey) error {
	ids := make(map[event.Hash]bool, len(signers))
	for _, signer := range signers {
		if err := s.Verify(purpose, signer); err != nil {
			return err
		}
		ids[signer.ID()] = true
	}
	for _, signature := range s.Signatures {
		if !ids[signature.KeyID] {
			return fault.New(fault.NotAuthorized, "the statement is signed by key %s as well, which has no say in it", keys.FormatID(signature.KeyID))
		}
	}
	return nil
}

func (s Signed) by(id event.Hash) ([]byte, bool) {
	for _, signature := range s.Signatures {
		if signature.KeyID == id {
			return signature.Signature, true
		}
	}
	return nil, false
}

// Hash returns the SHA-256 of the statement, by which the next one names it.
// Signatures are not part of it: the same statement may be signed again.
func (s Signed) Hash() event.Hash { return sha256.Sum256(s.Statement) }

// Encode returns what ParseSigned parses.
func (s Signed) Encode() []byte { return canonical.Encode(s.Proto()) }

// Proto returns the message, which shares the statement and the signatures.
func (s Signed) Proto() *accountpb.Signed {
	m := &accountpb.Signed{Statement: s.Statement}
	for _, signature := range s.Signatures {
		m.Signatures = append(m.Signatures, &accountpb.Signature{KeyId: signature.KeyID[:], Signature: signature.Signature})
	}
	return m
}

// ParseSigned parses what Encode returns, and keeps a copy. Its errors are
// faults with code bad_request or too_large.
func ParseSigned(encoded []byte) (Signed, error) {
	if len(encoded) > MaxSigned {
		return Signed{}, fault.New(fault.TooLarge, "a signed statement has %d bytes; at most %d are allowed", len(encoded), MaxSigned)
	}
	m := new(accountpb.Signed)
	if err := canonical.Decode(encoded, m); err != nil {
		return Signed{}, fault.New(fault.BadRequest, "decoding a signed statement: %w", err)
	}
	return SignedOf(m)
}

// SignedOf returns what the message says, which it then shares. No message is a
// fault.
func SignedOf(m *accountpb.Signed) (Signed, error) {
	statement, signatures := m.GetStatement(), m.GetSignatures()
	switch {
	case len(statement) == 0:
		return Signed{}, fault.New(fault.BadRequest, "a signed statement is empty")
	case len(statement) > MaxStatement:
		return Signed{}, fault.New(fault.TooLarge, "a signed statement has %d bytes; at most %d are allowed", len(statement), MaxStatement)
	case len(signatures) == 0 || len(signatures) > MaxSignatures:
		return Signed{}, fault.New(fault.BadRequest, "a statement has %d signatures; 1 to %d are allowed", len(signatures), MaxSignatures)
	}
	s := Signed{Statement: statement}
	for i, signature := range signatures {
		id := signature.GetKeyId()
		if len(id) != len(event.Hash{}) || len(signature.GetSignature()) != keys.SignatureSize {
			return Signed{}, fault.New(fault.BadRequest, "signature %d of a statement has a key's id of %d bytes and a signature of %d; %d and %d are needed",
				i+1, len(id), len(signature.GetSignature()), len(event.Hash{}), keys.SignatureSize)
		}
		if _, twice := s.by(event.Hash(id)); twice {
			return Signed{}, fault.New(fault.BadRequest, "a statement is signed twice by the key with id %s", keys.FormatID(event.Hash(id)))
		}
		s.Signatures = append(s.Signatures, Signature{KeyID: event.Hash(id), Signature: signature.GetSignature()})
	}
	return s, nil
}
