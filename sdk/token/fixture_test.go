package token

import (
	"bytes"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

const (
	joe        = account.Name("joe@example.com")
	testServer = "ws://auth.example.com:5001/auth"
)

var testTime = time.Unix(1_700_000_000, 0).UTC()

// signingKey returns the key whose seed consists of n.
func signingKey(n byte) *keys.SigningKey {
	k, err := keys.SigningKeyFromSeed(bytes.Repeat([]byte{n}, keys.SigningSeedSize))
	if err != nil {
		panic(err)
	}
	return k
}

// newToken returns a token of joe, whose key has a seed of ones.
func newToken(t testing.TB, o Options) *Token {
	t.Helper()
	token, err := New(signingKey(1), joe, testServer, o, testTime)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// forge returns the delegation with something changed, signed by these.
func forge(t testing.TB, from *Token, edit func(m *accountpb.Delegation), signers ...*keys.SigningKey) account.Signed {
	t.Helper()
	m := new(accountpb.Delegation)
	if err := m.UnmarshalVT(from.Signed.Statement); err != nil {
		t.Fatal(err)
	}
	edit(m)
	statement, err := m.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	return account.Sign(keys.ForDelegation, statement, signers...)
}

func wantCode(t testing.TB, what string, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("%s: got %v, want code %q", what, err, code)
	}
}
