package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// TestCaptureOfAnEncryptedSession listens to a session in which a value is
// written and read by somebody with a key. Encrypted, the capture has none of
// the chain's name, the object's key, its value and the writer's key. In clear
// text it has all of them, so that the test would find them.
func TestCaptureOfAnEncryptedSession(t *testing.T) {
	const name, key, value = "example.com/joe/wiretapped", "a-very-own-object-key", "a value that is nobody's business"
	d := startDaemon(t, t.TempDir())
	signer := keys.NewSigningKey()
	id := signer.Public().ID()
	secrets := map[string][]byte{
		"chain name": []byte(name), "part of the name": []byte("wiretapped"), "object key": []byte(key), "value": []byte(value),
		"public key": signer.Public().Bytes()[:64], "key id": id[:],
	}
	for _, test := range []struct {
		scheme     string
		encryption int
	}{{"tcp", 0}, {"tcp", 128}, {"tcp", 192}, {"tcp", 256}, {"ws", 128}, {"ws", 256}} {
		p := startProxy(t, d, nil)
		url := p.url(test.scheme, name)
		if test.encryption > 0 {
			url += "#fp=" + d.fingerprint
		}
		ctx := testContext(t)
		c, err := client.Dial(ctx, url, client.Options{Create: true, MinEncryption: test.encryption, Signer: signer})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Server().Encryption; got != test.encryption {
			t.Errorf("%s is encrypted with %d bits, want %d", test.scheme, got, test.encryption)
		}
		owned := event.WriteAuthority{Kind: event.WriteAnyOf, Keys: []event.Hash{id}}
		if _, err := c.Commit(ctx, client.Event{Header: event.Header{Key: []byte(key), Write: owned}, Data: []byte(value)}); err != nil {
			t.Fatal(err)
		}
		if e, err := c.Get(ctx, []byte(key)); err != nil || string(e.Data) != value {
			t.Fatal(e, err)
		}
		c.Close()
		captured := p.captured()
		if len(captured) < 4000 {
			t.Errorf("only %d bytes were captured", len(captured))
		}
		for what, secret := range secrets {
			if found := bytes.Contains(captured, secret); found != (test.encryption == 0) {
				t.Errorf("%s with %d bits: that the capture has the %s is %v", test.scheme, test.encryption, what, found)
			}
		}
	}
}

// TestFramesTamperedWith has a proxy flip a bit, drop, repeat or swap frames of
// an encrypted session, in either direction, and then a bit of the next greetings.
// The client notices, connects again and loses nothing: the log is what was
// written, once and in order.
func TestFramesTamperedWith(t *testing.T) {
	const at = 4 // the frame that it happens to, once the chain is open
	attacks := map[string]func(before *[]byte, n int, b []byte) [][]byte{
		"bit flipped": func(_ *[]byte, n int, b []byte) [][]byte {
			if n == at {
				b[len(b)/2] ^= 1
			}
			return [][]byte{b}
		},
		"type flipped": func(_ *[]byte, n int, b []byte) [][]byte {
			if n == at {
				b[3] ^= 1
			}
			return [][]byte{b}
		},
		"dropped": func(_ *[]byte, n int, b []byte) [][]byte {
			if n == at {
				return nil
			}
			return [][]byte{b}
		},
		"repeated": func(_ *[]byte, n int, b []byte) [][]byte {
			if n == at {
				return [][]byte{b, b}
			}
			return [][]byte{b}
		},
		"swapped": func(before *[]byte, n int, b []byte) [][]byte {
			switch n {
			case at:
				*before = b
				return nil
			case at + 1:
				return [][]byte{b, *before}
			}
			return [][]byte{b}
		},
	}
	d := startDaemon(t, t.TempDir())
	for name, attack := range attacks {
		for _, up := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/up=%v", name, up), func(t *testing.T) {
				t.Parallel()
				var before []byte
				p := startProxy(t, d, func(u unit) [][]byte {
					switch {
					case u.up != up:
					case u.conn == 0 && u.kind == frame:
						return attack(&before, u.n, u.bytes)
					case u.conn == 1 && u.kind == hello: // the next connection fails in its greeting
						u.bytes[len(u.bytes)-100] ^= 1
					case u.conn == 2 && u.kind == message3:
						u.bytes[100] ^= 1
					}
					return [][]byte{u.bytes}
				})
				chain := "example.com/joe/" + strings.ReplaceAll(name, " ", "-") + map[bool]string{true: "-up", false: "-down"}[up]
				writeThrough(t, p.url("tcp", chain)+"#fp="+d.fingerprint, d.url(chain))
			})
		}
	}
}

