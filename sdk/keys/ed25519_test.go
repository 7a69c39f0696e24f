package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	second "github.com/cloudflare/circl/sign/ed25519"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

func newEd25519(tb testing.TB) *SigningKey {
	tb.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := Ed25519SigningKey(private)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// ExampleEd25519SigningKey is the worked example of keys of Ed25519 alone.
func ExampleEd25519SigningKey() {
	key, _ := Ed25519SigningKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	public := key.Public()
	signature := key.Sign(ForProof, []byte("message"))
	fmt.Printf("%x\n%s\n%x\n", public.Bytes(), public, signature)
	fmt.Println(public.QuantumResistant(), public.SignatureSize(), public.Verify(ForProof, []byte("message"), signature))
	// Output:
	// 033b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29
	// atekey1nr8ggz7w52pcn0mrqnzkuy5ulys4phqjyhw6pzkpflhcp3lyk3zs649sp7
	// 4f9d7159355a8f2c61011c82623ca15a83353c55f164160b96196a817f382fcaed654ecea79755acfbb94bc14c7fc65db71c522d869d252c134da81df7eb3e09
	// false 64 true
}

// A key comes back from its seed and encoding, and its signatures are those of
// Ed25519 over what the package's comment says.
func TestEd25519RoundTrip(t *testing.T) {
	key, message := newEd25519(t), []byte("message")
	again, err := Ed25519SigningKey(ed25519.NewKeyFromSeed(key.Seed()))
	if err != nil {
		t.Fatal(err)
	}
	public, err := ParseAnyPublicKey(key.Public().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if again.Public().ID() != public.ID() || public.ID() != event.KeyID(public.Bytes()) || public.IsZero() {
		t.Error("the key that came back is another")
	}
	signature := key.Sign(ForProof, message)
	if len(signature) != public.SignatureSize() || !public.Verify(ForProof, message, signature) {
		t.Error("a good signature does not verify")
	}
	hash := sha512.Sum512(message)
	signed := append([]byte("ate-ed25519-v1\x0cate-proof-v1"), hash[:]...)
	if !ed25519.Verify(public.Bytes()[1:], signed, signature) || !second.Verify(public.Bytes()[1:], signed, signature) {
		t.Error("the signature is not over what the specification says")
	}
	theirs := second.Sign(second.NewKeyFromSeed(key.Seed()), signed)
	if !public.Verify(ForProof, message, theirs) {
		t.Error("another implementation's signature does not verify")
	}
	clear(public.Bytes())
	if !public.Verify(ForProof, message, signature) {
		t.Error("the key changed with bytes of the caller's")
	}
}

// Which keys are quantum-resistant is told apart, and so are their sizes.
func TestQuantumResistant(t *testing.T) {
	composite, alone := testKey().Public(), newEd25519(t).Public()
	if !composite.QuantumResistant() || alone.QuantumResistant() || (PublicKey{}).QuantumResistant() {
		t.Error("the wrong keys are quantum-resistant")
	}
	if composite.SignatureSize() != SignatureSize || alone.SignatureSize() != 64 || (PublicKey{}).SignatureSize() != 0 {
		t.Error("the sizes of signatures are not those of the keys")
	}
	parsed, err := ParseAnyPublicKey(composite.Bytes())
	if err != nil || parsed.ID() != composite.ID() {
		t.Errorf("a quantum-resistant key became %v, %v", parsed, err)
	}
}

// Attack: a key of Ed25519 alone is brought where quantum resistance is
// promised. Every parser but the one for proofs refuses it, and says why.
func TestEd25519IsNotTakenByAccident(t *testing.T) {
	key := newEd25519(t).Public()
	identity := identityScheme + textVersion + "joe:" + base64URL.EncodeToString(key.Bytes()) + ":" + base64URL.EncodeToString(NewReadKey().Public().Bytes())
	for name, parse := range map[string]func() error{
		"encoding": func() error { return parseSign(key.Bytes()) },
		"text":     func() error { _, err := ParsePublicKeyText(key.Text()); return err },
		"identity": func() error { _, err := ParsePublicIdentity(identity); return err },
	} {
		if err := parse(); !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "not quantum-resistant") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := parseRead(key.Bytes()); !fault.Is(err, fault.BadRequest) {
		t.Errorf("as a read key: %v", err)
	}
}

// Attack: a signature by a key of Ed25519 alone is passed off as one for
// something that must hold for ever. It counts for proofs alone, even for those
// who got hold of the parsed key.
func TestEd25519IsForProofsAlone(t *testing.T) {
	key, message := newEd25519(t), []byte("message")
	for _, made := range []Purpose{ForProof, ForSeal, ForCheckpoint, ForAdvert, ForGroup, ForDelegation, ForLogin} {
		signature := key.Sign(made, message)
		for _, used := range []Purpose{ForProof, ForSeal, ForCheckpoint, ForAdvert, ForGroup, ForDelegation, ForLogin, ""} {
			if got, want := key.Public().Verify(used, message, signature), made == ForProof && used == ForProof; got != want {
				t.Errorf("made for %q, used for %q: %v", made, used, got)
			}
		}
	}
}

// Attack: the owner of an SSH key is brought to sign something else with it, and
// that is passed off as a proof.
func TestEd25519SignsNothingElse(t *testing.T) {
	_, private, _ := ed25519.GenerateKey(nil)
	key, _ := Ed25519SigningKey(private)
	message := []byte("message")
	for name, signed := range map[string][]byte{
		"the message":       message,
		"SSH's login":       append([]byte{0, 0, 0, 32}, ed25519Message(string(ForProof), message)...),
		"SSH's files":       append([]byte("SSHSIG"), ed25519Message(string(ForProof), message)...),
		"a composite key's": representative(compositeLabel, string(ForProof), message),
	} {
		if key.Public().Verify(ForProof, message, ed25519.Sign(private, signed)) {
			t.Errorf("%s: it verifies", name)
		}
	}
	if !key.Public().Verify(ForProof, message, ed25519.Sign(private, ed25519Message(string(ForProof), message))) {
		t.Error("the right one does not verify, so the cases above prove nothing")
	}
}

// Attack: the Ed25519 half of somebody's composite key is brought as a key of its
// own, or a signature of one sort as one of the other.
func TestHalfOfACompositeKey(t *testing.T) {
	whole, message := testKey(), []byte("message")
	half, err := Ed25519SigningKey(whole.secret().ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if half.Public().ID() == whole.Public().ID() {
		t.Error("the half has the id of the whole")
	}
	good := whole.Sign(ForProof, message)
	if half.Public().Verify(ForProof, message, good) || half.Public().Verify(ForProof, message, good[len(good)-64:]) {
		t.Error("a composite signature verifies with one half of the key")
	}
	if whole.Public().Verify(ForProof, message, half.Sign(ForProof, message)) {
		t.Error("a signature of one half verifies with the whole key")
	}
}

// Attack: a public key of small order. For each, somebody without any secret
// finds a good signature, which is why they are refused.
func TestSmallOrder(t *testing.T) {
	signature := make([]byte, ed25519.SignatureSize)
	signature[0] = 1 // R is the neutral point, S is 0
	for _, small := range smallOrder {
		for _, sign := range []byte{0, 0x80} {
			public, _ := hex.DecodeString(small)
			public[31] |= sign
			if _, err := ParseAnyPublicKey(append([]byte{3}, public...)); !fault.Is(err, fault.BadRequest) || !strings.Contains(err.Error(), "small order") {
				t.Errorf("%x: %v", public, err)
			}
			forged := false
			for i := 0; i < 200 && !forged; i++ {
				forged = ed25519.Verify(public, []byte{byte(i)}, signature)
			}
			if isPoint := !(sign != 0 && (strings.HasPrefix(small, "01") || strings.HasPrefix(small, "ec") || strings.HasPrefix(small, "ee"))); isPoint && !forged {
				t.Errorf("%x: nobody could forge a signature, so it need not be refused", public)
			}
		}
	}
	if isSmallOrder(newEd25519(t).Public().Bytes()[1:]) {
		t.Error("a good key is refused")
	}
}

// Keys of a wrong size are refused, and a private key whose halves do not fit.
func TestBadEd25519Keys(t *testing.T) {
	good := newEd25519(t).Public().Bytes()
	for name, encoded := range map[string][]byte{
		"only the algorithm": {3}, "cut short": good[:32], "too long": append(bytes.Clone(good), 0),
		"empty": nil, "of the size of the other": append([]byte{3}, make([]byte, PublicKeySize-1)...),
	} {
		if _, err := ParseAnyPublicKey(encoded); !fault.Is(err, fault.BadRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, private, _ := ed25519.GenerateKey(nil)
	for name, key := range map[string]ed25519.PrivateKey{
		"empty": nil, "cut short": private[:63], "of two keys": append(bytes.Clone(private[:32]), good[1:]...),
	} {
		if _, err := Ed25519SigningKey(key); !fault.Is(err, fault.BadRequest) {
			t.Errorf("private, %s: %v", name, err)
		}
	}
}

// A key of Ed25519 alone prints as little as any other.
func TestEd25519PrintsNothing(t *testing.T) {
	key := newEd25519(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
		if got := fmt.Sprintf(verb, key); got != redacted {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func FuzzParseAnyPublicKey(f *testing.F) {
	f.Add(newEd25519(f).Public().Bytes())
	f.Add(testKey().Public().Bytes())
	f.Add([]byte{3})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		key, err := ParseAnyPublicKey(encoded)
		if err != nil {
			return
		}
		if !bytes.Equal(key.Bytes(), encoded) {
			t.Error("another encoding of the same key")
		}
		if _, err := ParsePublicKey(encoded); (err == nil) != key.QuantumResistant() {
			t.Error("the strict parser takes what is not quantum-resistant, or refuses what is")
		}
	})
}

func BenchmarkEd25519Verify(b *testing.B) {
	key, message := newEd25519(b), make([]byte, 128)
	public, signature := key.Public(), key.Sign(ForProof, message)
	for b.Loop() {
		if !public.Verify(ForProof, message, signature) {
			b.Fatal("a good signature does not verify")
		}
	}
}
