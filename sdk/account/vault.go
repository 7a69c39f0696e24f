package account

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/canonical"
	"github.com/atedb/atedb/sdk/internal/sealed"
	"github.com/atedb/atedb/sdk/keys"
)

const (
	lockLabel    = "ate vault lock v1\x00"
	vaultKeySize = sealed.KeySize
	wrappedSize  = sealed.Overhead + vaultKeySize
	maxKeychain  = sealed.Overhead + MaxKeys*(keys.SigningSeedSize+keys.ReadSeedSize+16)
)

// Vault is what a server keeps for a user and cannot open: his keys. It never
// changes. The zero value is no vault.
type Vault struct {
	name     Name
	keychain []byte // sealed
	locks    []Lock // in order of kind; a passphrase's is there
	totp     []byte // sealed; empty if there is none
}

// Lock opens a vault to who knows a secret.
type Lock struct {
	Kind     Kind
	Stretch  Stretch
	LoginKey keys.PublicKey
	Wrapped  []byte // the vault key, sealed
}

// Name returns whose the vault is.
func (v Vault) Name() Name { return v.name }

// Lock returns the lock of a kind, if there is one.
func (v Vault) Lock(kind Kind) (Lock, bool) {
	for _, lock := range v.locks {
		if lock.Kind == kind {
			return lock, true
		}
	}
	return Lock{}, false
}

// TOTP returns the sealed secret of the user's time-based codes; empty if there
// is none.
func (v Vault) TOTP() []byte { return slices.Clone(v.totp) }

// WithTOTP returns the vault with another sealed secret of time-based codes, as
// SealTOTP returns it, or with none.
func (v Vault) WithTOTP(sealedSecret []byte) Vault {
	v.totp = slices.Clone(sealedSecret)
	return v
}

// Format prints whose vault it is, whatever the verb.
func (v Vault) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "vault of "+string(v.name)) }

// Encode returns what ParseVault parses.
func (v Vault) Encode() []byte { return canonical.Encode(v.Proto()) }

// Proto returns the message, which shares the vault's memory: do not change it.
func (v Vault) Proto() *accountpb.Vault {
	m := &accountpb.Vault{Name: string(v.name), Keychain: v.keychain, Totp: v.totp}
	for _, lock := range v.locks {
		m.Locks = append(m.Locks, &accountpb.Lock{
			Kind: lock.Kind.Proto(), Stretch: lock.Stretch.Proto(), LoginKey: lock.LoginKey.Bytes(), Wrapped: lock.Wrapped,
		})
	}
	return m
}

// ParseVault parses what Encode returns, and keeps a copy. Its errors are faults
// with code bad_request, bad_name or too_large.
func ParseVault(encoded []byte) (Vault, error) {
	if len(encoded) > MaxVault {
		return Vault{}, fault.New(fault.TooLarge, "a vault has %d bytes; at most %d are allowed", len(encoded), MaxVault)
	}
	m := new(accountpb.Vault)
	if err := canonical.Decode(encoded, m); err != nil {
		return Vault{}, fault.New(fault.BadRequest, "decoding a vault: %w", err)
	}
	return VaultOf(m)
}

// VaultOf returns what the message says, which it then shares. No message is a
// fault.
func VaultOf(m *accountpb.Vault) (Vault, error) {
	name, err := ParseName(m.GetName())
	if err != nil {
		return Vault{}, err
	}
	v := Vault{name: name, keychain: m.GetKeychain(), totp: m.GetTotp()}
	switch {
	case len(v.keychain) < sealed.Overhead || len(v.keychain) > maxKeychain:
		return Vault{}, fault.New(fault.BadRequest, "the vault of %s has a keychain of %d bytes; %d to %d are allowed", name, len(v.keychain), sealed.Overhead, maxKeychain)
	case len(v.totp) > maxTOTP || len(v.totp) > 0 && len(v.totp) < sealed.Overhead:
		return Vault{}, fault.New(fault.BadRequest, "the vault of %s has a secret of time-based codes of %d bytes; none, or %d to %d, are allowed", name, len(v.totp), sealed.Overhead, maxTOTP)
	}
	for _, lock := range m.GetLocks() {
		l, err := lockOf(lock)
		if err != nil {
			return Vault{}, fault.New(fault.CodeOf(err), "the vault of %s: %w", name, err)
		}
		if n := len(v.locks); n > 0 && v.locks[n-1].Kind >= l.Kind {
			return Vault{}, fault.New(fault.BadRequest, "the vault of %s has two locks of a kind, or not in order", name)
		}
		v.locks = append(v.locks, l)
	}
	if _, ok := v.Lock(Passphrase); !ok {
		return Vault{}, fault.New(fault.BadRequest, "the vault of %s has no lock that a passphrase opens", name)
	}
	return v, nil
}

func lockOf(m *accountpb.Lock) (Lock, error) {
	kind, err := KindOf(m.GetKind())
	if err != nil {
		return Lock{}, err
	}
	l := Lock{Kind: kind, Wrapped: m.GetWrapped()}
	if l.Stretch, err = StretchOf(m.GetStretch()); err != nil {
		return Lock{}, err
	}
	if l.LoginKey, err = keys.ParsePublicKey(m.GetLoginKey()); err != nil {
		return Lock{}, err
	}
	if len(l.Wrapped) != wrappedSize {
		return Lock{}, fault.New(fault.BadRequest, "the lock of the %s wraps a key of %d bytes; %d are needed", kind, len(l.Wrapped), wrappedSize)
	}
	return l, nil
}

// newLock returns the lock that a credential opens.
func newLock(c *Credential, name Name, vaultKey []byte) Lock {
	l := Lock{Kind: c.kind, Stretch: c.stretch, LoginKey: c.LoginKey()}
	l.Wrapped = sealed.Seal(c.wrap(), l.associated(name), vaultKey)
	return l
}

// associated is unambiguous because only its last field varies in length.
func (l Lock) associated(name Name) []byte {
	b := append([]byte(lockLabel), byte(l.Kind))
	for _, n := range []uint32{l.Stretch.Passes, l.Stretch.Memory, l.Stretch.Threads} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	login := l.LoginKey.ID()
	b = append(append(b, l.Stretch.Salt...), login[:]...)
	return append(b, name...)
}
