package evidence

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

var (
	//go:embed testdata/seal.hex
	goldenSeal string
	//go:embed testdata/proof.hex
	goldenProof string
)

// golden is what the seal and the proof in testdata were made from: the key
// whose seed is 64 bytes of 0x01, and two events.
func golden() (key *keys.SigningKey, chain event.ChainID, leaves []event.Hash, head merkle.Head) {
	key, err := keys.SigningKeyFromSeed(bytes.Repeat([]byte{1}, keys.SigningSeedSize))
	if err != nil {
		panic(err)
	}
	chain = event.ChainID(bytes.Repeat([]byte{0xc1}, 32))
	leaves = []event.Hash{
		event.LeafHash(chain, []byte("header 0"), []byte("data 0")),
		event.LeafHash(chain, []byte("header 1"), nil),
	}
	head = merkle.Head{Size: 258, Root: event.Hash(bytes.Repeat([]byte{0xee}, 32))}
	return key, chain, leaves, head
}

var goldenWriter = Writer{0xaa, 15: 0xbb}

// ExampleSignSeal shows a seal, byte for byte. Its signature differs each time.
func ExampleSignSeal() {
	key, chain, leaves, head := golden()
	seal := SignSeal(key, chain, leaves, goldenWriter, 3, head)
	at := 0
	show := func(what string, size int) {
		fmt.Printf("%3d %-9s %x\n", at, what, seal[at:at+size])
		at += size
	}
	show("version", 1)
	show("signer", 32)
	show("writer", 16)
	show("number", 8)
	show("size", 8)
	show("root", 32)
	show("count", 4)
	show("leaves", 32)
	fmt.Printf("%3d signature of %d bytes\n", at, len(seal)-at)
	// Output:
	//   0 version   01
	//   1 signer    0958f5b6f25d880f833bdfebfcdc5562c64d1b038f64b1a69cade14b6bb25cf6
	//  33 writer    aa0000000000000000000000000000bb
	//  49 number    0300000000000000
	//  57 size      0201000000000000
	//  65 root      eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee
	//  97 count     02000000
	// 101 leaves    c5b4466ecae4aaf7ef0a19cb28ec94e7ee30cb2beabc6e7321058be76c0e4caa
	// 133 signature of 3373 bytes
}

// TestGolden: the seal and the proof in testdata, which an earlier run made,
// still convince. Whoever changes a format meets this test.
func TestGolden(t *testing.T) {
	key, chain, leaves, head := golden()
	s := parse(t, unhex(t, goldenSeal))
	if err := s.VerifyBatch(key.Public(), chain, leaves); err != nil || s.Head != head || s.Writer != goldenWriter || s.Number != 3 {
		t.Errorf("the seal is %+v, %v", s, err)
	}
	if err := VerifyProof(key.Public(), chain, bytes.Repeat([]byte{0xb1}, BindingSize), unhex(t, goldenProof)); err != nil {
		t.Errorf("the proof: %v", err)
	}
}

func unhex(tb testing.TB, digits string) []byte {
	tb.Helper()
	raw, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// TestMessages spells out what is signed, apart from the code that signs.
func TestMessages(t *testing.T) {
	key, chain, leaves, head := golden()
	id := key.Public().ID()
	raw := SignSeal(key, chain, leaves, goldenWriter, 3, head)
	if !key.Public().Verify(keys.ForSeal, append(chain[:], raw[:133]...), raw[133:]) {
		t.Error("a seal does not sign the chain id and its first 133 bytes")
	}
	binding := bytes.Repeat([]byte{0xb1}, 32)
	proof := SignProof(key, chain, binding)
	message := append([]byte{1}, binding...)
	message = append(message, chain[:]...)
	message = append(message, id[:]...)
	if !key.Public().Verify(keys.ForProof, message, proof[1:]) {
		t.Error("a proof does not sign version, binding, chain id and key id")
	}
}