// writeThrough writes through a proxy that is to disturb it once, and compares
// the log.
func writeThrough(t *testing.T, through, direct string) {
	t.Helper()
	ctx := testContext(t)
	var lost atomic.Int64
	c, err := client.Dial(ctx, through, client.Options{
		Create: true, MinEncryption: 128, KeepAlive: 100 * time.Millisecond,
		OnState: func(s client.State) {
			if !s.Connected && s.Err != nil {
				lost.Add(1)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const events = 40
	var pending []*client.Pending
	for i := range events {
		key := fmt.Sprintf("w00-%06d", i)
		pending = append(pending, c.Submit(ctx, client.Batch{Events: []client.Event{
			{Header: event.Header{Key: []byte(key)}, Data: []byte("data of " + key)},
		}}))
		time.Sleep(2 * time.Millisecond) // so that there are many frames
	}
	for i, p := range pending {
		if receipt, err := p.Wait(ctx); err != nil || receipt.First != event.Seq(1+i) {
			t.Errorf("event %d is acknowledged at %d: %v", i, receipt.First, err)
		}
	}
	if lost.Load() == 0 {
		t.Error("the client noticed nothing")
	}
	if found, n := readLog(t, ctx, direct); n != events || len(found) != events {
		t.Errorf("the log has %d events, of %d objects", n, len(found))
	}
}

// TestDowngrade has a proxy rewrite hellos so that less is encrypted, or
// nothing. The client never goes on, so that it tells nobody what it wants.
func TestDowngrade(t *testing.T) {
	strip := func(h *wirepb.ClientHello) { h.Encryption, h.Offer, h.KeyShare = 0, 0, nil }
	for name, test := range map[string]struct {
		server []string // flags
		least  int      // that the client accepts
		pinned bool
		client func(*wirepb.ClientHello)
		answer func(*wirepb.ServerHello)
		code   fault.Code
	}{
		"offer stripped, server demands":   {nil, 0, true, strip, nil, fault.Unsupported},
		"offer stripped, client demands":   {[]string{"--no-wire-encryption"}, 128, false, strip, nil, fault.WrongServer},
		"offer stripped, server is pinned": {[]string{"--no-wire-encryption"}, 0, true, strip, nil, fault.WrongServer},
		"client's level lowered":           {[]string{"--no-wire-encryption"}, 192, true, func(h *wirepb.ClientHello) { h.Encryption = 128 }, nil, fault.WrongServer},
		"both levels changed": {[]string{"--no-wire-encryption"}, 192, true, func(h *wirepb.ClientHello) { h.Encryption = 128 },
			func(h *wirepb.ServerHello) { h.Encryption = 192 }, fault.BadMessage},
		"server's level lowered": {[]string{"--wire-encryption", "192"}, 0, true, nil, func(h *wirepb.ServerHello) { h.Encryption = 128 }, fault.BadMessage},
		"answer made clear": {nil, 0, true, nil, func(h *wirepb.ServerHello) { h.Encryption, h.Handshake = 0, nil },
			fault.WrongServer},
		"nonce changed": {nil, 0, true, nil, func(h *wirepb.ServerHello) { h.Nonce[3] ^= 1 }, fault.BadMessage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDaemonWith(t, append([]string{"--no-auth", "solo"}, test.server...), t.TempDir())
			var mu sync.Mutex
			beyond := 0
			p := startProxy(t, d, func(u unit) [][]byte {
				if u.up && u.kind != hello {
					mu.Lock()
					beyond++
					mu.Unlock()
				}
				switch {
				case u.kind != hello:
				case u.up && test.client != nil:
					h := new(wirepb.ClientHello)
					if stream.Unmarshal(wire.ClientHello, u.bytes[5:], h) == nil {
						test.client(h)
						return [][]byte{message(wire.ClientHello, h)}
					}
				case !u.up && test.answer != nil && wire.Type(u.bytes[4]) == wire.ServerHello:
					h := new(wirepb.ServerHello)
					if stream.Unmarshal(wire.ServerHello, u.bytes[5:], h) == nil {
						test.answer(h)
						return [][]byte{message(wire.ServerHello, h)}
					}
				}
				return [][]byte{u.bytes}
			})
			url := p.url("tcp", "example.com/joe/downgraded")
			if test.pinned {
				url += "#fp=" + d.fingerprint
			}
			c, err := client.Dial(testContext(t), url, client.Options{Create: true, MinEncryption: test.least})
			if err == nil {
				c.Close()
			}
			if !fault.Is(err, test.code) {
				t.Errorf("dialling: %v; want %s", err, test.code)
			}
			mu.Lock()
			defer mu.Unlock()
			if beyond > 0 {
				t.Errorf("the client went on, with %d more units", beyond)
			}
		})
	}
}
