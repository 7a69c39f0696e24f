package account

import (
	"encoding/binary"
	"sync"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
)

// messageLogin begins what is signed at a login. Other messages that are signed
// for keys.ForLogin begin otherwise.
const messageLogin = 1

// SignLogin logs a user in on one connection to one server: that of the binding,
// of BindingSize bytes, and the fingerprint.
func (c *Credential) SignLogin(name Name, binding []byte, server identity.Fingerprint) []byte {
	return c.login.Sign(keys.ForLogin, loginMessage(c.kind, name, binding, server))
}

// decoy is the login key of users who do not exist. Nobody signs with it.
var decoy = sync.OnceValue(func() keys.PublicKey { return keys.NewSigningKey().Public() })

// VerifyLogin checks a login with the user's lock. All that can be wrong is a
// fault with code login_failed and the same sentence; the lock of a user who does
// not exist is the zero value, and takes the same time to check.
func VerifyLogin(lock Lock, name Name, binding []byte, server identity.Fingerprint, signature []byte) error {
	login := lock.LoginKey
	if login.IsZero() {
		login = decoy()
	}
	good := login.Verify(keys.ForLogin, loginMessage(lock.Kind, name, binding, server), signature)
	if !good || len(binding) != BindingSize {
		return LoginRefused()
	}
	return nil
}

// LoginRefused is what a login is refused with, whatever was wrong: also for a
// user who does not exist.
func LoginRefused() error {
	return fault.New(fault.LoginFailed, "the login failed: there is no such user, or the passphrase, recovery code or time-based code is wrong")
}

// loginMessage is unambiguous because the binding has a fixed size.
func loginMessage(kind Kind, name Name, binding []byte, server identity.Fingerprint) []byte {
	b := append([]byte{messageLogin}, binding...)
	b = append(append(b, server[:]...), byte(kind))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
	return append(b, name...)
}
