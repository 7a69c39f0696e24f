package session

import (
	"context"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/token"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// register says of every token that it holds for a while, until it does not.
type register struct {
	holdsFor time.Duration
	err      error
	asked    int
}

func (r *register) Check(context.Context, token.Delegation) (time.Time, error) {
	r.asked++
	return time.Now().Add(r.holdsFor), r.err
}

func tokenOf(t *testing.T, owner *keys.SigningKey, scope token.Scope, at time.Time) *token.Token {
	t.Helper()
	made, err := token.New(owner, "joe@example.com", "ws://localhost:5001/auth", token.Options{Chains: []token.Scope{scope}, For: time.Hour}, at)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// proveToken shows a token, with a proof by a key.
func (h *host) proveToken(c *client, made *token.Token, key *keys.SigningKey) string {
	return c.prove(&wirepb.Prove{
		PublicKey: key.Public().Bytes(), Proof: evidence.SignProof(key, h.chain.ID(), h.options.Binding[:]),
		Delegation: made.Signed.Encode(),
	})
}

// TestTokens writes as a chain's owner with a token of his, and with none that
// is not for this chain, this time, this key or from somebody else.
func TestTokens(t *testing.T) {
	owner, other := keys.NewSigningKey(), keys.NewSigningKey()
	now, here := time.Now(), token.Scope(testChain)
	for name, attack := range map[string]struct {
		token *token.Token
		key   *keys.SigningKey // nil for the token's own
		code  fault.Code       // of the proof
		write fault.Code
	}{
		"good":                       {tokenOf(t, owner, here, now), nil, "", ""},
		"for other chains":           {tokenOf(t, owner, "example.com/joe/other", now), nil, fault.BadToken, fault.NotAuthorized},
		"stolen, after its time":     {tokenOf(t, owner, here, now.Add(-2*time.Hour)), nil, fault.TokenExpired, fault.NotAuthorized},
		"before its time":            {tokenOf(t, owner, here, now.Add(2*time.Hour)), nil, fault.TokenExpired, fault.NotAuthorized},
		"issued by somebody else":    {tokenOf(t, other, here, now), nil, "", fault.NotAuthorized},
		"shown without its key":      {tokenOf(t, owner, here, now), other, fault.BadToken, fault.NotAuthorized},
		"shown with its owner's key": {tokenOf(t, owner, here, now), owner, fault.BadToken, fault.NotAuthorized},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostOf(t, event.Centralized, owner.Public().Bytes())
			h.options.Verifier, h.options.Binding, h.options.Tokens = &proofs{}, [32]byte{1}, &register{holdsFor: time.Hour}
			c, _ := h.open()
			key := attack.key
			if key == nil {
				key = attack.token.Signing
			}
			if code := h.proveToken(c, attack.token, key); code != string(attack.code) {
				t.Errorf("the proof: %q, want %q", code, attack.code)
			}
			if code := c.rejected(commit(1, "k", nil)); code != string(attack.write) {
				t.Errorf("the write: %q, want %q", code, attack.write)
			}
		})
	}
}

// TestRevokedToken refuses a token that does not hold, and ends a connection
// when its token holds no more.
func TestRevokedToken(t *testing.T) {
	owner := keys.NewSigningKey()
	h := newHostOf(t, event.Centralized, owner.Public().Bytes())
	known := &register{holdsFor: time.Hour, err: fault.New(fault.TokenRevoked, "it was revoked")}
	h.options.Verifier, h.options.Binding, h.options.Tokens = &proofs{}, [32]byte{1}, known
	made := tokenOf(t, owner, token.Scope(testChain), time.Now())
	c, _ := h.open()
	if code := h.proveToken(c, made, made.Signing); code != string(fault.TokenRevoked) {
		t.Errorf("the proof: %q", code)
	}
	if code := c.rejected(commit(1, "k", nil)); code != string(fault.NotAuthorized) {
		t.Errorf("the write: %q", code)
	}

	known.err = nil
	c, _ = h.open()
	if code := h.proveToken(c, made, made.Signing); code != "" {
		t.Fatalf("the proof: %q", code)
	}
	asked := known.asked
	for n := range byte(3) {
		if code := c.rejected(commit(2+n, "k", nil)); code != "" || known.asked != asked {
			t.Errorf("a write while the answer holds: %q, asked %d times more", code, known.asked-asked)
		}
	}
	known.holdsFor = 0
	c, _ = h.open()
	if code := h.proveToken(c, made, made.Signing); code != "" {
		t.Fatalf("the proof: %q", code)
	}
	if code := c.rejected(commit(7, "k", nil)); code != "" {
		t.Errorf("a write whose token was asked about again: %q", code)
	}
	known.err = fault.New(fault.TokenRevoked, "it was revoked")
	if err := c.Send(wire.Commit, commit(8, "k", nil)); err != nil {
		t.Fatal(err)
	}
	var bye wirepb.Bye
	c.expect(wire.Bye, &bye)
	if bye.Code != string(fault.TokenRevoked) {
		t.Errorf("after the revocation: %+v", &bye)
	}
}

// TestTokenExpiresWhileConnected ends the connection although nobody revoked
// the token.
func TestTokenExpiresWhileConnected(t *testing.T) {
	d := tokenOf(t, keys.NewSigningKey(), "*", time.Now().Add(-time.Hour-time.Second)).Delegation
	s := &Session{options: Options{Tokens: &register{holdsFor: time.Hour}}, tokens: []heldToken{{d, time.Now().Add(-time.Second)}}}
	if err := s.checkTokens(t.Context()); !fault.Is(err, fault.TokenExpired) {
		t.Errorf("got %v", err)
	}
}
