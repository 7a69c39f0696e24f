package keys

import (
	"bytes"
	"crypto/ed25519"
	"math/rand/v2"
	"sync"
	"testing"

	"filippo.io/mldsa"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

var testKey = sync.OnceValue(func() *SigningKey {
	seed := make([]byte, SigningSeedSize)
	for i := range seed {
		seed[i] = byte(i + 1)
	}
	key, err := SigningKeyFromSeed(seed)
	if err != nil {
		panic(err)
	}
	return key
})

// A key comes back from its seed, a public key from its encoding, and the id is
// the encoding's.
func TestSigningKeyRoundTrip(t *testing.T) {
	key := NewSigningKey()
	again, err := SigningKeyFromSeed(key.Seed())
	if err != nil {
		t.Fatal(err)
	}
	public, err := ParsePublicKey(key.Public().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Public().Bytes(), public.Bytes()) || public.ID() != event.KeyID(public.Bytes()) || public.ID() != again.Public().ID() {
		t.Error("the key that came back is another")
	}
	message := []byte("message")
	first, second := again.Sign(ForSeal, message), key.Sign(ForSeal, message)
	if !public.Verify(ForSeal, message, first) || !public.Verify(ForSeal, message, second) {
		t.Error("a good signature does not verify")
	}
	if bytes.Equal(first, second) {
		t.Error("two signatures are equal, so they are not hedged")
	}
}

// What is handed out or taken in is a copy: changing it changes no key.
func TestKeysKeepCopies(t *testing.T) {
	seed := testKey().Seed()
	key, _ := SigningKeyFromSeed(seed)
	encoded := key.Public().Bytes()
	public, _ := ParsePublicKey(encoded)
	for _, b := range [][]byte{seed, encoded, key.Seed(), key.Public().Bytes(), public.Bytes()} {
		clear(b)
	}
	if !public.Verify(ForSeal, nil, key.Sign(ForSeal, nil)) || public.ID() != testKey().Public().ID() || !bytes.Equal(key.Seed(), testKey().Seed()) {
		t.Error("the key changed with bytes of the caller's")
	}
}

// Attack: a signature that was made for one purpose, message or key is passed
// off as one for another.
func TestSignatureIsForOneUse(t *testing.T) {
	key, message := testKey(), []byte("message")
	for _, made := range []Purpose{ForProof, ForSeal, ForCheckpoint, ForAdvert} {
		signature := key.Sign(made, message)
		for _, used := range []Purpose{ForProof, ForSeal, ForCheckpoint, ForAdvert, "", made + "x"} {
			if got := key.Public().Verify(used, message, signature); got != (used == made) {
				t.Errorf("made for %q, used for %q: %v", made, used, got)
			}
		}
		if key.Public().Verify(made, []byte("messagf"), signature) || NewSigningKey().Public().Verify(made, message, signature) {
			t.Error("it verifies for another message or key")
		}
	}
	if (PublicKey{}).Verify(ForSeal, message, key.Sign(ForSeal, message)) {
		t.Error("no key verifies a signature")
	}
}

// Attack: one algorithm is broken. A signature of which only one half is good,
// of which a half comes from another signature, or that signs the bare message
// instead of the composite's representative, is refused.
func TestEachHalfIsNeeded(t *testing.T) {
	key, other, message := testKey(), NewSigningKey(), []byte("message")
	good := key.Sign(ForSeal, message)
	const cut = mldsa65.SignatureSize
	splice := func(first, second []byte) []byte { return append(bytes.Clone(first), second...) }
	bare := make([]byte, cut)
	if err := mldsa65.SignTo(key.secret().mldsa, message, []byte(ForSeal), false, bare); err != nil {
		t.Fatal(err)
	}
	m := representative(compositeLabel, string(ForSeal), message)
	noContext := make([]byte, cut)
	if err := mldsa65.SignTo(key.secret().mldsa, m, nil, false, noContext); err != nil {
		t.Fatal(err)
	}
	for name, signature := range map[string][]byte{
		"ML-DSA by another":          splice(other.Sign(ForSeal, message)[:cut], good[cut:]),
		"Ed25519 by another":         splice(good[:cut], other.Sign(ForSeal, message)[cut:]),
		"ML-DSA of another message":  splice(key.Sign(ForSeal, nil)[:cut], good[cut:]),
		"Ed25519 of another message": splice(good[:cut], key.Sign(ForSeal, nil)[cut:]),
		"ML-DSA for another purpose": splice(key.Sign(ForProof, message)[:cut], good[cut:]),
		"ML-DSA of the bare message": splice(bare, good[cut:]),
		"ML-DSA without the label":   splice(noContext, good[cut:]),
		"Ed25519 of the message":     splice(good[:cut], ed25519.Sign(key.secret().ed25519, message)),
		"halves swapped":             splice(good[cut:], good[:cut]),
		"ML-DSA of zeros":            splice(make([]byte, cut), good[cut:]),
		"Ed25519 of zeros":           splice(good[:cut], make([]byte, ed25519.SignatureSize)),
	} {
		if key.Public().Verify(ForSeal, message, signature) {
			t.Errorf("%s: it verifies", name)
		}
	}
	if !key.Public().Verify(ForSeal, message, splice(good[:cut], key.Sign(ForSeal, message)[cut:])) {
		t.Error("two good halves do not verify, so the cases above prove nothing")
	}
}

// Attack: a signature is cut, lengthened, or has any one bit flipped.
func TestDamagedSignature(t *testing.T) {
	key, message := testKey(), []byte("message")
	good := key.Sign(ForSeal, message)
	for _, n := range []int{0, 1, ed25519.SignatureSize, mldsa65.SignatureSize, SignatureSize - 1} {
		if key.Public().Verify(ForSeal, message, good[:n]) {
			t.Errorf("%d bytes of it verify", n)
		}
	}
	if key.Public().Verify(ForSeal, message, append(bytes.Clone(good), 0)) {
		t.Error("it verifies with a byte more")
	}
	for at := rand.IntN(31); at < len(good)*8; at += 31 + rand.IntN(31) {
		good[at/8] ^= 1 << (at % 8)
		if key.Public().Verify(ForSeal, message, good) {
			t.Errorf("it verifies with bit %d flipped", at)
		}
		good[at/8] ^= 1 << (at % 8)
	}
	if !key.Public().Verify(ForSeal, message, good) {
		t.Error("it does not verify when mended")
	}
}

// Attack: a signature is checked with a public key of which one bit is flipped.
func TestDamagedPublicKey(t *testing.T) {
	key, message := testKey(), []byte("message")
	signature, encoded := key.Sign(ForSeal, message), key.Public().Bytes()
	for at := 8 + rand.IntN(311); at < len(encoded)*8; at += 311 {
		encoded[at/8] ^= 1 << (at % 8)
		if public, err := ParsePublicKey(encoded); err == nil && (public.Verify(ForSeal, message, signature) || public.ID() == key.Public().ID()) {
			t.Errorf("a key with bit %d flipped is as good as the right one", at)
		}
		encoded[at/8] ^= 1 << (at % 8)
	}
}

// Keys of a wrong size or algorithm are refused, each with its code.
func TestBadKeys(t *testing.T) {
	sign, read := testKey().Public().Bytes(), NewReadKey().Public().Bytes()
	for name, c := range map[string]struct {
		parse func([]byte) error
		bytes []byte
		code  fault.Code
	}{
		"empty":             {parseSign, nil, fault.BadRequest},
		"cut short":         {parseSign, sign[:len(sign)-1], fault.BadRequest},
		"too long":          {parseSign, append(bytes.Clone(sign), 0), fault.BadRequest},
		"a read key":        {parseSign, read, fault.BadRequest},
		"algorithm 4":       {parseSign, append([]byte{4}, sign[1:]...), fault.Unsupported},
		"read: empty":       {parseRead, nil, fault.BadRequest},
		"read: cut short":   {parseRead, read[:len(read)-1], fault.BadRequest},
		"read: a sign key":  {parseRead, sign, fault.BadRequest},
		"read: algorithm 0": {parseRead, append([]byte{0}, read[1:]...), fault.Unsupported},
		"read: not reduced": {parseRead, append([]byte{2}, bytes.Repeat([]byte{0xff}, len(read)-1)...), fault.BadRequest},
		"seed":              {func(b []byte) error { _, err := SigningKeyFromSeed(b); return err }, make([]byte, 63), fault.BadRequest},
		"read seed":         {func(b []byte) error { _, err := ReadKeyFromSeed(b); return err }, make([]byte, 33), fault.BadRequest},
	} {
		if err := c.parse(c.bytes); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func parseSign(b []byte) error { _, err := ParsePublicKey(b); return err }
func parseRead(b []byte) error { _, err := ParseReadPublicKey(b); return err }

// The ML-DSA half agrees with a second implementation, in both directions: the
// same seed gives the same public key, and each verifies what the other signs.
func TestSecondImplementationOfMLDSA(t *testing.T) {
	key, message := NewSigningKey(), []byte("message")
	theirs, err := mldsa.NewPrivateKey(mldsa.MLDSA65(), key.Seed()[:mldsa65.SeedSize])
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(theirs.PublicKey().Bytes(), key.Public().Bytes()[1:1+mldsa65.PublicKeySize]) {
		t.Fatal("the same seed gives other public keys")
	}
	m, options := representative(compositeLabel, string(ForSeal), message), &mldsa.Options{Context: compositeLabel}
	signature := key.Sign(ForSeal, message)
	if err := mldsa.Verify(theirs.PublicKey(), m, signature[:mldsa65.SignatureSize], options); err != nil {
		t.Error("they refuse ours:", err)
	}
	first, err := theirs.Sign(nil, m, options)
	if err != nil {
		t.Fatal(err)
	}
	if !key.Public().Verify(ForSeal, message, append(first, signature[mldsa65.SignatureSize:]...)) {
		t.Error("we refuse theirs")
	}
}

// One key signs and verifies for many at once; the race detector watches.
func TestConcurrentUse(t *testing.T) {
	key := testKey()
	public := key.Public()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			message := []byte{byte(i)}
			for range 5 {
				if !public.Verify(ForProof, message, key.Sign(ForProof, message)) {
					t.Error("a good signature does not verify")
				}
			}
		})
	}
	all.Wait()
}

// A purpose that could not be told apart is a bug of the caller's.
func TestBadPurposePanics(t *testing.T) {
	for _, p := range []Purpose{"", Purpose(bytes.Repeat([]byte{'x'}, 256))} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a purpose of %d bytes signs", len(p))
				}
			}()
			testKey().Sign(p, nil)
		}()
	}
}

func BenchmarkSign(b *testing.B) {
	key, message := testKey(), make([]byte, 128)
	for b.Loop() {
		key.Sign(ForSeal, message)
	}
}

func BenchmarkVerify(b *testing.B) {
	key, message := testKey().Public(), make([]byte, 128)
	signature := testKey().Sign(ForSeal, message)
	for b.Loop() {
		if !key.Verify(ForSeal, message, signature) {
			b.Fatal("a good signature does not verify")
		}
	}
}

func BenchmarkParsePublicKey(b *testing.B) {
	encoded := testKey().Public().Bytes()
	for b.Loop() {
		if _, err := ParsePublicKey(encoded); err != nil {
			b.Fatal(err)
		}
	}
}
