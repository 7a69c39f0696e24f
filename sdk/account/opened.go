package account

import (
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/canonical"
	"github.com/atedb/atedb/sdk/internal/sealed"
	"github.com/atedb/atedb/sdk/keys"
)

const keychainLabel = "ate vault keychain v1\x00"

// Opened is a vault whose keys are at hand. It never changes, and prints without
// a secret.
type Opened struct {
	Keys []*keys.Identity // at least one, the newest last; named like the user
	Cost Cost             // of locks that WithPassphrase makes; DefaultCost unless set

	vault      Vault
	vaultKey   func() []byte
	credential *Credential // that opened it
}

// NewVault returns the vault of a new user, and his recovery code: show it once
// to the user, and keep it nowhere. Making both locks takes about 0.3 s and
// 64 MiB. A passphrase that is too short is a fault with code bad_request.
func NewVault(name Name, id *keys.Identity, passphrase string) (Vault, string, error) {
	return DefaultCost.NewVault(name, id, passphrase)
}

// NewVault is like the function NewVault, at this cost.
func (c Cost) NewVault(name Name, id *keys.Identity, passphrase string) (Vault, string, error) {
	v, code, _, err := newVault(name, []*keys.Identity{id}, passphrase, c)
	return v, code, err
}

// newVault returns the credential of the passphrase as well.
func newVault(name Name, ids []*keys.Identity, passphrase string, cost Cost) (Vault, string, *Credential, error) {
	if n := utf8.RuneCountInString(norm.NFC.String(passphrase)); n < MinPassphrase {
		return Vault{}, "", nil, fault.New(fault.BadRequest, "the new passphrase has %d characters; at least %d are needed", n, MinPassphrase)
	}
	byPassphrase, err := StretchPassphrase(passphrase, cost.NewStretch())
	if err != nil {
		return Vault{}, "", nil, err
	}
	code := newRecoveryCode()
	byCode, err := RecoveryCredential(code, cost.NewStretch())
	if err != nil {
		return Vault{}, "", nil, err
	}
	vaultKey := make([]byte, vaultKeySize)
	rand.Read(vaultKey)
	v := Vault{name: name, locks: []Lock{newLock(byPassphrase, name, vaultKey), newLock(byCode, name, vaultKey)}}
	if v.keychain, err = sealKeychain(name, ids, vaultKey); err != nil {
		return Vault{}, "", nil, err
	}
	return v, code, byPassphrase, nil
}

// Open opens the vault with the credential of one of its locks. One that does
// not fit is a fault with code bad_passphrase; a vault that was tampered with is
// one with code damaged.
func (v Vault) Open(c *Credential) (*Opened, error) {
	lock, ok := v.Lock(c.kind)
	if !ok {
		return nil, fault.New(fault.BadPassphrase, "the vault of %s has no lock that a %s opens", v.name, c.kind)
	}
	if lock.LoginKey.ID() != c.LoginKey().ID() {
		return nil, fault.New(fault.BadPassphrase, "the %s does not open the vault of %s", c.kind, v.name)
	}
	vaultKey, err := sealed.Open(c.wrap(), lock.associated(v.name), lock.Wrapped)
	if err != nil {
		return nil, fault.New(fault.Damaged, "the lock of the vault of %s: %w", v.name, err)
	}
	ids, err := openKeychain(v.name, v.keychain, vaultKey)
	if err != nil {
		return nil, fault.New(fault.Damaged, "the keychain of %s: %w", v.name, err)
	}
	return &Opened{Keys: ids, Cost: DefaultCost, vault: v, vaultKey: func() []byte { return vaultKey }, credential: c}, nil
}

// Vault returns the vault.
func (o *Opened) Vault() Vault { return o.vault }

// Newest returns the user's present keys.
func (o *Opened) Newest() *keys.Identity { return o.Keys[len(o.Keys)-1] }

