package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

// testKey returns a key whose seed is n, repeated.
func testKey(tb testing.TB, n byte) *keys.SigningKey {
	tb.Helper()
	key, err := keys.SigningKeyFromSeed(bytes.Repeat([]byte{n}, keys.SigningSeedSize))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func testLeaves(n int) []event.Hash {
	leaves := make([]event.Hash, n)
	for i := range leaves {
		leaves[i] = event.LeafHash(testChain, []byte("header"), fmt.Append(nil, i))
	}
	return leaves
}

var (
	testChain = event.ChainID{1, 2, 3}
	testHead  = merkle.Head{Size: 7, Root: event.Hash{9}}
	binding   = bytes.Repeat([]byte{5}, BindingSize)
)

func parse(tb testing.TB, evidence []byte) *Seal {
	tb.Helper()
	s, err := ParseSeal(evidence)
	if err != nil {
		tb.Fatal(err)
	}
	return &s
}

func wantFault(tb testing.TB, err error, code fault.Code, says string) {
	tb.Helper()
	if !fault.Is(err, code) || !strings.Contains(fmt.Sprint(err), says) {
		tb.Errorf("got %v; want a %s fault that says %q", err, code, says)
	}
}

// TestEd25519Proof: a key of Ed25519 alone makes proofs, no seals, and a keyring
// gives it only to those who ask for any key.
func TestEd25519Proof(t *testing.T) {
	key, err := keys.Ed25519SigningKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	var ring Keyring
	pub, err := ring.ParseAny(key.Public().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	proof := SignProof(key, testChain, binding)
	if err := VerifyProof(pub, testChain, binding, proof); err != nil || len(proof) != 1+keys.Ed25519SignatureSize {
		t.Errorf("a good proof of %d bytes is refused: %v", len(proof), err)
	}
	strong := SignProof(testKey(t, 1), testChain, binding)
	for _, forged := range [][]byte{nil, proof[:1], proof[:64], append(slices.Clone(proof), 0), strong, strong[:65]} {
		wantFault(t, VerifyProof(pub, testChain, binding, forged), fault.BadProof, "the proof of owning key")
	}
	if _, err := ring.Parse(key.Public().Bytes()); !fault.Is(err, fault.Unsupported) {
		t.Errorf("the keyring gives the key to whoever wants a quantum-resistant one: %v", err)
	}
	for range 2 {
		if got, err := ring.ParseAny(testKey(t, 1).Public().Bytes()); err != nil || !got.QuantumResistant() {
			t.Errorf("a quantum-resistant key became %v, %v", got, err)
		}
	}
	sealed := SignSeal(key, testChain, testLeaves(1), NewWriter(), 1, testHead)
	_, err = ParseSeal(sealed)
	wantFault(t, err, fault.BadSeal, "has 197 bytes")
	seal := parse(t, append(sealed[:133:133], make([]byte, keys.SignatureSize)...))
	seal.Signature = sealed[133:]
	wantFault(t, seal.VerifyBatch(pub, testChain, testLeaves(1)), fault.BadSeal, "was not made by key")
}

// TestProof: a proof convinces for exactly what it was made for, and each of the
// attacks on it is refused.
func TestProof(t *testing.T) {
	key, other := testKey(t, 1), testKey(t, 2)
	proof := SignProof(key, testChain, binding)
	if len(proof) != ProofSize {
		t.Errorf("a proof has %d bytes; ProofSize is %d", len(proof), ProofSize)
	}
	if err := VerifyProof(key.Public(), testChain, binding, proof); err != nil {
		t.Errorf("a good proof is refused: %v", err)
	}
	otherChain, otherBinding := testChain, slices.Clone(binding)
	otherChain[31]++
	otherBinding[31]++
	future := slices.Clone(proof)
	future[0] = 2
	message := proofMessage(key.Public().ID(), testChain, binding)
	for attack, test := range map[string]struct {
		pub     keys.PublicKey
		chain   event.ChainID
		binding []byte
		proof   []byte
		says    string
	}{
		"replayed on another connection":       {key.Public(), testChain, otherBinding, proof, "was not made by that key"},
		"replayed on another chain":            {key.Public(), otherChain, binding, proof, "was not made by that key"},
		"proof of one key used for another":    {other.Public(), testChain, binding, proof, "was not made by that key"},
		"forged with another key":              {key.Public(), testChain, binding, SignProof(other, testChain, binding), "was not made by that key"},
		"no key":                               {keys.PublicKey{}, testChain, binding, proof, "was not made by that key"},
		"a seal's signature passed off":        {key.Public(), testChain, binding, append([]byte{1}, key.Sign(keys.ForSeal, message)...), "was not made by that key"},
		"stripped":                             {key.Public(), testChain, binding, nil, "is empty"},
		"truncated":                            {key.Public(), testChain, binding, proof[:ProofSize-1], "has 3373 bytes; a proof has 3374"},
		"extended":                             {key.Public(), testChain, binding, append(slices.Clone(proof), 0), "has 3375 bytes"},
		"future version":                       {key.Public(), testChain, binding, future, "is of version 2; this program knows version 1"},
		"short binding":                        {key.Public(), testChain, binding[:31], SignProof(key, testChain, binding[:31]), "binding of 31 bytes"},
		"no binding":                           {key.Public(), testChain, nil, SignProof(key, testChain, nil), "binding of 0 bytes"},
		"bytes moved from binding to chain id": {key.Public(), testChain, append(slices.Clone(binding), 1), proof, "binding of 33 bytes"},
	} {
		t.Run(attack, func(t *testing.T) {
			wantFault(t, VerifyProof(test.pub, test.chain, test.binding, test.proof), fault.BadProof, test.says)
		})
	}
}

// TestProofBitFlips flips one bit in each seventh byte of a proof, each of the
// eight in turn.
func TestProofBitFlips(t *testing.T) {
	key := testKey(t, 1)
	proof := SignProof(key, testChain, binding)
	for i := 0; i < len(proof); i += 7 {
		flipped := slices.Clone(proof)
		flipped[i] ^= 1 << (i % 8)
		if err := VerifyProof(key.Public(), testChain, binding, flipped); !fault.Is(err, fault.BadProof) {
			t.Fatalf("with byte %d altered: %v", i, err)
		}
	}
}

// TestSealRoundTrip: what was sealed is what is read, and verifies, for batches
// of each size at which the tree's shape changes; every event also alone.
func TestSealRoundTrip(t *testing.T) {
	key, w := testKey(t, 1), NewWriter()
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 100, event.MaxBatchEvents} {
		leaves := testLeaves(n)
		s := parse(t, SignSeal(key, testChain, leaves, w, 42, testHead))
		if s.Signer != key.Public().ID() || s.Writer != w || s.Number != 42 || s.Head != testHead || s.Count != n {
			t.Errorf("%d events: the seal reads as %+v", n, s)
		}
		if err := s.VerifyBatch(key.Public(), testChain, leaves); err != nil {
			t.Errorf("%d events: %v", n, err)
		}
		for _, i := range []int{0, n / 2, n - 1} {
			if err := s.VerifyEvent(key.Public(), testChain, leaves[i], i, merkle.ProveIn(leaves, i)); err != nil {
				t.Errorf("event %d of %d: %v", i, n, err)
			}
		}
	}
}

// TestSealOfAnotherBatch is each attack that keeps a good seal and changes what
// it stands for.
func TestSealOfAnotherBatch(t *testing.T) {
	key, other := testKey(t, 1), testKey(t, 2)
	leaves := testLeaves(8)
	evidence := SignSeal(key, testChain, leaves, Writer{1}, 1, testHead)
	otherChain := testChain
	otherChain[0]++
	swapped := slices.Clone(leaves)
	swapped[2], swapped[3] = swapped[3], swapped[2]
	altered := slices.Clone(leaves)
	altered[5][0] ^= 1
	inner := func(i int) event.Hash { // a node of the tree in the place of its two leaves
		h := sha256.Sum256(slices.Concat([]byte{1}, leaves[i][:], leaves[i+1][:]))
		return h
	}
	for attack, test := range map[string]struct {
		pub    keys.PublicKey
		chain  event.ChainID
		leaves []event.Hash
		says   string
	}{
		"replayed on another chain":  {key.Public(), otherChain, leaves, "was not made by key"},
		"seal by another key":        {other.Public(), testChain, leaves, "was checked with key"},
		"no key":                     {keys.PublicKey{}, testChain, leaves, "was checked with key"},
		"forged event":               {key.Public(), testChain, altered, "of other events"},
		"reordered leaves":           {key.Public(), testChain, swapped, "of other events"},
		"truncated batch":            {key.Public(), testChain, leaves[:7], "batch of 8 events, and this batch has 7"},
		"extended batch":             {key.Public(), testChain, append(slices.Clone(leaves), event.Hash{}), "this batch has 9"},
		"empty batch":                {key.Public(), testChain, nil, "this batch has 0"},
		"seal over other leaves":     {key.Public(), testChain, testLeaves(16)[8:], "of other events"},
		"inner nodes as four leaves": {key.Public(), testChain, []event.Hash{inner(0), inner(2), inner(4), inner(6)}, "this batch has 4"},
	} {
		t.Run(attack, func(t *testing.T) {
			wantFault(t, parse(t, evidence).VerifyBatch(test.pub, test.chain, test.leaves), fault.BadSeal, test.says)
		})
	}
}

// TestForgedSeal is each attack that alters the seal itself.
func TestForgedSeal(t *testing.T) {
	key, other := testKey(t, 1), testKey(t, 2)
	leaves := testLeaves(3)
	good := SignSeal(key, testChain, leaves, Writer{1}, 1, testHead)
	resigned := SignSeal(other, testChain, leaves, Writer{1}, 1, testHead)
	copy(resigned[1:33], good[1:33]) // names the victim, signed by the attacker
	proofs := slices.Clone(good)
	copy(proofs[sealedSize:], key.Sign(keys.ForProof, parse(t, good).message(testChain)))
	halves := slices.Concat(good[:SealSize-64], resigned[SealSize-64:])
	for attack, forged := range map[string][]byte{
		"forged in another's name":        resigned,
		"a proof's signature passed off":  proofs,
		"half of the signature another's": halves,
		"fields of another seal":          slices.Concat(SignSeal(key, testChain, leaves, Writer{1}, 2, testHead)[:sealedSize], good[sealedSize:]),
	} {
		t.Run(attack, func(t *testing.T) {
			wantFault(t, parse(t, forged).VerifyBatch(key.Public(), testChain, leaves), fault.BadSeal, "was not made by key")
		})
	}
}

// TestSealBitFlips flips each bit of a seal's fields, and one in each third byte
// of its signature: it is never accepted.
func TestSealBitFlips(t *testing.T) {
	key := testKey(t, 1)
	leaves := testLeaves(3)
	good := SignSeal(key, testChain, leaves, Writer{1}, 1, testHead)
	for bit := 0; bit < 8*len(good); bit++ {
		if at := bit / 8; at >= sealedSize && (bit%8 != at%8 || at%3 != 0) {
			continue
		}
		flipped := slices.Clone(good)
		flipped[bit/8] ^= 1 << (bit % 8)
		s, err := ParseSeal(flipped)
		if err == nil {
			err = s.VerifyBatch(key.Public(), testChain, leaves)
		}
		if !fault.Is(err, fault.BadSeal) {
			t.Fatalf("with bit %d of byte %d flipped: %v", bit%8, bit/8, err)
		}
	}
}

// TestParseSealRefuses what is not a seal, in a sentence that says why.
func TestParseSealRefuses(t *testing.T) {
	good := SignSeal(testKey(t, 1), testChain, testLeaves(3), Writer{1}, 1, testHead)
	with := func(at int, b ...byte) []byte {
		bad := slices.Clone(good)
		copy(bad[at:], b)
		return bad
	}
	for what, test := range map[string]struct {
		evidence []byte
		says     string
	}{
		"stripped seal":           {nil, "the batch has no seal"},
		"truncated seal":          {good[:SealSize-1], "has 3505 bytes; a seal of version 1 has 3506"},
		"version alone":           {good[:1], "has 1 bytes"},
		"trailing byte":           {append(slices.Clone(good), 0), "has 3507 bytes"},
		"future version":          {with(0, 2), "is of version 2; this program knows version 1"},
		"future version, longer":  {append(with(0, 2), 0, 0), "is of version 2; this program knows version 1"},
		"no version":              {with(0, 0), "is of version 0"},
		"batch of no events":      {with(97, 0, 0, 0, 0), "a batch of 0 events"},
		"batch of 10,001 events":  {with(97, 0x11, 0x27, 0, 0), "a batch of 10001 events"},
		"batch of 2^32-1 events":  {with(97, 255, 255, 255, 255), "a batch of 4294967295 events"},
		"built on nothing":        {with(57, 0, 0, 0, 0, 0, 0, 0, 0), "builds on a chain of 0 events"},
		"built on too much":       {with(57, 255, 255, 255, 255, 255, 255, 255, 255), "builds on a chain of 18446744073709551615 events"},
		"built on 2^62+1 events":  {with(57, 1, 0, 0, 0, 0, 0, 0, 0x40), "builds on a chain of 4611686018427387905 events"},
		"a proof in seal's place": {SignProof(testKey(t, 1), testChain, binding), "has 3374 bytes"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := ParseSeal(test.evidence)
			wantFault(t, err, fault.BadSeal, test.says)
		})
	}
}

