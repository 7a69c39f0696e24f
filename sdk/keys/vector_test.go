package keys

import (
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
)

// publishedJWS is an example of draft-ietf-jose-pq-composite-sigs, whose
// signatures are those of draft-ietf-lamps-pq-composite-sigs with no context.
// Both seeds of its key are zeros.
//
//go:embed testdata/ML-DSA-65-Ed25519.jws
var publishedJWS string

// Another implementation's signature verifies, by the key that we derive from
// its seeds; and neither half of it does without the other.
func TestPublishedSignature(t *testing.T) {
	signed, encoded, _ := cutLast(strings.TrimSpace(publishedJWS), ".")
	signature, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(signature) != SignatureSize {
		t.Fatalf("%d bytes, %v", len(signature), err)
	}
	key := newSigningKey([SigningSeedSize]byte{}).Public()
	if !key.verifyComposite("", []byte(signed), signature) {
		t.Fatal("the published signature does not verify")
	}
	for _, at := range []int{0, mldsa65.SignatureSize - 1, mldsa65.SignatureSize, SignatureSize - 1} {
		signature[at] ^= 1
		if key.verifyComposite("", []byte(signed), signature) {
			t.Errorf("it verifies with a bit of byte %d flipped", at)
		}
		signature[at] ^= 1
	}
	if key.verifyComposite("x", []byte(signed), signature) {
		t.Error("it verifies in a context that it was not made in")
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	at := strings.LastIndex(s, sep)
	if at < 0 {
		return s, "", false
	}
	return s[:at], s[at+len(sep):], true
}

// The representative of a message is that of the draft's example, which has a
// context (and another algorithm's label).
func TestPublishedRepresentative(t *testing.T) {
	const want = "436f6d706f73697465416c676f726974686d5369676e61747572657332303235" + // prefix
		"434f4d505349472d4d4c44534136352d503235362d534841353132" + // label
		"08" + "0813061205162623" + // context
		"0f89ee1fcb7b0a4f7809d1267a029719004c5a5e5ec323a7c3523a20974f9a3f" + // SHA-512
		"202f56fadba4cd9e8d654ab9f2e96dc5c795ea176fa20ede8d854c342f903533"
	context := "\x08\x13\x06\x12\x05\x16\x26\x23"
	got := representative("COMPSIG-MLDSA65-P256-SHA512", context, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	if hex.EncodeToString(got) != want {
		t.Errorf("got  %x\nwant %s", got, want)
	}
}
