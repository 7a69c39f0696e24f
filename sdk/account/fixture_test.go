package account

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

const (
	joe        = Name("joe@example.com")
	ann        = Name("ann@example.com")
	passphrase = "correct horse battery staple"
)

var testTime = time.UnixMilli(1_700_000_000_123).UTC()

// identityOf returns the keys whose seeds consist of n and n+1.
func identityOf(t testing.TB, n byte) *keys.Identity {
	t.Helper()
	signing, err := keys.SigningKeyFromSeed(bytes.Repeat([]byte{n}, keys.SigningSeedSize))
	if err != nil {
		t.Fatal(err)
	}
	read, err := keys.ReadKeyFromSeed(bytes.Repeat([]byte{n + 1}, keys.ReadSeedSize))
	if err != nil {
		t.Fatal(err)
	}
	return &keys.Identity{Name: string(joe), Signing: signing, Read: read}
}

// golden is a vault that stands in testdata, of joe, with the keys of
// identityOf(1) and identityOf(3), for the passphrase above and this code.
const (
	goldenCode   = "sxak-mvm1-etmr-s9wy-vhm7-pgw9-pym2-75q0-ntdg"
	goldenSecret = "12345678901234567890" // of time-based codes
)

var goldenBytes = sync.OnceValue(func() []byte {
	text, err := os.ReadFile("testdata/vault.hex")
	if err != nil {
		panic(err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		panic(err)
	}
	return b
})

func golden(t testing.TB) Vault {
	t.Helper()
	v, err := ParseVault(goldenBytes())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func credentialOf(kind Kind) (*Credential, error) {
	v, err := ParseVault(goldenBytes())
	if err != nil {
		return nil, err
	}
	lock, _ := v.Lock(kind)
	if kind == Recovery {
		return RecoveryCredential(goldenCode, lock.Stretch)
	}
	return StretchPassphrase(passphrase, lock.Stretch)
}

// Stretching takes a while, so each is done once.
var (
	byPassphrase = sync.OnceValues(func() (*Credential, error) { return credentialOf(Passphrase) })
	byCode       = sync.OnceValues(func() (*Credential, error) { return credentialOf(Recovery) })
)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantCode(t testing.TB, what string, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("%s: got %v, want code %q", what, err, code)
	}
}
