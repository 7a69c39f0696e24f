package dnssec

import (
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The examples of the RFCs that define the algorithms: key, DS record, record
// and signature of each, and a time within the signature's validity.
var vectors = map[string]struct {
	key, ds, record, signature string
	at                         time.Time
}{
	"RFC 6605 section 6.1, ECDSA P-256": {
		"example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
		"example.net. 3600 IN DS 55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
		"www.example.net. 3600 IN A 192.0.2.1",
		"www.example.net. 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
		time.Date(2010, 8, 20, 0, 0, 0, 0, time.UTC),
	},
	"RFC 6605 section 6.2, ECDSA P-384": {
		"example.net. 3600 IN DNSKEY 257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
		"example.net. 3600 IN DS 10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6",
		"www.example.net. 3600 IN A 192.0.2.1",
		"www.example.net. 3600 IN RRSIG A 14 3 3600 20100909102025 20100812102025 10771 example.net. /L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
		time.Date(2010, 8, 20, 0, 0, 0, 0, time.UTC),
	},
	"RFC 8080 section 6.1, Ed25519": {
		"example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
		"example.com. 3600 IN DS 3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
		"example.com. 3600 IN MX 10 mail.example.com.",
		"example.com. 3600 IN RRSIG MX 15 2 3600 20150819220000 20150729220000 3613 example.com. oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
		time.Date(2015, 8, 1, 0, 0, 0, 0, time.UTC),
	},
}

// The published examples are proven, and not a second before or after.
func TestPublishedExamples(t *testing.T) {
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			key := parse(t, v.key).(*dns.DNSKEY)
			if ds := parse(t, v.ds).(*dns.DS); refuseDS(ds) != "" || !names(ds, key) {
				t.Errorf("%v does not name its key", ds)
			}
			record, sig := parse(t, v.record), parse(t, v.signature).(*dns.RRSIG)
			m := &dns.Msg{Answer: []dns.RR{record, sig}}
			s, err := pick(m, record.Header().Name, record.Header().Rrtype)
			if err != nil {
				t.Fatal(err)
			}
			verified := func(at time.Time) bool {
				until, _ := (&lookup{now: at}).verify(s, sig.SignerName, []*dns.DNSKEY{key}, nil)
				return !until.IsZero()
			}
			begin, end := time.Unix(int64(sig.Inception), 0), time.Unix(int64(sig.Expiration), 0)
			for _, at := range []time.Time{v.at, begin, end} {
				if !verified(at) {
					t.Errorf("at %v it is not proven", at)
				}
			}
			for _, at := range []time.Time{begin.Add(-time.Second), end.Add(time.Second)} {
				if verified(at) {
					t.Errorf("at %v it is proven", at)
				}
			}
		})
	}
}

// Times go on past the end of 32 bits, in February 2106 (RFC 1982).
func TestSerialArithmetic(t *testing.T) {
	now := time.Unix(1<<32+1000, 0)
	s := &rrset{name: "x.test.", qtype: dns.TypeTXT}
	sig := &dns.RRSIG{Algorithm: dns.ED25519, Labels: 2, SignerName: "test.", Inception: 1<<32 - 500, Expiration: 2000}
	if why := s.refuseSignature(sig, now); why != "" {
		t.Errorf("across the end of 32 bits: %s", why)
	}
	if got := expires(sig, now); got.Unix() != 1<<32+2000 {
		t.Errorf("it expires at %v", got)
	}
	sig.Expiration = 999
	if s.refuseSignature(sig, now) == "" {
		t.Error("a signature that expired a second ago is taken")
	}
}

func parse(t *testing.T, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}
