package client_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/token"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// issued returns a token of the owner for all chains.
func issued(t *testing.T) *token.Token {
	t.Helper()
	issued, err := token.New(owner, "joe@example.com", "ws://localhost:5001/auth", token.Options{Chains: []token.Scope{"*"}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// withToken are options to write as the token's user.
func withToken(issued *token.Token) client.Options {
	return client.Options{Create: true, Signer: issued.Signing, Delegation: issued.Signed.Encode()}
}

// TestDelegationIsShown: in centralized trust the proof of a token's key comes
// with its delegation, on each connection.
func TestDelegationIsShown(t *testing.T) {
	s := start(t, clienttest.Options{})
	issued := issued(t)
	shown := make(chan *wirepb.Prove, 10)
	s.SetFaults(clienttest.Faults{Received: func(kind wire.Type, payload []byte) {
		m := new(wirepb.Prove)
		if kind == wire.Prove && m.UnmarshalVT(payload) == nil {
			shown <- m
		}
	}})
	c := dialWith(t, s.URL("tcp", chainName), withToken(issued))
	for range 2 {
		m := <-shown
		if !bytes.Equal(m.Delegation, issued.Signed.Encode()) || !bytes.Equal(m.PublicKey, issued.Signing.Public().Bytes()) {
			t.Error("the key was shown with another delegation")
		}
		s.DropConnections()
	}
	if err := c.Err(); err != nil {
		t.Error(err)
	}
}

// TestOtherSigners: in centralized trust each of the client's keys is proven, the
// signer's first.
func TestOtherSigners(t *testing.T) {
	s := start(t, clienttest.Options{})
	signers := []*keys.SigningKey{owner, keys.NewSigningKey(), keys.NewSigningKey()}
	shown := make(chan string, 10)
	s.SetFaults(clienttest.Faults{Received: func(kind wire.Type, payload []byte) {
		m := new(wirepb.Prove)
		if kind == wire.Prove && m.UnmarshalVT(payload) == nil {
			shown <- string(m.PublicKey)
		}
	}})
	dialWith(t, s.URL("tcp", chainName), client.Options{Create: true, Signer: signers[0], OtherSigners: signers[1:]})
	for i, key := range signers {
		if <-shown != string(key.Public().Bytes()) {
			t.Errorf("proof %d is of another key", i)
		}
	}
	for what, o := range map[string]client.Options{
		"no signer":     {OtherSigners: signers},
		"too many keys": {Signer: owner, OtherSigners: make([]*keys.SigningKey, client.MaxOtherSigners+1)},
	} {
		if _, err := client.Dial(t.Context(), "tcp://127.0.0.1:1/db/a/b", o); !fault.Is(err, fault.BadRequest) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestTokenMakesNoDistributedChain: a chain that a token makes is its user's, and
// where that is of distributed trust the client says that a key is needed.
func TestTokenMakesNoDistributedChain(t *testing.T) {
	s := start(t, clienttest.Options{Trust: event.Distributed})
	_, err := client.Dial(t.Context(), s.URL("tcp", chainName), withToken(issued(t)))
	if !fault.Is(err, fault.NotAuthorized) || !strings.Contains(err.Error(), "key") {
		t.Fatalf("dialing: %v; want a not_authorized fault", err)
	}
	record, _, err := event.CutRecord(s.Records(chainName)[0])
	if err != nil {
		t.Fatal(err)
	}
	frame, _, err := event.CutFrame(record.Frames)
	if err != nil {
		t.Fatal(err)
	}
	genesis, _, err := event.ParseGenesis(frame)
	if err != nil || len(genesis.RootKeys) != 1 || !bytes.Equal(genesis.RootKeys[0], owner.Public().Bytes()) {
		t.Errorf("the chain that was asked for has %d owners, %v; want the token's issuer", len(genesis.RootKeys), err)
	}
}

// TestBadDelegations: what is no delegation of the signer ends the client before
// it connects.
func TestBadDelegations(t *testing.T) {
	issued := issued(t)
	for what, o := range map[string]client.Options{
		"garbage":      {Signer: issued.Signing, Delegation: []byte("x")},
		"another key":  {Signer: keys.NewSigningKey(), Delegation: issued.Signed.Encode()},
		"no key":       {Delegation: issued.Signed.Encode()},
		"cut short":    {Signer: issued.Signing, Delegation: issued.Signed.Encode()[:3000]},
		"bit is wrong": {Signer: issued.Signing, Delegation: flipped(issued.Signed.Encode())},
	} {
		_, err := client.Dial(t.Context(), "tcp://127.0.0.1:1/db/a/b", o)
		if !fault.Is(err, fault.BadToken) && !(what == "no key" && fault.Is(err, fault.BadRequest)) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func flipped(b []byte) []byte {
	b[len(b)-100] ^= 1
	return b
}
