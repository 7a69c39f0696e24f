package evidence

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

// SealSize is the size of a seal, in bytes.
const SealSize = sealedSize + keys.SignatureSize

const (
	sealVersion = 1
	sealedSize  = 1 + 32 + 16 + 8 + 8 + 32 + 4 + 32 // of a seal before its signature
)

// Writer names one instance of a client, among all that seal with a key.
type Writer [16]byte

// NewWriter returns a random name.
func NewWriter() Writer {
	var w Writer
	rand.Read(w[:]) //nolint:errcheck // it never fails: the process ends instead
	return w
}

// String returns the name in hexadecimal.
func (w Writer) String() string { return hex.EncodeToString(w[:]) }

// Seal is a signature over a batch, and what it says about it. A seal proves
// nothing until [Seal.VerifyBatch] or [Seal.VerifyEvent] accepts it.
type Seal struct {
	Signer    event.Hash  // id of the signing key
	Writer    Writer      // the client that sealed
	Number    uint64      // of the batch among the writer's; it only rises
	Head      merkle.Head // a state of the chain that the signer had seen
	Count     int         // events in the batch
	Leaves    event.Hash  // root of the tree over their leaf hashes
	Signature []byte
}

// SignSeal seals the batch with these leaf hashes, 1 to event.MaxBatchEvents,
// and returns its evidence. The number must be above all that the key has used
// with this writer, and head the newest state of the chain that is known, of
// size 1 or more.
func SignSeal(key *keys.SigningKey, chain event.ChainID, leaves []event.Hash, writer Writer, number uint64, head merkle.Head) []byte {
	s := Seal{
		Signer: key.Public().ID(), Writer: writer, Number: number, Head: head,
		Count: len(leaves), Leaves: merkle.Root(leaves),
	}
	message := s.message(chain)
	evidence := make([]byte, 0, SealSize)
	evidence = append(evidence, message[len(chain):]...)
	return append(evidence, key.Sign(keys.ForSeal, message)...)
}

// message is what the signature is over.
func (s *Seal) message(chain event.ChainID) []byte {
	m := make([]byte, 0, len(chain)+sealedSize)
	m = append(m, chain[:]...)
	m = append(m, sealVersion)
	m = append(m, s.Signer[:]...)
	m = append(m, s.Writer[:]...)
	m = binary.LittleEndian.AppendUint64(m, s.Number)
	m = binary.LittleEndian.AppendUint64(m, s.Head.Size)
	m = append(m, s.Head.Root[:]...)
	m = binary.LittleEndian.AppendUint32(m, uint32(s.Count))
	return append(m, s.Leaves[:]...)
}

// ParseSeal parses a batch's evidence, and verifies nothing. The seal's
// signature aliases it. What is not a seal is a bad_seal fault.
func ParseSeal(evidence []byte) (Seal, error) {
	switch {
	case len(evidence) == 0:
		return Seal{}, fault.New(fault.BadSeal, "the batch has no seal; with distributed trust every batch must be sealed by the key that writes it")
	case evidence[0] != sealVersion:
		return Seal{}, fault.New(fault.BadSeal, "the seal is of version %d; this program knows version %d: a newer one may read it", evidence[0], sealVersion)
	case len(evidence) != SealSize:
		return Seal{}, fault.New(fault.BadSeal, "the seal has %d bytes; a seal of version %d has %d", len(evidence), sealVersion, SealSize)
	}
	count := binary.LittleEndian.Uint32(evidence[97:])
	s := Seal{
		Signer: event.Hash(evidence[1:33]), Writer: Writer(evidence[33:49]),
		Number:    binary.LittleEndian.Uint64(evidence[49:]),
		Head:      merkle.Head{Size: binary.LittleEndian.Uint64(evidence[57:]), Root: event.Hash(evidence[65:97])},
		Leaves:    event.Hash(evidence[101:sealedSize]),
		Signature: evidence[sealedSize:],
	}
	switch {
	case count < 1 || count > event.MaxBatchEvents:
		return Seal{}, fault.New(fault.BadSeal, "the seal is of a batch of %d events; a batch has 1 to %d", count, event.MaxBatchEvents)
	case s.Head.Size < 1 || s.Head.Size > merkle.MaxSize:
		return Seal{}, fault.New(fault.BadSeal, "the seal builds on a chain of %d events; there are 1 to %d, with the genesis", s.Head.Size, uint64(merkle.MaxSize))
	}
	s.Count = int(count)
	return s, nil
}
