package pqnoise

import (
	"bytes"
	"crypto/cipher"
	"io"
	"slices"
	"testing"
	"time"
)

// Attack: a peer changes its key with every frame, to keep the reader busy; or
// uses one key for ever.
func TestRekeyAbused(t *testing.T) {
	client, server := sessions(t, Level128)
	abuse := newCipherState(Level128, client.send, defaultLimits, newGCM)
	raw := abuse.seal(nil, frameRekey, nil)
	if _, err := io.ReadAll(NewConn(sink{r: bytes.NewReader(raw)}, server)); err != errFrame {
		t.Errorf("a key's first frame changes it: %v", err)
	}

	reader := NewConn(sink{r: bytes.NewReader(nil)}, server)
	reader.receive.limits = vectorLimits
	abuse = newCipherState(Level128, client.send, defaultLimits, newGCM)
	raw = nil
	for range vectorLimits.frames + 1 {
		raw = abuse.seal(raw, frameData, []byte("x"))
	}
	reader.Conn = sink{r: bytes.NewReader(raw)}
	if got, err := io.ReadAll(reader); err != errFrame || string(got) != "xxx" {
		t.Errorf("a key used too often: %q, %v", got, err)
	}

	reader = NewConn(sink{r: bytes.NewReader(raw)}, server)
	reader.receive.limits.bytes = 2
	if got, err := io.ReadAll(reader); err != errFrame || string(got) != "xx" {
		t.Errorf("a key used for too much: %q, %v", got, err)
	}
}

// countingAEAD fails the test when a nonce is used twice with a key.
type countingAEAD struct {
	cipher.AEAD
	t    *testing.T
	used map[[nonceSize]byte]struct{}
	all  *int
}

func (c *countingAEAD) Seal(dst, nonce, plaintext, ad []byte) []byte {
	n := [nonceSize]byte(nonce)
	if _, twice := c.used[n]; twice {
		c.t.Fatalf("the nonce %x was used twice with a key", n)
	}
	c.used[n] = struct{}{}
	*c.all++
	return c.AEAD.Seal(dst, nonce, plaintext, ad)
}

// Attack: waiting for a nonce to be used again. Over a million frames and more
// than a hundred changes of key, none is, and no key comes back.
func TestNonceReuseOverAMillionFrames(t *testing.T) {
	frames := 1_000_000
	if raceEnabled {
		frames = 50_000
	}
	client, _ := sessions(t, Level128)
	keys := make(map[string]struct{})
	all := 0
	c := newConn(sink{w: io.Discard}, client, limits{})
	c.send = newCipherState(Level128, client.send, limits{frames: 9000, bytes: 1 << 40, age: time.Hour}, func(key []byte) cipher.AEAD {
		if _, again := keys[string(key)]; again {
			t.Fatal("a key came back")
		}
		keys[string(key)] = struct{}{}
		return &countingAEAD{newGCM(key), t, make(map[[nonceSize]byte]struct{}, 9000), &all}
	})
	for all < frames {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys) != frames/9000+1 {
		t.Errorf("%d keys for %d frames", len(keys), all)
	}
}

// Each of the three limits changes the key in time, and the reader follows.
func TestKeyChangesAtEachLimit(t *testing.T) {
	for name, l := range map[string]limits{
		"frames": {frames: 5, bytes: 1 << 40, age: time.Hour},
		"bytes":  {frames: 1 << 24, bytes: MaxFrame, age: time.Hour},
		"age":    {frames: 1 << 24, bytes: 1 << 40, age: 0},
	} {
		sent := bytes.Repeat([]byte("0123456789abcdef"), MaxFrame)
		var writes [][]byte
		for part := range slices.Chunk(sent, 100_000) {
			writes = append(writes, part)
		}
		frames, read := stream(t, Level192, l, writes...)
		rekeys, since, carried := 0, uint64(0), uint64(0)
		for _, f := range frames {
			kind, n, _ := parseHeader(f)
			since, carried = since+1, carried+uint64(n)
			if since > l.frames || carried > l.bytes {
				t.Errorf("%s: %d frames and %d bytes under one key", name, since, carried)
			}
			if kind == frameRekey {
				rekeys, since, carried = rekeys+1, 0, 0
			}
		}
		if rekeys < 3 {
			t.Errorf("%s: the key changed %d times", name, rekeys)
		}
		if got, err := read(bytes.Join(frames, nil)); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%s: read %d of %d bytes: %v", name, len(got), len(sent), err)
		}
	}
}

// The limits are those of the specification.
func TestLimitsAreTheSpecifiedOnes(t *testing.T) {
	client, _ := sessions(t, Level128)
	c := NewConn(nil, client)
	for _, l := range []limits{c.send.limits, c.receive.limits} {
		if l != (limits{frames: 1 << 24, bytes: 64 << 30, age: time.Hour}) {
			t.Errorf("%+v", l)
		}
	}
}
