package dnssec

import (
	"encoding/base64"
	"math/bits"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

func number(n uint8) string { return strconv.Itoa(int(n)) }

// supported reports whether keys and signatures of an algorithm are believed.
func supported(algorithm uint8) bool {
	switch algorithm {
	case dns.RSASHA256, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519:
		return true
	}
	return false
}

// refuseKey says why a key counts for nothing; "" if its zone may sign with it.
func refuseKey(key *dns.DNSKEY) string {
	switch {
	case key.Flags&dns.ZONE == 0:
		return "is no zone key"
	case key.Flags&dns.REVOKE != 0:
		return "is revoked"
	case key.Protocol != 3:
		return "has protocol " + number(key.Protocol) + " instead of 3"
	case !supported(key.Algorithm):
		return "is of algorithm " + number(key.Algorithm) + "; only 8, 13, 14 and 15 are believed"
	}
	return refuseSize(key, minKeyBits)
}

// refuseSize says why a key is not as long as its algorithm wants it, or, of
// RSA, shorter than least bits.
func refuseSize(key *dns.DNSKEY, least int) string {
	octets, err := base64.StdEncoding.DecodeString(key.PublicKey)
	if err != nil {
		return "cannot be read"
	}
	want := 0
	switch key.Algorithm {
	case dns.RSASHA256:
		if n := modulusBits(octets); n < least {
			return "is an RSA key of " + strconv.Itoa(n) + " bits; it must have " + strconv.Itoa(least)
		}
		return ""
	case dns.ECDSAP256SHA256:
		want = 64
	case dns.ECDSAP384SHA384:
		want = 96
	case dns.ED25519:
		want = 32
	}
	if len(octets) != want {
		return "has " + strconv.Itoa(len(octets)) + " bytes instead of " + strconv.Itoa(want)
	}
	return ""
}

// modulusBits is the length of the modulus of an RSA key as RFC 3110 writes it:
// the exponent's length in one byte, or in two after a zero, exponent, modulus.
func modulusBits(octets []byte) int {
	if len(octets) < 3 {
		return 0
	}
	size, rest := int(octets[0]), octets[1:]
	if size == 0 {
		size, rest = int(octets[1])<<8|int(octets[2]), octets[3:]
	}
	if size >= len(rest) {
		return 0
	}
	modulus := rest[size:]
	return 8*(len(modulus)-1) + bits.Len8(modulus[0])
}

// names reports whether ds is the digest of key.
func names(ds *dns.DS, key *dns.DNSKEY) bool {
	if ds.KeyTag != key.KeyTag() || ds.Algorithm != key.Algorithm {
		return false
	}
	own := key.ToDS(ds.DigestType)
	return own != nil && strings.EqualFold(own.Digest, ds.Digest)
}

// zone is a zone whose keys are proven.
type zone struct {
	name    string
	keys    []*dns.DNSKEY     // that may sign
	refused map[uint16]string // why the other keys, by their tags, may not
}

func newZone(name string, records []dns.RR) zone {
	z := zone{name: name, refused: make(map[uint16]string)}
	for _, rr := range records {
		key, ok := rr.(*dns.DNSKEY)
		if !ok {
			continue
		}
		if why := refuseKey(key); why != "" {
			z.refused[key.KeyTag()] = why
		} else {
			z.keys = append(z.keys, key)
		}
	}
	return z
}