// CheckAdvert checks that the newest keys are those of the user's advert. If
// not, that is a fault with code damaged: the server gives an old vault, or an
// old advert.
func (o *Opened) CheckAdvert(a Advert) error {
	newest := o.Newest().Public()
	if a.Name != o.vault.name || newest.Signing.ID() != a.Signing.ID() || newest.Read.ID() != a.Read.ID() {
		return fault.New(fault.Damaged, "the newest key in the vault of %s is %s, and the advert of %s is about %s: the server gives an old one of the two", o.vault.name, newest.Signing, a.Name, a.Signing)
	}
	return nil
}

// WithNextKeys returns the opened vault with new keys, and the same locks. More
// than MaxKeys are a fault with code too_large.
func (o *Opened) WithNextKeys(id *keys.Identity) (*Opened, error) {
	next := *o
	next.Keys = append(slices.Clone(o.Keys), id)
	keychain, err := sealKeychain(o.vault.name, next.Keys, o.vaultKey())
	if err != nil {
		return nil, err
	}
	next.vault.keychain = keychain
	return &next, nil
}

// WithPassphrase returns the vault with a new vault key and new locks, for a new
// passphrase and a new recovery code: neither the old ones nor who learned the
// old vault key can open it. The secret of time-based codes goes along if a
// passphrase opened the vault, and is left out if a recovery code did, which
// cannot open it.
func (o *Opened) WithPassphrase(passphrase string) (Vault, string, error) {
	v, code, c, err := newVault(o.vault.name, o.Keys, passphrase, o.Cost)
	if err != nil || len(o.vault.totp) == 0 || o.credential.kind != Passphrase {
		return v, code, err
	}
	secret, err := OpenTOTP(o.credential.TOTPKey(), o.vault.totp, o.vault.name)
	if err != nil {
		return Vault{}, "", err
	}
	defer clear(secret)
	if v.totp, err = SealTOTP(c.TOTPKey(), secret, o.vault.name); err != nil {
		return Vault{}, "", err
	}
	return v, code, nil
}

// Format prints whose vault it is, whatever the verb.
func (o Opened) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "opened vault of "+string(o.vault.name))
}

func sealKeychain(name Name, ids []*keys.Identity, vaultKey []byte) ([]byte, error) {
	if len(ids) > MaxKeys {
		return nil, fault.New(fault.TooLarge, "the keychain of %s would have %d keys, and holds at most %d; his keys cannot be replaced any more, so go on under another name", name, len(ids), MaxKeys)
	}
	m := new(accountpb.Keychain)
	for _, id := range ids {
		m.Keys = append(m.Keys, &accountpb.Keys{SigningSeed: id.Signing.Seed(), ReadSeed: id.Read.Seed()})
	}
	plaintext := canonical.Encode(m)
	defer clear(plaintext)
	return sealed.Seal(vaultKey, []byte(keychainLabel+string(name)), plaintext), nil
}

func openKeychain(name Name, keychain, vaultKey []byte) ([]*keys.Identity, error) {
	plaintext, err := sealed.Open(vaultKey, []byte(keychainLabel+string(name)), keychain)
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	return decodeKeychain(name, plaintext)
}

func decodeKeychain(name Name, plaintext []byte) ([]*keys.Identity, error) {
	m := new(accountpb.Keychain)
	if err := canonical.Decode(plaintext, m); err != nil {
		return nil, err
	}
	if len(m.Keys) == 0 || len(m.Keys) > MaxKeys {
		return nil, fault.New(fault.Damaged, "it has %d keys; 1 to %d are allowed", len(m.Keys), MaxKeys)
	}
	ids := make([]*keys.Identity, len(m.Keys))
	for i, k := range m.Keys {
		var err error
		id := &keys.Identity{Name: string(name)}
		if id.Signing, err = keys.SigningKeyFromSeed(k.GetSigningSeed()); err != nil {
			return nil, err
		}
		if id.Read, err = keys.ReadKeyFromSeed(k.GetReadSeed()); err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}
