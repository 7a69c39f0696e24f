package pqnoise

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/cloudflare/circl/dh/x25519"

	"github.com/atedb/atedb/sdk/fault"
)

// outcome runs a handshake in which an attacker may change each message, and
// returns the sessions of those sides that completed it.
func outcome(t *testing.T, level Level, e, s *PrivateKey, payload []byte, attack func(message int, b []byte) []byte) (client, server *Session) {
	t.Helper()
	expect := func(err error) bool {
		t.Helper()
		if err != nil && err != errHandshake {
			t.Fatalf("a failure that tells itself apart: %v", err)
		}
		return err == nil
	}
	m2, r, err := Respond(level, []byte("hellos"), attack(1, bytes.Clone(e.Public())), s, payload)
	if !expect(err) {
		return nil, nil
	}
	i, err := Initiate(level, []byte("hellos"), e, attack(2, m2))
	if !expect(err) {
		return nil, nil
	}
	m3, client, err := i.Finish()
	if !expect(err) {
		return nil, nil
	}
	if server, err = r.Finish(attack(3, m3)); !expect(err) {
		return client, nil
	}
	return client, server
}

func untouched(_ int, b []byte) []byte { return b }

// Attack: one bit of the handshake is flipped on its way. Every byte of every
// message of level 128 is tried, and every 13th of level 256; never do both sides
// complete the handshake.
func TestFlippedBitInTheHandshake(t *testing.T) {
	for _, level := range []Level{Level128, Level256} {
		e, s := generate(t, level.KEM()), generate(t, level.KEM())
		payload := []byte("who the server is")
		if client, server := outcome(t, level, e, s, payload, untouched); client == nil || server == nil || client.Hash != server.Hash {
			t.Fatal("the handshake fails without an attack")
		}
		sizes := []int{1: len(e.Public()), 2: level.message2Size() + len(payload), 3: level.Message3Size()}
		step := 1
		switch {
		case raceEnabled:
			step = 97
		case level == Level256:
			step = 13 // P-384 takes too long for every byte
		}
		for message := 1; message <= 3; message++ {
			for at := 0; at < sizes[message]; at += step {
				client, server := outcome(t, level, e, s, payload, func(m int, b []byte) []byte {
					if m == message {
						b[at] ^= 1 << (at % 8)
					}
					return b
				})
				if server != nil || message < 3 && client != nil {
					t.Fatalf("level %d: a flipped bit in byte %d of message %d was not seen", level, at, message)
				}
			}
		}
	}
}

// Attack: a message is cut, made longer, empty, or all zero.
func TestMisshapenHandshakeMessages(t *testing.T) {
	for _, level := range []Level{Level128, Level192, Level256} {
		e, s := generate(t, level.KEM()), generate(t, level.KEM())
		for name, misshape := range map[string]func([]byte) []byte{
			"empty":      func([]byte) []byte { return nil },
			"cut":        func(b []byte) []byte { return b[:len(b)-1] },
			"longer":     func(b []byte) []byte { return append(b, 0) },
			"zero":       func(b []byte) []byte { return make([]byte, len(b)) },
			"oversize":   func(b []byte) []byte { return append(b, make([]byte, MaxMessage)...) },
			"one header": func(b []byte) []byte { return b[:1] },
		} {
			for message := 1; message <= 3; message++ {
				client, server := outcome(t, level, e, s, nil, func(m int, b []byte) []byte {
					if m == message {
						return misshape(b)
					}
					return b
				})
				if server != nil || message < 3 && client != nil {
					t.Errorf("level %d: message %d, %s: accepted", level, message, name)
				}
			}
		}
	}
}

