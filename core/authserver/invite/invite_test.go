package invite

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

var until = time.Date(2026, 1, 8, 0, 0, 0, 0, time.UTC)

func inviter(fill byte) *Inviter {
	seed := make([]byte, keys.SigningSeedSize)
	for i := range seed {
		seed[i] = fill
	}
	key, err := keys.SigningKeyFromSeed(seed)
	if err != nil {
		panic(err)
	}
	i, err := New(key)
	if err != nil {
		panic(err)
	}
	return i
}

// A code of the server whose signing key has a seed of zeros.
func ExampleInviter_Code() {
	fmt.Println(inviter(0).Code("joe@example.com", until))
	// Output: abuv544aymilpwpfxbiablaxque3e6hn
}

// TestCheck proves what a code is good for.
func TestCheck(t *testing.T) {
	i := inviter(0)
	code := i.Code("joe@example.com", until)
	for _, good := range []string{code, strings.ToUpper(code), " " + code + "\n"} {
		if err := i.Check(good, "joe@example.com", until); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	later, err := encoding.DecodeString(code)
	if err != nil {
		t.Fatal(err)
	}
	later[4]++ // good for a second longer, if nobody looks
	for what, bad := range map[string]error{
		"another name":     i.Check(code, "eve@example.com", until),
		"another server":   inviter(1).Check(code, "joe@example.com", until),
		"too late":         i.Check(code, "joe@example.com", until.Add(time.Second)),
		"prolonged":        i.Check(encoding.EncodeToString(later), "joe@example.com", until),
		"cut short":        i.Check(code[:31], "joe@example.com", until),
		"two of them":      i.Check(code+code, "joe@example.com", until),
		"empty":            i.Check("", "joe@example.com", until),
		"no base32":        i.Check(strings.Repeat("1", 32), "joe@example.com", until),
		"far too long":     i.Check(strings.Repeat("a", 1<<20), "joe@example.com", until),
		"empty name":       i.Check(code, "", until),
		"prefix of a name": i.Check(code, "joe@example.co", until),
	} {
		if !fault.Is(bad, fault.Denied) {
			t.Errorf("%s: %v", what, bad)
		}
	}
}

// TestSecretIsNotPrinted proves that no verb shows the key.
func TestSecretIsNotPrinted(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, inviter(0)); got != "[secret]" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

// FuzzCheck proves that no text but the server's own codes is good.
func FuzzCheck(f *testing.F) {
	i := inviter(0)
	good := i.Code("joe@example.com", until)
	f.Add(good)
	f.Add("")
	f.Add(good[:20])
	f.Fuzz(func(t *testing.T, code string) {
		if err := i.Check(code, "joe@example.com", until); err == nil && strings.ToLower(strings.TrimSpace(code)) != good {
			t.Errorf("%q is good", code)
		}
	})
}
