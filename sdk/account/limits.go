package account

import (
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/keys"
)

// Limits, checked before memory is taken.
const (
	MaxName       = chainname.MaxPart + 1 + chainname.MaxDomain // bytes of a user's name
	MaxStatement  = 16 << 10                                    // bytes of what is signed
	MaxSignatures = 2                                           // of a statement
	MaxSigned     = MaxStatement + MaxSignatures*(keys.SignatureSize+64) + 16
	MaxVault      = 64 << 10 // bytes of an encoded vault
	MaxKeys       = 256      // in a user's keychain, the old ones among them
)

// Limits of a passphrase.
const (
	MinPassphrase = 8    // characters of a new one
	MaxPassphrase = 1024 // bytes
)

// BindingSize is the size of a connection's binding, in bytes.
const BindingSize = evidence.BindingSize
