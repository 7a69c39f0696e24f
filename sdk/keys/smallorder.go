package keys

import (
	"crypto/ed25519"
	"encoding/hex"
)

// smallOrder has the y coordinates, in little-endian, of the points of
// edwards25519 whose order divides 8, and those that are the same modulo the
// field's prime p = 2^255 - 19.
var smallOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000", // 1, of order 1
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // -1, of order 2
	"0000000000000000000000000000000000000000000000000000000000000000", // 0, of order 4
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // a root of d y⁴ + 2y² = 1, of order 8
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // its negative
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p, which is 0
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p+1, which is 1
}

// isSmallOrder reports whether a public key, of the right size, is a point of
// small order, whatever the sign of its x coordinate.
func isSmallOrder(public ed25519.PublicKey) bool {
	y := [ed25519.PublicKeySize]byte(public)
	y[len(y)-1] &= 0x7f
	text := hex.EncodeToString(y[:])
	for _, small := range smallOrder {
		if text == small {
			return true
		}
	}
	return false
}
