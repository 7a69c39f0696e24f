package token_test

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/atedb/atedb/sdk/token"
)

// The token in testdata/token.txt, of a user whose keys have seeds of ones.
func ExampleParse() {
	text, err := os.ReadFile("testdata/token.txt")
	if err != nil {
		panic(err)
	}
	t, err := token.Parse(string(text))
	if err != nil {
		panic(err)
	}
	d := t.Delegation
	fmt.Printf("%s... (%d characters)\n", text[:20], len(bytes.TrimSpace(text)))
	fmt.Println(d)
	fmt.Println("issuer", d.Issuer)
	fmt.Println("acts from", d.NotBefore.Format(time.RFC3339), "until", d.Expires.Format(time.RFC3339))
	fmt.Println("writes", d.Chains, "- account", d.Account, "- label", d.Label)
	fmt.Println("known to", t.Server)
	fmt.Println(d.Covers("example.com/joe/mydb"), d.Covers("example.com/ann/mydb"))
	s := t.Signed.Statement
	fmt.Printf("field 1, id   %x %x\n", s[:2], s[2:18])
	fmt.Printf("field 2, user %x %q\n", s[18:20], s[20:35])
	fmt.Printf("fields 6 to 9 %x\n", s[len(s)-35:])
	fmt.Println(d.Check(d.Expires))
	// Output:
	// ate-token-v1:CoorCrI... (7547 characters)
	// token c19d0dd1a5e6db82f96d2b2743b98dbf of joe@example.com
	// issuer atekey1p9v0tdhjtkyqlqemml4lehz4vtry6xcr3ajtrf5u4hs5k6ajtnmqeld8pz
	// acts from 2023-11-14T22:08:20Z until 2023-11-15T22:13:20Z
	// writes [example.com/joe/*] - account true - label laptop
	// known to ws://auth.example.com:5001/auth
	// true false
	// field 1, id   0a10 c19d0dd1a5e6db82f96d2b2743b98dbf
	// field 2, user 120f "joe@example.com"
	// fields 6 to 9 308085d5aa063a116578616d706c652e636f6d2f6a6f652f2a40014a066c6170746f70
	// the token of joe@example.com expired at 2023-11-15T22:13:20Z; get a new one with: ate login [token_expired]
}
