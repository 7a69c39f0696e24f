package secrecy

import (
	"bytes"
	"encoding/binary"
	"sort"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// RecordType is the type of the events that hold key records.
const RecordType = "ate.data-key"

// RecordPrefix begins the object keys of key records.
const RecordPrefix = "ate.datakey/"

const (
	recordVersion  = 1
	recordFixed    = 40 // bytes before the authority's object key
	memberIDSize   = 32
	encapSize      = 1120 // of X-Wing
	wrappedKeySize = keySize + 16
	wrapSize       = memberIDSize + encapSize + wrappedKeySize
)

// RecordKey returns the key of the object that holds a data key's record.
func RecordKey(dataKeyID event.Hash) []byte { return []byte(RecordPrefix + dataKeyID.String()) }

// Record is a key record that was parsed, but of which nothing is known to be
// true: [Record.Unwrap] proves the id and generation of the key that it opens.
// It never changes, and may be used from several goroutines at once.
type Record struct {
	ID         event.Hash // the data key's
	Generation uint32     // the data key's, from 1
	Authority  []byte     // key of the object whose read authority names the data key
	wraps      []byte     // wrapSize bytes for each member, in order of member id
}

// ParseRecord parses the data of an event of type RecordType. The result
// aliases data. A newer version is a fault with code not_supported, anything
// else that is not a record one with code damaged.
func ParseRecord(data []byte) (Record, error) {
	if len(data) > 0 && data[0] != recordVersion {
		return Record{}, fault.New(fault.Unsupported, "a key record has version %d; this program knows version %d: upgrade it", data[0], recordVersion)
	}
	if len(data) < recordFixed {
		return Record{}, fault.New(fault.Damaged, "a key record is %d bytes long; it must have at least %d", len(data), recordFixed)
	}
	authoritySize, members := int(data[1]), int(binary.LittleEndian.Uint16(data[2:]))
	if authoritySize == 0 || authoritySize > event.MaxKey || members == 0 || members > MaxMembers {
		return Record{}, fault.New(fault.Damaged, "a key record has %d members and an authority's key of %d bytes; it must have 1 to %d, and 1 to %d", members, authoritySize, MaxMembers, event.MaxKey)
	}
	if want := recordFixed + authoritySize + members*wrapSize; len(data) != want {
		return Record{}, fault.New(fault.Damaged, "a key record of %d members is %d bytes long; it must have %d", members, len(data), want)
	}
	authorityEnd := recordFixed + authoritySize
	r := Record{
		ID:         event.Hash(data[8:recordFixed]),
		Generation: binary.LittleEndian.Uint32(data[4:]),
		Authority:  data[recordFixed:authorityEnd:authorityEnd],
		wraps:      data[authorityEnd:],
	}
	if err := r.check(); err != nil {
		return Record{}, err
	}
	return r, nil
}

func (r *Record) check() error {
	if r.Generation == 0 {
		return fault.New(fault.Damaged, "the record of data key %s has generation 0; the first is 1", r.ID)
	}
	for i := 1; i < r.count(); i++ {
		if bytes.Compare(r.memberID(i-1), r.memberID(i)) >= 0 {
			return fault.New(fault.Damaged, "member %d in the record of data key %s is not after the one before it, in order of id", i, r.ID)
		}
	}
	return nil
}

// Members returns the ids of the read keys that open the record, in order.
func (r *Record) Members() []event.Hash {
	ids := make([]event.Hash, r.count())
	for i := range ids {
		ids[i] = event.Hash(r.memberID(i))
	}
	return ids
}

func (r *Record) count() int { return len(r.wraps) / wrapSize }

func (r *Record) memberID(i int) []byte { return r.wraps[i*wrapSize:][:memberIDSize] }

// wrapOf returns a member's encapsulation and ciphertext.
func (r *Record) wrapOf(member event.Hash) ([]byte, bool) {
	i, found := sort.Find(r.count(), func(i int) int { return bytes.Compare(member[:], r.memberID(i)) })
	if !found {
		return nil, false
	}
	return r.wraps[i*wrapSize+memberIDSize : (i+1)*wrapSize], true
}
