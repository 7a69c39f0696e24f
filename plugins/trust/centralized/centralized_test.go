package centralized

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/trust"
	"github.com/atedb/atedb/sdk/trust/trusttest"
)

var chain = event.ChainID{1, 2, 3}

func prove(key *keys.SigningKey) trust.Proof {
	binding := bytes.Repeat([]byte{7}, evidence.BindingSize)
	return trust.Proof{
		Chain: chain, Binding: binding, PublicKey: key.Public().Bytes(),
		Proof: evidence.SignProof(key, chain, binding),
	}
}

func TestContract(t *testing.T) {
	trusttest.Run(t, func(testing.TB) trusttest.Subject {
		return trusttest.Subject{Validator: New(), Proof: prove(keys.NewSigningKey())}
	})
}

func TestRules(t *testing.T) {
	want := trust.Rules{UsesAuth: true, DefaultWireEncryption: 128, PerBatch: false}
	if got, err := New().Rules(t.Context()); err != nil || got != want {
		t.Errorf("Rules() = %+v, %v; want %+v", got, err, want)
	}
}

// TestOneKeyProvenAsAnother: a client that proves its own key does not get to be
// somebody else, in whichever order the validator meets the two.
func TestOneKeyProvenAsAnother(t *testing.T) {
	v := New()
	mine, victim := prove(keys.NewSigningKey()), prove(keys.NewSigningKey())
	for _, p := range []trust.Proof{mine, victim} {
		if err := v.VerifyProof(t.Context(), p); err != nil {
			t.Errorf("a good proof is refused: %v", err)
		}
	}
	forged := victim
	forged.Proof = mine.Proof
	if err := v.VerifyProof(t.Context(), forged); !fault.Is(err, fault.BadProof) {
		t.Errorf("a proof of one key is taken for another's: %v", err)
	}
}

// TestEd25519Alone: a proof by a key of Ed25519 alone is taken, and one by
// another such key, or cut short, is not.
func TestEd25519Alone(t *testing.T) {
	key := func(n byte) *keys.SigningKey {
		key, err := keys.Ed25519SigningKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize)))
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	v, mine, victim := New(), prove(key(1)), prove(key(2))
	for range 2 {
		if err := v.VerifyProof(t.Context(), mine); err != nil {
			t.Errorf("a good proof is refused: %v", err)
		}
	}
	cut := mine
	cut.Proof = cut.Proof[:len(cut.Proof)-1]
	victim.Proof = mine.Proof
	for what, p := range map[string]trust.Proof{"of another key": victim, "cut short": cut} {
		if err := v.VerifyProof(t.Context(), p); !fault.Is(err, fault.BadProof) {
			t.Errorf("a proof %s is taken: %v", what, err)
		}
	}
}

// TestKeyThatIsNone wants the sentence to say what is wrong with the key.
func TestKeyThatIsNone(t *testing.T) {
	p := prove(keys.NewSigningKey())
	p.PublicKey = p.PublicKey[:100]
	err := New().VerifyProof(t.Context(), p)
	if !fault.Is(err, fault.BadProof) || !strings.Contains(err.Error(), "has 100 bytes") {
		t.Errorf("got %v", err)
	}
}