// TestEventAlone: one event of a compacted batch verifies, and nothing else can
// be put in its place.
func TestEventAlone(t *testing.T) {
	key, other := testKey(t, 1), testKey(t, 2)
	leaves := testLeaves(7)
	s := parse(t, SignSeal(key, testChain, leaves, Writer{1}, 1, testHead))
	path := merkle.ProveIn(leaves, 3)
	otherChain := testChain
	otherChain[0]++
	altered := slices.Clone(path)
	altered[1][0] ^= 1
	forged := leaves[3]
	forged[0] ^= 1
	for attack, test := range map[string]struct {
		pub    keys.PublicKey
		chain  event.ChainID
		leaf   event.Hash
		offset int
		path   []event.Hash
		says   string
	}{
		"forged event":              {key.Public(), testChain, forged, 3, path, "is not the one that was sealed"},
		"a neighbour's place":       {key.Public(), testChain, leaves[3], 2, path, "is not the one that was sealed"},
		"a neighbour's path":        {key.Public(), testChain, leaves[3], 3, merkle.ProveIn(leaves, 2), "is not the one that was sealed"},
		"truncated path":            {key.Public(), testChain, leaves[3], 3, path[:2], "is not the one that was sealed"},
		"extended path":             {key.Public(), testChain, leaves[3], 3, append(slices.Clone(path), path[0]), "is not the one that was sealed"},
		"endless path":              {key.Public(), testChain, leaves[3], 3, make([]event.Hash, 1000), "is not the one that was sealed"},
		"altered path":              {key.Public(), testChain, leaves[3], 3, altered, "is not the one that was sealed"},
		"inner node as an event":    {key.Public(), testChain, path[len(path)-1], 3, path[:len(path)-1], "is not the one that was sealed"},
		"place before the batch":    {key.Public(), testChain, leaves[3], -1, path, "has none at offset -1"},
		"place after the batch":     {key.Public(), testChain, leaves[3], 7, path, "has none at offset 7"},
		"replayed on another chain": {key.Public(), otherChain, leaves[3], 3, path, "was not made by key"},
		"seal by another key":       {other.Public(), testChain, leaves[3], 3, path, "was checked with key"},
	} {
		t.Run(attack, func(t *testing.T) {
			wantFault(t, s.VerifyEvent(test.pub, test.chain, test.leaf, test.offset, test.path), fault.BadSeal, test.says)
		})
	}
	if err := s.VerifyEvent(key.Public(), testChain, leaves[3], 3, path); err != nil {
		t.Error(err)
	}
}

