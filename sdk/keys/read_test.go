package keys

import (
	"bytes"
	"crypto/hpke"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"testing"

	circlhpke "github.com/cloudflare/circl/hpke"
	"github.com/cloudflare/circl/kem/xwing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// The seed of the first vector of draft-connolly-cfrg-xwing-kem, appendix C,
// gives its public key (of which the first and last bytes stand here).
func TestPublishedReadKey(t *testing.T) {
	seed, _ := hex.DecodeString("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
	key, err := ReadKeyFromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	got := hex.EncodeToString(key.Public().Bytes())
	if !strings.HasPrefix(got, "02"+"e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5b19cfc3da5fa1a92c49f25513e0fd30d") ||
		!strings.HasSuffix(got, "edb06eff389b27dce59844570216223593d4ba32d9abac8cd049040ef6534") {
		t.Errorf("got %s…%s", got[:98], got[len(got)-62:])
	}
}

// X-Wing agrees with a second implementation: the same seed gives the same
// public key, and each opens what the other sealed.
func TestSecondImplementationOfXWing(t *testing.T) {
	key := NewReadKey()
	_, public := xwing.DeriveKeyPairPacked(key.Seed())
	if !bytes.Equal(public, key.Public().Bytes()[1:]) {
		t.Fatal("the same seed gives other public keys")
	}
	info, message := []byte("info"), []byte("message")
	suite := circlhpke.NewSuite(circlhpke.KEM_XWING, circlhpke.KDF_HKDF_SHA256, circlhpke.AEAD_AES256GCM)
	theirSecret, theirPublic := xwing.DeriveKeyPair(key.Seed())

	sender, err := suite.NewSender(theirPublic, info)
	if err != nil {
		t.Fatal(err)
	}
	encapsulated, sealer, err := sender.Setup(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := sealer.Seal(message, nil)
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.HPKE()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), info, append(encapsulated, sealed...))
	if err != nil || !bytes.Equal(opened, message) {
		t.Errorf("we do not open theirs: %q, %v", opened, err)
	}

	parsed, err := ParseReadPublicKey(key.Public().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := parsed.HPKE()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err = hpke.Seal(recipient, hpke.HKDFSHA256(), hpke.AES256GCM(), info, message)
	if err != nil {
		t.Fatal(err)
	}
	receiver, err := suite.NewReceiver(theirSecret, info)
	if err != nil {
		t.Fatal(err)
	}
	size := xwing.Scheme().CiphertextSize()
	opener, err := receiver.Setup(sealed[:size])
	if err != nil {
		t.Fatal(err)
	}
	opened, err = opener.Open(sealed[size:], nil)
	if err != nil || !bytes.Equal(opened, message) {
		t.Errorf("they do not open ours: %q, %v", opened, err)
	}
}

// A read key comes back from its seed and encoding; no key encrypts nothing.
func TestReadKeyRoundTrip(t *testing.T) {
	key := NewReadKey()
	again, err := ReadKeyFromSeed(key.Seed())
	if err != nil {
		t.Fatal(err)
	}
	public, err := ParseReadPublicKey(key.Public().Bytes())
	if err != nil || public.ID() != again.Public().ID() || public.ID() != event.KeyID(public.Bytes()) {
		t.Errorf("the key that came back is another: %v", err)
	}
	if _, err := (ReadPublicKey{}).HPKE(); !fault.Is(err, fault.BadRequest) || !(ReadPublicKey{}).IsZero() {
		t.Errorf("no key: %v", err)
	}
}