// Attack: the hellos that the two sides saw differ.
func TestPrologueDiffers(t *testing.T) {
	e, s := generate(t, XWing), generate(t, XWing)
	m2, _, err := Respond(Level128, []byte("a"), e.Public(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Initiate(Level128, []byte("b"), e, m2); err != errHandshake {
		t.Errorf("another prologue: %v", err)
	}
}

// Attack: the server is made to use a lower level than the client believes.
func TestLevelDiffers(t *testing.T) {
	e, s := generate(t, XWing), generate(t, XWing)
	m2, _, err := Respond(Level128, nil, e.Public(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Initiate(Level192, nil, e, m2); err != errHandshake {
		t.Errorf("level 192 from a server at 128: %v", err)
	}
}

// Attack: a man in the middle shows the server's public key, whose private key
// he does not have. He cannot finish with the client.
func TestShownKeyWithoutItsPrivateKey(t *testing.T) {
	e, real, own := generate(t, XWing), generate(t, XWing), generate(t, XWing)
	shown := *own
	shown.public = real.public
	m2, r, err := Respond(Level128, nil, e.Public(), &shown, nil)
	if err != nil {
		t.Fatal(err)
	}
	i, err := Initiate(Level128, nil, e, m2)
	if err != nil || !bytes.Equal(i.Static(), real.public) {
		t.Fatal(err)
	}
	m3, _, err := i.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Finish(m3); err != errHandshake {
		t.Errorf("finished without the private key: %v", err)
	}
}

// Attack: what a client said is said again to a server that has started the
// handshake anew.
func TestReplayedThirdMessage(t *testing.T) {
	e, s := generate(t, XWing), generate(t, XWing)
	var recorded []byte
	outcome(t, Level128, e, s, nil, func(m int, b []byte) []byte {
		if m == 3 {
			recorded = bytes.Clone(b)
		}
		return b
	})
	_, fresh, err := Respond(Level128, []byte("hellos"), e.Public(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fresh.Finish(recorded); err != errHandshake {
		t.Errorf("the replay was accepted: %v", err)
	}
}

// Every point in the list makes X25519 give zero; a common one does not.
func TestLowOrderPoints(t *testing.T) {
	var secret, shared x25519.Key
	secret[3] = 77
	for _, p := range lowOrder {
		for _, high := range []byte{0, 0x80} {
			point := x25519.Key(p)
			point[31] |= high
			if x25519.Shared(&shared, &secret, &point) {
				t.Errorf("%x is not of low order", point)
			}
			if !isLowOrder(point[:]) {
				t.Errorf("%x is not found", point)
			}
		}
	}
	if isLowOrder(generate(t, XWing).Public()[1184:]) {
		t.Error("a fresh key is of low order")
	}
}

// Attack: the X25519 part of a key or a ciphertext is of low order, so that the
// classical half of the secret is known.
func TestLowOrderPointInHandshake(t *testing.T) {
	e, s := generate(t, XWing), generate(t, XWing)
	for _, point := range lowOrder {
		public := append(bytes.Clone(e.Public()[:1184]), point[:]...)
		if _, _, err := Respond(Level128, nil, public, s, nil); err != errHandshake {
			t.Errorf("e with %x: %v", point, err)
		}
		ct, _, err := XWing.encapsulate(s.Public())
		if err != nil {
			t.Fatal(err)
		}
		copy(ct[1088:], point[:])
		if _, err := s.decapsulate(ct); err != errHandshake {
			t.Errorf("a ciphertext with %x: %v", point, err)
		}
	}
}

// What is printed of a key or a session has none of its secrets.
func TestSecretsAreNotPrinted(t *testing.T) {
	client, _ := sessions(t, Level128)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, client); got != "encrypted session" {
			t.Errorf("%s: %s", verb, got)
		}
		if got := fmt.Sprintf(verb, generate(t, MLKEM1024P384)); got != "private key of MLKEM1024P384" {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

func TestMisuseIsRefused(t *testing.T) {
	x, m := generate(t, XWing), generate(t, MLKEM1024P384)
	if _, _, err := Respond(Level256, nil, m.Public(), x, nil); !fault.Is(err, fault.Internal) {
		t.Errorf("a key of the wrong mechanism: %v", err)
	}
	if _, _, err := Respond(Level128, nil, x.Public(), x, make([]byte, MaxMessage)); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a payload that is too long: %v", err)
	}
	if _, err := Initiate(Level256, nil, x, make([]byte, 4000)); err != errHandshake {
		t.Errorf("an ephemeral key of the wrong mechanism: %v", err)
	}
	if _, err := XWing.NewPrivateKey(make([]byte, 31)); err == nil {
		t.Error("a short seed was accepted")
	}
	for _, bits := range []int{0, 1, 64, 129, 512} {
		if _, err := ParseLevel(bits); err == nil {
			t.Errorf("%d is a level", bits)
		}
	}
}
