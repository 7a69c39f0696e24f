package dns

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	wire "github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/dns/dnstest"
	"github.com/atedb/atedb/sdk/fault"
)

// An answer too long for a datagram is cut off there and comes over TCP.
func TestTruncatedAnswerComesOverTCP(t *testing.T) {
	both(t, func(t *testing.T, tree *dnstest.Tree, r *Resolver) {
		var records []string
		for i := range 40 {
			records = append(records, fmt.Sprintf(`x.test. 300 IN TXT "%d %s"`, i, strings.Repeat("x", 100)))
		}
		tree.Zone("x.test.", records...)
		var networks []string
		tree.Meddle(func(network string, q, m *wire.Msg) *wire.Msg {
			if q.Question[0].Qtype == wire.TypeTXT {
				networks = append(networks, network)
			}
			return m
		})
		txt, err := r.TXT(ctx(), "x.test")
		tree.Meddle(nil) // and nothing writes to networks any more
		if err != nil || len(txt) != 40 || !slices.Equal(networks, []string{"udp", "tcp"}) {
			t.Errorf("%d records over %v, %v; want 40 over UDP and TCP", len(txt), networks, err)
		}
	})
}

// Servers that do not do what they should: each is named in an error, the look-up
// ends, and asking again is what is left.
func TestServersThatFail(t *testing.T) {
	code := func(rcode int) dnstest.Meddler {
		return func(_ string, _, m *wire.Msg) *wire.Msg {
			m.Rcode = rcode
			return m
		}
	}
	overTCP := func(change func(*wire.Msg)) dnstest.Meddler {
		return func(network string, _, m *wire.Msg) *wire.Msg {
			if network == "udp" {
				m.Answer, m.Truncated = nil, true
			} else {
				change(m)
			}
			return m
		}
	}
	for name, c := range map[string]struct {
		meddle dnstest.Meddler
		word   string
	}{
		"SERVFAIL":          {code(wire.RcodeServerFailure), "answered SERVFAIL"},
		"REFUSED":           {code(wire.RcodeRefused), "answered REFUSED"},
		"code of 12 bits":   {code(wire.RcodeBadSig), "answered BADSIG"},
		"unknown code":      {code(3841), "answered code 3841"},
		"silence":           {func(string, *wire.Msg, *wire.Msg) *wire.Msg { return nil }, "gave no answer to it within 300ms over udp"},
		"cut off over TCP":  {overTCP(func(m *wire.Msg) { m.Truncated = true }), "cut its answer off even over TCP"},
		"wrong id over TCP": {overTCP(func(m *wire.Msg) { m.Id++ }), "another question"},
		"another question over TCP": {overTCP(func(m *wire.Msg) { m.Question[0].Name = "evil.test." }),
			"another question"},
		"oversize over TCP": {overTCP(func(m *wire.Msg) {
			for range 100 {
				m.Answer = append(m.Answer, &wire.TXT{Hdr: wire.RR_Header{Name: ".", Rrtype: wire.TypeTXT, Class: 1}, Txt: []string{strings.Repeat("x", 200)}})
			}
		}), "more than 16384 bytes"},
		"silence over TCP": {func(network string, _, m *wire.Msg) *wire.Msg {
			if m.Truncated = true; network == "tcp" {
				return nil
			}
			return m
		}, "over tcp"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := newTree(t)
			address := tree.Serve(t)
			r := resolver(t, Config{Server: address})
			tree.Meddle(c.meddle)
			_, err := r.TXT(ctx(), "x.test")
			wantErr(t, name, err, fault.Unavailable, c.word, "DNS server "+address, "the TXT record of x.test.")
		})
	}
	r := resolver(t, Config{Server: "127.0.0.1:1"})
	_, err := r.TXT(ctx(), "x.test")
	wantErr(t, "nobody there", err, fault.Unavailable, "DNS server 127.0.0.1:1 is not reached")
}

// A datagram that is lost is asked for once more.
func TestLostDatagram(t *testing.T) {
	tree := newTree(t)
	r := resolver(t, Config{Server: tree.Serve(t)})
	lost := false
	tree.Meddle(func(_ string, _, m *wire.Msg) *wire.Msg {
		if !lost {
			lost = true
			return nil
		}
		return m
	})
	if txt, err := r.TXT(ctx(), "x.test"); err != nil || len(txt) != 2 {
		t.Errorf("%q, %v", txt, err)
	}
}

// forger answers each query over UDP with what forge makes of a good answer, and
// lets it send from elsewhere too.
func forger(t *testing.T, forge func(good *wire.Msg, send, elsewhere func([]byte))) string {
	here, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	there, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, 1500)
		for {
			n, from, err := here.ReadFrom(buffer)
			if err != nil {
				return
			}
			query, good := new(wire.Msg), new(wire.Msg)
			if query.Unpack(buffer[:n]) != nil {
				continue
			}
			good.SetReply(query)
			good.Answer = []wire.RR{&wire.TXT{Hdr: wire.RR_Header{Name: "x.test.", Rrtype: wire.TypeTXT, Class: 1, Ttl: 0}, Txt: []string{"good"}}}
			forge(good, func(b []byte) { _, _ = here.WriteTo(b, from) }, func(b []byte) { _, _ = there.WriteTo(b, from) })
		}
	}()
	t.Cleanup(func() {
		_, _ = here.Close(), there.Close()
		<-ended
	})
	return here.LocalAddr().String()
}