// TestReplayedBeforeItsHead: a batch cannot be put before the history that its
// signer had seen.
func TestReplayedBeforeItsHead(t *testing.T) {
	s := Seal{Head: merkle.Head{Size: 7}}
	wantFault(t, s.CheckPlace(6), fault.BadSeal, "a chain of 7 events, and its batch would stand before them, at event 6")
	for _, first := range []event.Seq{7, 1000} {
		if err := s.CheckPlace(first); err != nil {
			t.Error(err)
		}
	}
}

// TestKeyring: the same keys come out, those not used for longest go first, and
// what is not a key stays an error.
func TestKeyring(t *testing.T) {
	var r Keyring
	first := testKey(t, 1).Public().Bytes()
	for i := range 2 * keyringLimit {
		encoded := slices.Clone(first)
		encoded[1+i%16] ^= byte(i) // most bytes are a key
		encoded[20] = byte(i >> 8)
		for _, encoded := range [][]byte{encoded, first} {
			got, err := r.Parse(encoded)
			if err != nil || !bytes.Equal(got.Bytes(), encoded) {
				t.Fatalf("the ring gave %x, %v", got.ID(), err)
			}
		}
	}
	if _, ok := r.find(first); !ok || len(r.parsed) != keyringLimit || r.used.Len() != keyringLimit {
		t.Errorf("the ring has %d and %d keys, that in use among them: %v", len(r.parsed), r.used.Len(), ok)
	}
	for range 2 {
		if _, err := r.Parse(first[:100]); err == nil {
			t.Error("part of a key was taken for one")
		}
	}
}

// FuzzParseSeal: no bytes make the parser fail in another way than it says, what
// it accepts encodes to the same bytes, and none that were not signed verify.
func FuzzParseSeal(f *testing.F) {
	key, chain, leaves, _ := golden()
	good := unhex(f, goldenSeal)
	f.Add(good)
	f.Add(good[:sealedSize])
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, evidence []byte) {
		s, err := ParseSeal(evidence)
		if err != nil {
			if !fault.Is(err, fault.BadSeal) {
				t.Errorf("another fault: %v", err)
			}
			return
		}
		if again := append(s.message(chain)[len(chain):], s.Signature...); !bytes.Equal(again, evidence) {
			t.Error("a seal does not encode to what it was parsed from")
		}
		if s.VerifyBatch(key.Public(), chain, leaves) == nil && !bytes.Equal(evidence, good) {
			t.Error("another seal was accepted")
		}
	})
}
