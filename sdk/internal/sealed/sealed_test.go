package sealed

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func mustHex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Open takes the vector of draft-irtf-cfrg-xchacha-03, appendix A.3.1, behind our
// version.
func TestOpenVector(t *testing.T) {
	key := mustHex(t, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f")
	nonce := mustHex(t, "404142434445464748494a4b4c4d4e4f5051525354555657")
	ciphertext := mustHex(t, "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49")
	got, err := Open(key, mustHex(t, "50515253c0c1c2c3c4c5c6c7"), append(append([]byte{1}, nonce...), ciphertext...))
	if want := "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."; err != nil || string(got) != want {
		t.Errorf("got %q: %v", got, err)
	}
}

// Anything changed, of a later version, cut off, or for another use does not
// open.
func TestOpenRefuses(t *testing.T) {
	key := bytes.Repeat([]byte{7}, KeySize)
	good := Seal(key, []byte("use"), []byte("secret"))
	if got, err := Open(key, []byte("use"), good); err != nil || string(got) != "secret" {
		t.Fatalf("%q, %v", got, err)
	}
	if len(good) != Overhead+6 || bytes.Equal(good, Seal(key, []byte("use"), []byte("secret"))) {
		t.Error("it has another size, or is the same twice")
	}
	for i := range good {
		changed := bytes.Clone(good)
		changed[i] ^= 0x40
		if _, err := Open(key, []byte("use"), changed); err == nil {
			t.Errorf("it opens with byte %d changed", i)
		}
		if _, err := Open(key, []byte("use"), good[:i]); !errors.Is(err, ErrOpen) {
			t.Errorf("cut off at %d: %v", i, err)
		}
	}
	later := bytes.Clone(good)
	later[0] = 2
	if _, err := Open(key, []byte("use"), later); !errors.Is(err, ErrVersion) {
		t.Errorf("a later version: %v", err)
	}
	if _, err := Open(key, []byte("another use"), good); !errors.Is(err, ErrOpen) {
		t.Errorf("another use: %v", err)
	}
	if _, err := Open(bytes.Repeat([]byte{8}, KeySize), []byte("use"), good); !errors.Is(err, ErrOpen) {
		t.Errorf("another key: %v", err)
	}
	if _, err := Open(key[1:], nil, good); err == nil {
		t.Error("a short key opens it")
	}
}
