package pqnoise

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// MaxFrame is the most bytes of plaintext in a frame.
const MaxFrame = 64 << 10

const (
	secretSize = 32
	headerSize = 4
	overhead   = headerSize + tagSize
)

// frameType is what a frame is for.
type frameType uint8

const (
	frameData  frameType = 0 // plaintext, at least a byte
	frameRekey frameType = 1 // the last frame under its key
	frameClose frameType = 2 // the last frame of its direction
)

// errFrame is every failure of a received frame. It says unavailable, since
// neither side broke the protocol: who connects again may have more luck. Else
// one flipped bit would end a client for good.
var errFrame = fault.New(fault.Unavailable, "the encrypted stream was damaged, or somebody tampered with it, on its way; connect again, and suspect the network if it goes on")

// limits are what one key may be used for.
type limits struct {
	frames uint64        // the frame that changes the key included
	bytes  uint64        // of plaintext
	age    time.Duration // when the sender writes; the receiver has no clock
}

var defaultLimits = limits{frames: 1 << 24, bytes: 64 << 30, age: time.Hour}

// cipherState is one direction: its present key and how much it was used.
type cipherState struct {
	level  Level
	limits limits
	secret [secretSize]byte // of the next key

	aead   cipher.AEAD
	iv     [nonceSize]byte
	frames uint64 // under this key
	bytes  uint64
	since  time.Time

	newAEAD func(key []byte) cipher.AEAD
	header  [headerSize]byte // room, so that no frame takes memory
	nonce   [nonceSize]byte
}

func newCipherState(level Level, secret [secretSize]byte, l limits, newAEAD func([]byte) cipher.AEAD) cipherState {
	c := cipherState{level: level, limits: l, secret: secret, newAEAD: newAEAD}
	c.ratchet()
	return c
}

// ratchet takes the next key.
func (c *cipherState) ratchet() {
	size := c.level.keySize()
	info := fmt.Sprintf("AteDB frames %d", int(c.level))
	out, err := hkdf.Key(sha512.New, c.secret[:], nil, info, size+nonceSize+secretSize)
	if err != nil {
		panic(err) // the length is a constant within bounds
	}
	c.aead = c.newAEAD(out[:size])
	copy(c.iv[:], out[size:])
	copy(c.secret[:], out[size+nonceSize:])
	clear(out)
	c.frames, c.bytes, c.since = 0, 0, time.Now()
}

// expired reports whether the key must change before n bytes more are sent.
// The last frame of a key is kept for changing it or closing.
func (c *cipherState) expired(n int, now time.Time) bool {
	return c.frames >= c.limits.frames-1 || c.bytes+uint64(n) > c.limits.bytes || c.frames > 0 && now.Sub(c.since) >= c.limits.age
}

// seal appends a frame to dst. It must not be called when the key has expired,
// unless the frame is its last.
func (c *cipherState) seal(dst []byte, t frameType, plaintext []byte) []byte {
	binary.LittleEndian.PutUint32(c.header[:], uint32(len(plaintext))|uint32(t)<<24)
	dst = append(dst, c.header[:]...)
	dst = c.aead.Seal(dst, c.nextNonce(), plaintext, c.header[:])
	c.bytes += uint64(len(plaintext))
	if t == frameRekey {
		c.ratchet()
	}
	return dst
}

// parseHeader returns the type and the length of the plaintext of the frame
// that begins with b, which is headerSize bytes long at least.
func parseHeader(b []byte) (frameType, int, error) {
	h := binary.LittleEndian.Uint32(b)
	t, n := frameType(h>>24), int(h&0xffffff)
	ok := t == frameData && 0 < n && n <= MaxFrame || (t == frameRekey || t == frameClose) && n == 0
	if !ok {
		return 0, 0, errFrame
	}
	return t, n, nil
}

// open decrypts a whole frame into dst, which has room for the plaintext and
// either is the frame's own ciphertext or does not overlap it.
func (c *cipherState) open(dst, frame []byte, t frameType, n int) error {
	if c.frames >= c.limits.frames || c.bytes+uint64(n) > c.limits.bytes || t == frameRekey && c.frames == 0 {
		return errFrame
	}
	copy(c.header[:], frame)
	if _, err := c.aead.Open(dst[:0], c.nextNonce(), frame[headerSize:], c.header[:]); err != nil {
		return errFrame
	}
	c.bytes += uint64(n)
	if t == frameRekey {
		c.ratchet()
	}
	return nil
}

// nextNonce returns the present frame's nonce and counts the frame.
func (c *cipherState) nextNonce() []byte {
	c.nonce = c.iv
	at := c.nonce[nonceSize-8:]
	binary.BigEndian.PutUint64(at, binary.BigEndian.Uint64(at)^c.frames)
	c.frames++
	return c.nonce[:]
}
