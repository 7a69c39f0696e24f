package group

import (
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/canonical"
	"github.com/atedb/atedb/sdk/internal/sealed"
	"github.com/atedb/atedb/sdk/keys"
)

// The labels of all that is sealed.
const (
	wrapLabel   = "ate group key v1\x00"
	olderLabel  = "ate group older keys v1\x00"
	belowLabel  = "ate group key below v1\x00"
	keychainKey = "ate group keychain key v1" // HKDF's info
)

// wrapTo seals a key to a member.
func wrapTo(read keys.ReadPublicKey, group string, user account.Name, k Key) ([]byte, error) {
	public, err := read.HPKE()
	if err != nil {
		return nil, fault.New(fault.BadRequest, "sealing the %ss' key of group %s to %s: %w", k.Role, group, user, err)
	}
	plaintext := encodeKeychain(k)
	defer clear(plaintext)
	wrapped, err := hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), wrapInfo(group, user, k.Role, k.Generation), plaintext)
	if err != nil {
		return nil, fault.New(fault.Internal, "sealing the %ss' key of group %s to %s: %w", k.Role, group, user, err)
	}
	return wrapped, nil
}

// unwrap opens what wrapTo sealed.
func unwrap(read *keys.ReadKey, group string, m Member, generation uint32) (Key, error) {
	private, err := read.HPKE()
	if err != nil {
		return Key{}, err
	}
	plaintext, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), wrapInfo(group, m.User, m.Role, generation), m.Keys)
	if err != nil {
		return Key{}, err
	}
	return decodeOne(plaintext, m.Role, generation)
}

// wrapInfo is unambiguous because a group's name has fewer than 256 bytes.
func wrapInfo(group string, user account.Name, r Role, generation uint32) []byte {
	b := append([]byte(wrapLabel), byte(r))
	b = binary.LittleEndian.AppendUint32(b, generation)
	b = append(append(b, byte(len(group))), group...)
	return append(b, user...)
}

// seal seals keys to who has this key.
func (k Key) seal(label, group string, contents ...Key) []byte {
	key := k.keychainKey()
	plaintext := encodeKeychain(contents...)
	defer clear(key)
	defer clear(plaintext)
	return sealed.Seal(key, k.associated(label, group), plaintext)
}

// open opens what seal sealed.
func (k Key) open(label, group string, box []byte) ([]byte, error) {
	key := k.keychainKey()
	defer clear(key)
	return sealed.Open(key, k.associated(label, group), box)
}

func (k Key) keychainKey() []byte {
	seed := k.seed()
	defer clear(seed)
	b, err := hkdf.Key(sha256.New, seed, nil, keychainKey, sealed.KeySize)
	if err != nil {
		panic(err) // the size is a small constant
	}
	return b
}

// associated is unambiguous because only its last field varies in length.
func (k Key) associated(label, group string) []byte {
	b := append([]byte(label), byte(k.Role))
	b = binary.LittleEndian.AppendUint32(b, k.Generation)
	return append(b, group...)
}

func encodeKeychain(contents ...Key) []byte {
	m := new(accountpb.RoleKeychain)
	for _, k := range contents {
		m.Seeds = append(m.Seeds, &accountpb.RoleSeed{Role: k.Role.Proto(), Generation: k.Generation, Seed: k.seed()})
	}
	return canonical.Encode(m)
}

// decodeOne returns the only key in a keychain, which must be this one.
func decodeOne(plaintext []byte, r Role, generation uint32) (Key, error) {
	contents, err := decodeKeychain(plaintext, r)
	if err != nil {
		return Key{}, err
	}
	if len(contents) != 1 || contents[0].Generation != generation {
		return Key{}, fault.New(fault.Damaged, "there is another key than the %ss' of generation %d in it", r, generation)
	}
	return contents[0], nil
}

// decodeKeychain returns the keys in a keychain, which must all be this role's,
// in order of generation.
func decodeKeychain(plaintext []byte, r Role) ([]Key, error) {
	defer clear(plaintext)
	if err := canonical.CheckFields(plaintext, MaxGenerations); err != nil {
		return nil, fault.New(fault.Damaged, "decoding a keychain of the %ss: %w", r, err)
	}
	m := new(accountpb.RoleKeychain)
	if err := canonical.Decode(plaintext, m); err != nil {
		return nil, fault.New(fault.Damaged, "decoding a keychain of the %ss: %w", r, err)
	}
	contents := make([]Key, 0, len(m.Seeds))
	for i, seed := range m.Seeds {
		if role, err := RoleOf(seed.GetRole()); err != nil || role != r {
			return nil, fault.New(fault.Damaged, "a keychain of the %ss has a key of another role", r)
		}
		if seed.Generation == 0 || i > 0 && seed.Generation <= contents[i-1].Generation {
			return nil, fault.New(fault.Damaged, "a keychain of the %ss has keys out of order", r)
		}
		k, err := keyFromSeed(r, seed.Generation, seed.Seed)
		if err != nil {
			return nil, err
		}
		contents = append(contents, k)
	}
	return contents, nil
}
