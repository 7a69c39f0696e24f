package secrecy

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/keys"
)

// What the examples are made of: a data key of the bytes 00 to 1f, a chain
// whose id is all c0, and a member whose read key's seed is all 5e.
var (
	exampleChain  = event.ChainID([]byte(strings.Repeat("\xc0", 32)))
	exampleSeed   = []byte(strings.Repeat("\x5e", keys.ReadSeedSize))
	exampleSecret = [keySize]byte{
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
		16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
	}
	//go:embed testdata/record.hex
	exampleRecordHex string
)

func exampleRecord() []byte {
	data, err := hex.DecodeString(strings.ReplaceAll(exampleRecordHex, "\n", ""))
	if err != nil {
		panic(err)
	}
	return data
}

func ExampleDataKey_Open() {
	k := newDataKey(&exampleSecret, 1)
	object := []byte("greeting")
	e := event.Encryption{Key: k.ID(), Generation: 1, Nonce: [24]byte([]byte("ABCDEFGHIJKLMNOPQRSTUVWX"))}
	ciphertext, _ := hex.DecodeString("e2d807e2ce343bda06164a79827f47aa2b9f054699")
	fmt.Printf("data key id     %s\n", k.ID())
	fmt.Printf("associated data %x\n", k.associatedData(exampleChain, object))
	plaintext, err := k.Open(exampleChain, object, e, ciphertext)
	fmt.Printf("plaintext       %s %v\n", plaintext, err)
	// Output:
	// data key id     365ad9d6cc4ff1eacbc7bc569faec640f9c0c2a24cf80b64e073be507d325f3a
	// associated data 617465206576656e74206461746120763100c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0365ad9d6cc4ff1eacbc7bc569faec640f9c0c2a24cf80b64e073be507d325f3a010000006772656574696e67
	// plaintext       hello <nil>
}

func ExampleParseRecord() {
	data := exampleRecord()
	r, err := ParseRecord(data)
	if err != nil {
		panic(err)
	}
	for _, field := range []struct {
		name        string
		size, shown int
	}{
		{"version", 1, 1}, {"length of the authority's key", 1, 1}, {"members", 2, 2}, {"generation", 4, 4}, {"data key id", 32, 8},
		{"authority's object key", 9, 9}, {"member's id", 32, 8}, {"encapsulated key", 1120, 8}, {"ciphertext", 48, 8},
	} {
		fmt.Printf("%-18x %4d  %s\n", data[:field.shown], field.size, field.name)
		data = data[field.size:]
	}
	member, _ := keys.ReadKeyFromSeed(exampleSeed)
	fmt.Println(r.Unwrap(exampleChain, member))
	// Output:
	// 01                    1  version
	// 09                    1  length of the authority's key
	// 0100                  2  members
	// 01000000              4  generation
	// 365ad9d6cc4ff1ea     32  data key id
	// 646f63756d656e7473    9  authority's object key
	// e7fce1128e6c03c6     32  member's id
	// 398ebd34cb5e105b   1120  encapsulated key
	// fa44445253566a91     48  ciphertext
	// data key 365ad9d6cc4ff1eacbc7bc569faec640f9c0c2a24cf80b64e073be507d325f3a, generation 1 <nil>
}

// A record that was written once opens for ever, to the key that was wrapped.
func TestStoredRecordStillOpens(t *testing.T) {
	r := mustParse(t, exampleRecord())
	member, err := keys.ReadKeyFromSeed(exampleSeed)
	if err != nil {
		t.Fatal(err)
	}
	k, err := r.Unwrap(exampleChain, member)
	if err != nil || *k.secret() != exampleSecret {
		t.Errorf("opened to %v, %v", k, err)
	}
}
