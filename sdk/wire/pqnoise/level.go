package pqnoise

import (
	"fmt"

	"github.com/atedb/atedb/sdk/fault"
)

// Level is a strength of encryption: the bits of the key that frames are
// encrypted with.
type Level int

// The levels.
const (
	Level128 Level = 128
	Level192 Level = 192
	Level256 Level = 256
)

// ParseLevel returns the level of that many bits.
func ParseLevel(bits int) (Level, error) {
	switch l := Level(bits); l {
	case Level128, Level192, Level256:
		return l, nil
	}
	return 0, fault.New(fault.BadRequest, "%d bit is not a level of wire encryption; the levels are 128, 192 and 256", bits)
}

// KEM returns the key encapsulation mechanism of the level's handshake.
func (l Level) KEM() KEM {
	if l == Level256 {
		return MLKEM1024P384
	}
	return XWing
}

// Message3Size is the exact length of the third message of the handshake.
func (l Level) Message3Size() int { return l.KEM().ciphertextSize() + 2*tagSize }

// message2Size is the least length of the second message.
func (l Level) message2Size() int {
	return l.KEM().ciphertextSize() + l.KEM().PublicKeySize() + 2*tagSize
}

// protocol is the protocol's name in the sense of the Noise specification.
func (l Level) protocol() string {
	return fmt.Sprintf("Noise_pqNX_%s_AESGCM_SHA512/AES%d", l.KEM(), int(l))
}

func (l Level) keySize() int { return int(l) / 8 }
