package secrecy

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xaesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/atedb/atedb/sdk/event"
)

// keySize is the size of a data key's secret, in bytes.
const keySize = 32

// idLabel begins what is hashed to a data key's id, and nothing else.
const idLabel = "ate data key id v1\x00"

// DataKey encrypts the data of events. Whoever holds it can read, and forge,
// all that is encrypted with it. It never changes, and may be used from several
// goroutines at once. Printing one shows its id, not its secret. Only
// [NewDataKey], [DataKey.Next] and [Record.Unwrap] make one.
type DataKey struct {
	// The secret stands behind a function, which package fmt cannot look
	// into: it prints unexported fields without asking Format, and with an
	// unfit verb it follows pointers.
	secret     func() *[keySize]byte
	id         event.Hash
	generation uint32
	aead       tink.AEAD
}

// NewDataKey returns a random data key of generation 1.
func NewDataKey() *DataKey { return newRandomKey(1) }

// Next returns a random data key of the next generation, for the members that
// remain after one was removed. It has nothing in common with k: who holds k
// cannot read what is encrypted with it. The last generation is 2³²-1, which
// is then its own next.
func (k *DataKey) Next() *DataKey {
	if k.generation == math.MaxUint32 {
		return newRandomKey(math.MaxUint32)
	}
	return newRandomKey(k.generation + 1)
}

// ID returns what identifies the key. The package comment says why everyone
// may know it.
func (k *DataKey) ID() event.Hash { return k.id }

// Generation returns how many data keys the authority had with this one,
// from 1.
func (k *DataKey) Generation() uint32 { return k.generation }

// Authority returns the read authority of objects whose data is encrypted with
// the key.
func (k *DataKey) Authority() event.ReadAuthority {
	return event.ReadAuthority{Kind: event.ReadByKey, Key: k.id, Generation: k.generation}
}

// String returns the key's id and generation.
func (k DataKey) String() string {
	return fmt.Sprintf("data key %s, generation %d", k.id, k.generation)
}

// Format writes what String returns, whatever the verb.
func (k DataKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

func newRandomKey(generation uint32) *DataKey {
	var secret [keySize]byte
	rand.Read(secret[:])
	return newDataKey(&secret, generation)
}

// newDataKey takes ownership of secret.
func newDataKey(secret *[keySize]byte, generation uint32) *DataKey {
	return &DataKey{
		secret:     func() *[keySize]byte { return secret },
		id:         dataKeyID(secret, generation),
		generation: generation,
		aead:       newAEAD(secret),
	}
}

func dataKeyID(secret *[keySize]byte, generation uint32) event.Hash {
	b := binary.LittleEndian.AppendUint32([]byte(idLabel), generation)
	return sha256.Sum256(append(b, secret[:]...))
}

// newAEAD returns XAES-256-GCM whose ciphertexts begin with their nonce.
func newAEAD(secret *[keySize]byte) tink.AEAD {
	const saltSize = 12 // as C2SP's XAES-256-GCM has it
	parameters := must(xaesgcm.NewParameters(xaesgcm.VariantNoPrefix, saltSize))
	secretBytes := secretdata.NewBytesFromData(secret[:], insecuresecretdataaccess.Token{})
	manager := keyset.NewManager()
	id := must(manager.AddKey(must(xaesgcm.NewKey(secretBytes, 0, parameters))))
	if err := manager.SetPrimary(id); err != nil {
		panic(err)
	}
	return must(aead.New(must(manager.Handle())))
}

// must is for what fails only if this package has a bug: its arguments are
// constant but for 32 bytes, of which each value is a key.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
