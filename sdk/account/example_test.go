package account_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/keys"
)

// identityOf returns the keys whose seeds consist of n and n+1.
func identityOf(n byte) *keys.Identity {
	signing, err := keys.SigningKeyFromSeed(bytes.Repeat([]byte{n}, keys.SigningSeedSize))
	if err != nil {
		panic(err)
	}
	read, err := keys.ReadKeyFromSeed(bytes.Repeat([]byte{n + 1}, keys.ReadSeedSize))
	if err != nil {
		panic(err)
	}
	return &keys.Identity{Name: "joe@example.com", Signing: signing, Read: read}
}

// A user's first advert, whose keys have seeds of ones and twos, and the next
// one, of threes and fours.
func ExampleFirstAdvert() {
	now := time.UnixMilli(1_700_000_000_000)
	first := account.FirstAdvert("joe@example.com", identityOf(1), now)
	next, err := account.NextAdvert(first, identityOf(1), identityOf(3), now)
	if err != nil {
		panic(err)
	}
	advert, err := account.CheckAdvert(&first, next)
	if err != nil {
		panic(err)
	}
	s := first.Statement
	fmt.Printf("field 1, name        %x %q\n", s[:2], s[2:17])
	fmt.Printf("field 4, signing key %x %x... (1985 bytes)\n", s[17:20], s[20:24])
	fmt.Printf("field 5, read key    %x %x... (1217 bytes)\n", s[2005:2008], s[2008:2012])
	fmt.Printf("field 6, created     %x\n", s[3225:])
	fmt.Println("hash", first.Hash())
	fmt.Println("the next one has number", advert.Number, "and names", advert.Previous)
	fmt.Println("it has", len(next.Signatures), "signatures and the hash", next.Hash())
	// Output:
	// field 1, name        0a0f "joe@example.com"
	// field 4, signing key 22c10f 01c4e999... (1985 bytes)
	// field 5, read key    2ac109 0208118d... (1217 bytes)
	// field 6, created     3080d095ffbc31
	// hash f685306b1d39e1eec9e8d07288a6e32af68dac0a69d0098a9fe7722edb415a8f
	// the next one has number 1 and names f685306b1d39e1eec9e8d07288a6e32af68dac0a69d0098a9fe7722edb415a8f
	// it has 2 signatures and the hash 851d27dd020837aa74869f92d35d550f9712f73f9672ae702bdf0ce12b2ae2a7
}

// The vault in testdata/vault.hex, its locks, and the keys that it holds: those
// with seeds of ones and twos, and those with seeds of threes and fours.
func ExampleVault() {
	text, err := os.ReadFile("testdata/vault.hex")
	if err != nil {
		panic(err)
	}
	encoded, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		panic(err)
	}
	vault, err := account.ParseVault(encoded)
	if err != nil {
		panic(err)
	}
	lock, _ := vault.Lock(account.Passphrase)
	fmt.Printf("salt %x\n", lock.Stretch.Salt)
	fmt.Println("passes", lock.Stretch.Passes, "KiB", lock.Stretch.Memory, "threads", lock.Stretch.Threads)
	credential, err := account.StretchPassphrase("correct horse battery staple", lock.Stretch)
	if err != nil {
		panic(err)
	}
	fmt.Println("login key", lock.LoginKey)
	opened, err := vault.Open(credential)
	if err != nil {
		panic(err)
	}
	for _, k := range opened.Keys {
		fmt.Printf("seeds %x... %x...\n", k.Signing.Seed()[:4], k.Read.Seed()[:4])
	}
	lock, _ = vault.Lock(account.Recovery)
	_, err = account.RecoveryCredential("sxak-mvm1-etmr-s9wy-vhm7-pgw9-pym2-75q0-ntdg", lock.Stretch)
	fmt.Println("recovery code:", err)
	// Output:
	// salt bf168b4bd68916f49cf8d29142475b1c
	// passes 2 KiB 19456 threads 1
	// login key atekey1n0su9rduks3vwh6v2npgl27hsg55dy6a43yt3yw8hx4zy0qu5a6q6jh0nz
	// seeds 01010101... 02020202...
	// seeds 03030303... 04040404...
	// recovery code: <nil>
}
