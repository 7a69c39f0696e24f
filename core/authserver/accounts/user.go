package accounts

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// User is what is kept of a user.
type User struct {
	Advert   []byte // encoded account.Signed
	Vault    []byte // encoded account.Vault
	Created  time.Time
	TOTPStep uint64 // of the newest time-based code that was used
}

const vaultHead = 16

// UserOrDecoy returns a user or, if there is none of the name, the decoy; that
// takes the same time.
func (t *Tx) UserOrDecoy(name string) (u *User, known bool, err error) {
	decoy := t.store.chain.Versions(keyOf(vaults, decoyName), keyOf(vaults, name))
	if known = decoy[1].Exists; !known {
		name = decoyName
	}
	u, err = t.User(name)
	if err == nil && u == nil {
		err = fault.New(fault.Damaged, "the accounts lack the user %q that was there a moment ago", name)
	}
	return u, known, err
}

// User returns a user, nil if there is none of the name.
func (t *Tx) User(name string) (*User, error) {
	data, err := t.get(keyOf(adverts, name), keyOf(vaults, name))
	if err != nil || data[0] == nil || data[1] == nil {
		return nil, err
	}
	body, err := unseal(data[1], vaults, vaultHead)
	if err != nil {
		return nil, err
	}
	return &User{
		Advert: data[0], Vault: body[vaultHead:],
		Created: time.UnixMilli(int64(binary.LittleEndian.Uint64(body))), TOTPStep: binary.LittleEndian.Uint64(body[8:]),
	}, nil
}

// Advert returns a user's newest advert, an encoded account.Signed, nil if there
// is no user of the name.
func (t *Tx) Advert(name string) ([]byte, error) {
	data, err := t.get(keyOf(adverts, name))
	if err != nil {
		return nil, err
	}
	return data[0], nil
}

// HasUser reports whether there is a user of the name.
func (t *Tx) HasUser(name string) bool {
	versions := t.store.chain.Versions(keyOf(adverts, name))
	t.seen = append(t.seen, versions...)
	return versions[0].Exists
}

// PutAdvert puts a user's first or next advert. Until now it was before; nil for
// a first one.
func (t *Tx) PutAdvert(name string, u *User, before *Earlier) {
	t.keep(adverts, name, before)
	t.put(adverts, name, u.Advert)
}

// PutVault puts all of a user but the advert. A new user needs both.
func (t *Tx) PutVault(name string, u *User) {
	head := binary.LittleEndian.AppendUint64(nil, uint64(u.Created.UnixMilli()))
	head = binary.LittleEndian.AppendUint64(head, u.TOTPStep)
	t.put(vaults, name, seal(head, u.Vault))
}

// decoyName is the name of the decoy, which no user can have.
const decoyName = ""

// newDecoy makes a user whose secrets nobody knows.
func newDecoy() (*User, error) {
	const name = account.Name("nobody@localhost")
	id, err := keys.NewIdentity(string(name))
	if err != nil {
		return nil, err
	}
	vault, _, err := account.LeastCost.NewVault(name, id, rand.Text())
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &User{Advert: account.FirstAdvert(name, id, now).Encode(), Vault: vault.Encode(), Created: now}, nil
}
