package secrecy

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/atedb/atedb/sdk/event"
)

// naiveXAES is a second implementation of XAES-256-GCM, straight from
// https://c2sp.org/XAES-256-GCM, with the same names and step numbers.
func naiveXAES(k, n, plaintext, additional []byte) []byte {
	c, err := aes.NewCipher(k)
	if err != nil {
		panic(err)
	}
	var l [16]byte
	c.Encrypt(l[:], l[:]) // 1
	var k1 [16]byte       // 2
	for i := range k1 {
		k1[i] = l[i] << 1
		if i < 15 {
			k1[i] |= l[i+1] >> 7
		}
	}
	if l[0]&0x80 != 0 {
		k1[15] ^= 0b10000111
	}
	var kx []byte
	for _, counter := range []byte{1, 2} {
		m := append([]byte{0, counter, 'X', 0}, n[:12]...) // 3, 4
		for i := range m {
			m[i] ^= k1[i]
		}
		c.Encrypt(m, m) // 5
		kx = append(kx, m...)
	}
	block, err := aes.NewCipher(kx)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm.Seal(nil, n[12:], plaintext, additional) // 6
}

// Each published vector comes out of the second implementation, and opens with
// the one that is used.
func TestXAESVectorsOfC2SP(t *testing.T) {
	for _, v := range []struct {
		key                    byte
		additional, ciphertext string
	}{
		{0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{0x03, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		key, nonce := bytes.Repeat([]byte{v.key}, 32), []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
		got := naiveXAES(key, nonce, []byte("XAES-256-GCM"), []byte(v.additional))
		if hex.EncodeToString(got) != v.ciphertext {
			t.Errorf("key %x: second implementation makes %x, want %s", v.key, got, v.ciphertext)
		}
		plaintext, err := newAEAD((*[32]byte)(key)).Decrypt(slices.Concat(nonce, unhex(t, v.ciphertext)), []byte(v.additional))
		if err != nil || string(plaintext) != "XAES-256-GCM" {
			t.Errorf("key %x: opens to %q, %v", v.key, plaintext, err)
		}
	}
}

// The 10,000 accumulated vectors of C2SP: their hash is that of the second
// implementation, and each opens with the one that is used.
func TestXAESAccumulatedVectorsOfC2SP(t *testing.T) {
	random, hash := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		random.Read(b)
		return b
	}
	for range 10_000 {
		key, nonce := read(32), read(24)
		plaintext := read(int(read(1)[0]))
		additional := read(int(read(1)[0]))
		ciphertext := naiveXAES(key, nonce, plaintext, additional)
		hash.Write(ciphertext)
		got, err := newAEAD((*[32]byte)(key)).Decrypt(slices.Concat(nonce, ciphertext), additional)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Fatalf("key %x: opens to %x, %v", key, got, err)
		}
	}
	var sum [32]byte
	hash.Read(sum[:])
	if want := "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"; hex.EncodeToString(sum[:]) != want {
		t.Errorf("accumulated hash %x, want %s", sum, want)
	}
}

// What Seal makes is XAES-256-GCM with the associated data of the package
// comment, by an implementation that shares no code with it.
func TestSealIsWhatTheSpecificationSays(t *testing.T) {
	k := NewDataKey()
	chain, object := event.ChainID{1, 2, 3}, []byte("greeting")
	ciphertext, e := mustSeal(t, k, chain, object, []byte("hello"))
	additional := slices.Concat([]byte("ate event data v1\x00"), chain[:], k.id[:], binary.LittleEndian.AppendUint32(nil, 1), object)
	if want := naiveXAES(k.secret()[:], e.Nonce[:], []byte("hello"), additional); !bytes.Equal(ciphertext, want) {
		t.Errorf("Seal made %x, want %x", ciphertext, want)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustSeal(t *testing.T, k *DataKey, chain event.ChainID, object, plaintext []byte) ([]byte, event.Encryption) {
	t.Helper()
	ciphertext, e, err := k.Seal(chain, object, plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return ciphertext, e
}
