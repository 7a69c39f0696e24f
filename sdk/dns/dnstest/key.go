package dnstest

import (
	"crypto"
	"testing"

	"github.com/miekg/dns"
)

// Flags of a key.
const (
	EntryKey  = dns.ZONE | dns.SEP // that a DS record names
	RecordKey = dns.ZONE           // that signs the zone's records
)

// Key is a key of a zone. Its record may be changed before it is used.
type Key struct {
	*dns.DNSKEY
	Signer crypto.Signer
}

// NewKey makes a key. Of RSA it has as many bits as are given; the other
// algorithms have but one length, which is to be given.
func NewKey(t testing.TB, zone string, flags uint16, algorithm uint8, bits int) *Key {
	t.Helper()
	record := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: flags, Protocol: 3, Algorithm: algorithm,
	}
	private, err := record.Generate(bits)
	if err != nil {
		t.Fatalf("dnstest: making a key for %s: %v", zone, err)
	}
	return &Key{record, private.(crypto.Signer)}
}
