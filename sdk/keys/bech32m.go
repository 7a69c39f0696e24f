package keys

import (
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

// Bech32m as in BIP-350: a checksum of 30 bits over 5-bit digits finds any
// four wrong characters, and all but one in 10^9 of other mistakes.
const (
	bech32Digits   = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	bech32Checksum = 6 // digits
	bech32mFinal   = 0x2bc830a3
)

var bech32Generator = [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}

// encodeBech32m returns the text of bytes under a lower-case prefix.
func encodeBech32m(prefix string, data []byte) string {
	digits := toDigits(data)
	check := bech32Polymod(prefix, append(digits, make([]byte, bech32Checksum)...)) ^ bech32mFinal
	for i := range bech32Checksum {
		digits = append(digits, byte(check>>(5*(bech32Checksum-1-i)))&31)
	}
	var text strings.Builder
	text.WriteString(prefix)
	text.WriteByte('1')
	for _, d := range digits {
		text.WriteByte(bech32Digits[d])
	}
	return text.String()
}

// decodeBech32m returns the prefix and the bytes of a text, whose length the
// caller has bounded. Text may be in capitals, but not mix them.
func decodeBech32m(text string) (prefix string, data []byte, err error) {
	prefix, digits, err := splitBech32m(text)
	if err != nil {
		return "", nil, err
	}
	if bech32Polymod(prefix, digits) != bech32mFinal {
		return "", nil, fault.New(fault.BadRequest, "its checksum is wrong, so some of its characters are")
	}
	data, ok := fromDigits(digits[:len(digits)-bech32Checksum])
	if !ok {
		return "", nil, fault.New(fault.BadRequest, "it does not hold whole bytes")
	}
	return prefix, data, nil
}

func splitBech32m(text string) (prefix string, digits []byte, err error) {
	lower := strings.ToLower(text)
	if text != lower && text != strings.ToUpper(text) {
		return "", nil, fault.New(fault.BadRequest, "it mixes capitals and small letters")
	}
	at := strings.LastIndexByte(lower, '1')
	if at < 1 || len(lower)-at-1 < bech32Checksum {
		return "", nil, fault.New(fault.BadRequest, "it is cut short")
	}
	for i := range at {
		if lower[i] < '!' || lower[i] > '~' {
			return "", nil, fault.New(fault.BadRequest, "character %d cannot stand in it", i+1)
		}
	}
	digits = make([]byte, 0, len(lower)-at-1)
	for i := at + 1; i < len(lower); i++ {
		d := strings.IndexByte(bech32Digits, lower[i])
		if d < 0 {
			return "", nil, fault.New(fault.BadRequest, "character %d cannot stand in it", i+1)
		}
		digits = append(digits, byte(d))
	}
	return lower[:at], digits, nil
}

func bech32Polymod(prefix string, digits []byte) uint32 {
	check := uint32(1)
	feed := func(d byte) {
		top := check >> 25
		check = (check&0x1ffffff)<<5 ^ uint32(d)
		for i, g := range bech32Generator {
			if top>>i&1 == 1 {
				check ^= g
			}
		}
	}
	for i := range len(prefix) {
		feed(prefix[i] >> 5)
	}
	feed(0)
	for i := range len(prefix) {
		feed(prefix[i] & 31)
	}
	for _, d := range digits {
		feed(d)
	}
	return check
}

// toDigits regroups bytes into 5-bit digits, with zero bits at the end.
func toDigits(data []byte) []byte {
	digits := make([]byte, 0, len(data)*8/5+1+bech32Checksum)
	var bits, have uint
	for _, b := range data {
		bits, have = bits<<8|uint(b), have+8
		for have >= 5 {
			have -= 5
			digits = append(digits, byte(bits>>have)&31)
		}
	}
	if have > 0 {
		digits = append(digits, byte(bits<<(5-have))&31)
	}
	return digits
}

// fromDigits undoes toDigits. It is not ok if toDigits does not make such
// digits.
func fromDigits(digits []byte) (data []byte, ok bool) {
	var bits, have uint
	for _, d := range digits {
		bits, have = bits<<5|uint(d), have+5
		if have >= 8 {
			have -= 8
			data = append(data, byte(bits>>have))
		}
	}
	return data, have < 5 && bits&(1<<have-1) == 0
}
