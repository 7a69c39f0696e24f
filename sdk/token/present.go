package token

import (
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
)

// messagePresent begins what is signed to show a token. Other messages that are
// signed for keys.ForLogin begin otherwise.
const messagePresent = 2

// SignPresent shows the token on one connection to one server: that of the
// binding, of account.BindingSize bytes, and the fingerprint.
func (t *Token) SignPresent(binding []byte, server identity.Fingerprint) []byte {
	return t.Signing.Sign(keys.ForLogin, t.Delegation.presentMessage(binding, server))
}

// VerifyPresent checks that who is on this connection holds the token of the
// delegation: the encoded key that it is about, and a signature by it. If not,
// that is a fault with code bad_token.
func VerifyPresent(d Delegation, publicKey, binding []byte, server identity.Fingerprint, signature []byte) error {
	key, err := keys.ParsePublicKey(publicKey)
	switch {
	case err != nil:
		return fault.New(fault.BadToken, "a token was shown with a key that is none: %w", err)
	case key.ID() != d.Key:
		return fault.New(fault.BadToken, "a token was shown with key %s, which its delegation is not about", key)
	case len(binding) != account.BindingSize || !key.Verify(keys.ForLogin, d.presentMessage(binding, server), signature):
		return fault.New(fault.BadToken, "the signature that shows a token is not one by its key for this connection")
	}
	return nil
}

// presentMessage is unambiguous because all of its parts have a fixed size.
func (d Delegation) presentMessage(binding []byte, server identity.Fingerprint) []byte {
	b := append([]byte{messagePresent}, binding...)
	b = append(b, server[:]...)
	return append(b, d.statement[:]...)
}
