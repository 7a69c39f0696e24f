package account

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/sealed"
	"github.com/atedb/atedb/sdk/keys"
)

// Credential is the keys that a passphrase or a recovery code gives. It prints
// as [secret]; its methods may run at once.
type Credential struct {
	kind    Kind
	stretch Stretch
	login   *keys.SigningKey
	wrap    func() []byte // the key that seals the vault key
	totp    func() []byte // the key that seals the secret of time-based codes; nil of a recovery code
}

// stretchedSize is what argon2id returns, in bytes.
const stretchedSize = 32

// StretchPassphrase makes keys of a passphrase, which takes time and memory as
// the stretch says. A stretch beyond the limits is a fault with code
// bad_request; no passphrase, or a far too long one, is one with code
// bad_passphrase.
func StretchPassphrase(passphrase string, s Stretch) (*Credential, error) {
	if passphrase == "" || len(passphrase) > MaxPassphrase || !utf8.ValidString(passphrase) {
		return nil, fault.New(fault.BadPassphrase, "a passphrase has %d bytes; it must have 1 to %d, in UTF-8", len(passphrase), MaxPassphrase)
	}
	return stretch(Passphrase, norm.NFC.Bytes([]byte(passphrase)), s)
}

// RecoveryCredential makes keys of a recovery code, as StretchPassphrase does. A
// code that was mistyped is a fault with code bad_passphrase that says so.
func RecoveryCredential(code string, s Stretch) (*Credential, error) {
	secret, err := parseRecovery(code)
	if err != nil {
		return nil, err
	}
	return stretch(Recovery, secret, s)
}

func stretch(kind Kind, secret []byte, s Stretch) (*Credential, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	stretched := argon2.IDKey(secret, s.Salt, s.Passes, s.Memory, uint8(s.Threads), stretchedSize)
	login, err := keys.SigningKeyFromSeed(derive(stretched, kind, "login", keys.SigningSeedSize))
	if err != nil {
		return nil, err
	}
	wrap := derive(stretched, kind, "wrap", sealed.KeySize)
	c := &Credential{kind: kind, stretch: s, login: login, wrap: func() []byte { return wrap }}
	if kind == Passphrase {
		totp := derive(stretched, kind, "totp", TOTPKeySize)
		c.totp = func() []byte { return totp }
	}
	return c, nil
}

// derive returns one of the keys that a stretched secret gives.
func derive(stretched []byte, kind Kind, use string, size int) []byte {
	b, err := hkdf.Key(sha256.New, stretched, nil, "ate "+kind.String()+" "+use+" key v1", size)
	if err != nil {
		panic(err) // the size is a small constant
	}
	return b
}

// Kind returns what kind of secret the keys were made of.
func (c *Credential) Kind() Kind { return c.kind }

// Stretch returns how they were made of it.
func (c *Credential) Stretch() Stretch { return c.stretch }

// LoginKey returns the public key that checks logins.
func (c *Credential) LoginKey() keys.PublicKey { return c.login.Public() }

// TOTPKey returns a copy of the key that seals the secret of time-based codes,
// of TOTPKeySize bytes: what the server needs to check a code. A recovery code
// gives none.
func (c *Credential) TOTPKey() []byte {
	if c.totp == nil {
		return nil
	}
	return append([]byte(nil), c.totp()...)
}

// Format prints [secret], whatever the verb.
func (Credential) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[secret]") }
