package account

import (
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
)

// Kind is what opens a lock of a vault.
type Kind byte

// The kinds.
const (
	Passphrase Kind = 1
	Recovery   Kind = 2
)

// String returns the kind's name in a sentence.
func (k Kind) String() string {
	switch k {
	case Passphrase:
		return "passphrase"
	case Recovery:
		return "recovery code"
	}
	return "unknown secret"
}

// Proto returns the kind in a message.
func (k Kind) Proto() accountpb.Lock_Kind { return accountpb.Lock_Kind(k) }

// KindOf returns the kind in a message. One that is not known is a fault.
func KindOf(m accountpb.Lock_Kind) (Kind, error) {
	switch m {
	case accountpb.Lock_KIND_PASSPHRASE:
		return Passphrase, nil
	case accountpb.Lock_KIND_RECOVERY:
		return Recovery, nil
	}
	return 0, fault.New(fault.BadRequest, "a vault's lock is of kind %d, which this version does not know", m)
}
