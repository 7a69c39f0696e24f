package secrecy

import (
	"bytes"
	"crypto/hpke"
	"encoding/binary"
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// wrapLabel begins the HPKE info of every wrap.
const wrapLabel = "ate data key wrap v1\x00"

// Wrap returns a new key record: the data of an event that gives a data key to
// members. The authority is the key of the object whose read authority names
// the data key. A member named twice is one member. No members, or over
// MaxMembers, and an authority that cannot be an object's key are faults.
func Wrap(k *DataKey, chain event.ChainID, authority []byte, public []keys.ReadPublicKey) ([]byte, error) {
	if len(authority) == 0 || len(authority) > event.MaxKey {
		return nil, fault.New(fault.BadRequest, "the object that data key %s is for has a key of %d bytes; it must have 1 to %d", k.id, len(authority), event.MaxKey)
	}
	if len(public) == 0 {
		return nil, fault.New(fault.BadRequest, "data key %s would be wrapped to nobody, and what it encrypts be lost; name a member", k.id)
	}
	if len(public) > MaxMembers {
		return nil, fault.New(fault.TooLarge, "data key %s would be wrapped to %d members; at most %d are allowed", k.id, len(public), MaxMembers)
	}
	members := inOrderOfID(public)
	record := make([]byte, 0, recordFixed+len(authority)+len(members)*wrapSize)
	record = append(record, recordVersion, byte(len(authority)))
	record = binary.LittleEndian.AppendUint16(record, uint16(len(members)))
	record = binary.LittleEndian.AppendUint32(record, k.generation)
	record = append(record, k.id[:]...)
	record = append(record, authority...)
	info := wrapInfo(chain, k.id, k.generation, authority)
	for _, m := range members {
		wrap, err := wrapTo(m.key, info, k.secret())
		if err != nil {
			return nil, fault.New(fault.BadRequest, "wrapping data key %s to read key %s: %w", k.id, m.id, err)
		}
		record = append(append(record, m.id[:]...), wrap...)
	}
	return record, nil
}

// Unwrap opens the record of a chain with the read key of a member and returns
// the data key. The result has the record's id and generation. If the read key
// is not a member's, that is a fault with code no_read_key; if the record is
// false or of another chain, one with code damaged.
func (r *Record) Unwrap(chain event.ChainID, key *keys.ReadKey) (*DataKey, error) {
	public := key.Public()
	id := public.ID()
	wrap, found := r.wrapOf(id)
	if !found {
		return nil, fault.New(fault.NoReadKey, "read key %s is no member of data key %s; ask the owner of object %q to add it", id, r.ID, r.Authority)
	}
	private, err := key.HPKE()
	if err != nil {
		return nil, fault.New(fault.Internal, "preparing read key %s: %w", id, err)
	}
	info := wrapInfo(chain, r.ID, r.Generation, r.Authority)
	opened, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), info, wrap)
	if err != nil {
		return nil, fault.New(fault.Damaged, "the record of data key %s does not open with read key %s, though it lists it: do not use it, and verify the chain: %w", r.ID, id, err)
	}
	secret := (*[keySize]byte)(opened) // as wrapSize has it
	if dataKeyID(secret, r.Generation) != r.ID {
		return nil, fault.New(fault.Damaged, "the record of data key %s gives another key to read key %s: do not use it, and verify the chain", r.ID, id)
	}
	return newDataKey(secret, r.Generation), nil
}

func wrapTo(key keys.ReadPublicKey, info []byte, secret *[keySize]byte) ([]byte, error) {
	public, err := key.HPKE()
	if err != nil {
		return nil, err
	}
	return hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), info, secret[:])
}

// wrapInfo is unambiguous because only its last field varies in length.
func wrapInfo(chain event.ChainID, dataKey event.Hash, generation uint32, authority []byte) []byte {
	b := append([]byte(wrapLabel), chain[:]...)
	b = append(b, dataKey[:]...)
	b = binary.LittleEndian.AppendUint32(b, generation)
	return append(b, authority...)
}

type member struct {
	id  event.Hash
	key keys.ReadPublicKey
}

// inOrderOfID returns the members in order, each once.
func inOrderOfID(public []keys.ReadPublicKey) []member {
	members := make([]member, len(public))
	for i, key := range public {
		members[i] = member{key.ID(), key}
	}
	slices.SortFunc(members, func(a, b member) int { return bytes.Compare(a.id[:], b.id[:]) })
	return slices.CompactFunc(members, func(a, b member) bool { return a.id == b.id })
}
