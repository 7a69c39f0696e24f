package pqnoise

import "encoding/hex"

// lowOrder are the u-coordinates of X25519's points of order 8 and less, in
// every encoding below 2^255.
var lowOrder = func() (points [][32]byte) {
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			panic(err)
		}
		points = append(points, [32]byte(b))
	}
	return points
}()

// isLowOrder reports whether X25519 with this point gives zero for every key.
// The highest bit has no meaning (RFC 7748, section 5).
func isLowOrder(point []byte) bool {
	p := [32]byte(point)
	p[31] &= 0x7f
	for i := range lowOrder {
		if p == lowOrder[i] {
			return true
		}
	}
	return false
}
