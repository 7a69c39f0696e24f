package dnssec

import (
	"encoding/hex"
	"strings"

	"github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/fault"
)

// rootAnchors are the root's key-signing keys of 2017 and 2024, as IANA
// publishes them at https://data.iana.org/root-anchors/root-anchors.xml.
const rootAnchors = `
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
`

// RootAnchors returns the trust anchors of the root of DNS.
func RootAnchors() []*dns.DS {
	anchors, err := ParseAnchors(rootAnchors, "the built-in trust anchors")
	if err != nil {
		panic(err)
	}
	return anchors
}

// ParseAnchors reads trust anchors from a zone file that has nothing but DS
// records of the root, 1 to 16 of them, of which name is the name in errors:
// bad_config faults.
func ParseAnchors(text, name string) ([]*dns.DS, error) {
	zp := dns.NewZoneParser(strings.NewReader(text), ".", name)
	zp.SetDefaultTTL(0)
	var anchors []*dns.DS
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		ds, isDS := rr.(*dns.DS)
		if !isDS || ds.Hdr.Name != "." || ds.Hdr.Class != dns.ClassINET {
			return nil, fault.New(fault.BadConfig, "%s has the record %q; trust anchors are DS records of the root, such as \". IN DS 20326 8 2 E06D44B8...\"", name, rr)
		}
		if why := refuseDS(ds); why != "" {
			return nil, fault.New(fault.BadConfig, "%s has the trust anchor %d, which %s", name, ds.KeyTag, why)
		}
		if len(anchors) == maxAnchors {
			return nil, fault.New(fault.BadConfig, "%s has more than %d trust anchors", name, maxAnchors)
		}
		anchors = append(anchors, ds)
	}
	if err := zp.Err(); err != nil {
		return nil, fault.New(fault.BadConfig, "%s cannot be read as a zone file: %w", name, err)
	}
	if len(anchors) == 0 {
		return nil, fault.New(fault.BadConfig, "%s has no trust anchor; write a DS record of the root into it", name)
	}
	return anchors, nil
}

// digestSize is the length, in bytes, of the digests that are believed. SHA-1
// (1) and GOST (3) are not.
var digestSize = map[uint8]int{dns.SHA256: 32, dns.SHA384: 48}

// refuseDS says why a DS record cannot name a key; "" if it can.
func refuseDS(ds *dns.DS) string {
	size, ok := digestSize[ds.DigestType]
	if !ok {
		return "has a digest of type " + number(ds.DigestType) + "; only SHA-256 (2) and SHA-384 (4) are believed"
	}
	if digest, err := hex.DecodeString(ds.Digest); err != nil || len(digest) != size {
		return "has a digest of the wrong length"
	}
	if !supported(ds.Algorithm) {
		return "is for a key of algorithm " + number(ds.Algorithm) + "; only 8, 13, 14 and 15 are believed"
	}
	return ""
}