func pack(m *wire.Msg) []byte {
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// Datagrams that anybody could send are dropped, and the good answer behind them
// still counts. Without one, they come to nothing.
func TestForgedDatagrams(t *testing.T) {
	for name, forge := range map[string]func(*wire.Msg) []byte{
		"wrong id": func(m *wire.Msg) []byte { m.Id++; return pack(m) },
		"answer to another question": func(m *wire.Msg) []byte {
			m.Question[0].Name = "y.test."
			return pack(m)
		},
		"answer to another type":  func(m *wire.Msg) []byte { m.Question[0].Qtype = wire.TypeA; return pack(m) },
		"answer to another class": func(m *wire.Msg) []byte { m.Question[0].Qclass = wire.ClassCHAOS; return pack(m) },
		"answer to no question":   func(m *wire.Msg) []byte { m.Question = nil; return pack(m) },
		"answer to two questions": func(m *wire.Msg) []byte { m.Question = append(m.Question, m.Question[0]); return pack(m) },
		"a query":                 func(m *wire.Msg) []byte { m.Response = false; return pack(m) },
		"another operation":       func(m *wire.Msg) []byte { m.Opcode = wire.OpcodeUpdate; return pack(m) },
		"no DNS":                  func(*wire.Msg) []byte { return []byte("hello") },
		"nothing":                 func(*wire.Msg) []byte { return nil },
		"cut within a record":     func(m *wire.Msg) []byte { b := pack(m); return b[:len(b)-3] },
		"oversize with wrong id":  func(m *wire.Msg) []byte { m.Id++; return append(pack(m), make([]byte, 4000)...) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, withGood := range []bool{true, false} {
				r := resolver(t, Config{Server: forger(t, func(good *wire.Msg, send, _ func([]byte)) {
					evil := good.Copy()
					evil.Answer[0].(*wire.TXT).Txt[0] = "evil"
					b := forge(evil)
					send(b)
					send(b)
					if withGood {
						send(pack(good))
					}
				})})
				r.tryTime = 50 * time.Millisecond
				txt, err := r.TXT(ctx(), "x.test")
				if withGood && (err != nil || !slices.Equal(txt, []string{"good"})) {
					t.Errorf("before the good one: %q, %v", txt, err)
				} else if !withGood {
					wantErr(t, name, err, fault.Unavailable, "gave no answer")
				}
			}
		})
	}
}

// Who cannot send from the server's address is not heard, even with the right id.
func TestForgedFromElsewhere(t *testing.T) {
	r := resolver(t, Config{Server: forger(t, func(good *wire.Msg, send, elsewhere func([]byte)) {
		evil := good.Copy()
		evil.Answer[0].(*wire.TXT).Txt[0] = "evil"
		elsewhere(pack(evil))
		time.Sleep(10 * time.Millisecond)
		send(pack(good))
	})})
	if txt, err := r.TXT(ctx(), "x.test"); err != nil || !slices.Equal(txt, []string{"good"}) {
		t.Errorf("%q, %v", txt, err)
	}
}

// A flood of datagrams ends the try; it does not keep the look-up busy.
func TestFloodOfDatagrams(t *testing.T) {
	r := resolver(t, Config{Server: forger(t, func(good *wire.Msg, send, _ func([]byte)) {
		good.Id++
		for range 2 * maxDropped {
			send(pack(good))
		}
	})})
	r.tryTime = 10 * time.Second
	begun := time.Now()
	_, err := r.TXT(ctx(), "x.test")
	wantErr(t, "flood", err, fault.Unavailable, "another question")
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

// A datagram longer than was asked for is not read; the answer comes over TCP.
func TestOversizeDatagram(t *testing.T) {
	tree := newTree(t)
	r := resolver(t, Config{Server: tree.Serve(t)})
	tree.Meddle(func(network string, _, m *wire.Msg) *wire.Msg {
		if network == "udp" {
			for range 30 {
				m.Answer = append(m.Answer, &wire.TXT{Hdr: wire.RR_Header{Name: "x.test.", Rrtype: wire.TypeTXT, Class: 1}, Txt: []string{strings.Repeat("x", 200)}})
			}
		}
		return m
	})
	if txt, err := r.TXT(ctx(), "x.test"); err != nil || len(txt) != 2 {
		t.Errorf("%d records, %v", len(txt), err)
	}
}

// A server may have an IPv6 address; the machine must have ::1.
func TestIPv6Server(t *testing.T) {
	probe, err := net.ListenPacket("udp", "[::1]:0")
	if err != nil {
		t.Logf("this machine has no ::1, so nothing is proven: %v", err)
		return
	}
	_ = probe.Close()
	tree := newTree(t)
	r := resolver(t, Config{Server: tree.ServeOn(t, "::1"), Secure: true, Anchors: tree.AnchorsFile(t)})
	if txt, err := r.TXT(ctx(), "x.test"); err != nil || len(txt) != 2 {
		t.Errorf("%q, %v", txt, err)
	}
}
