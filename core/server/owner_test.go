package server

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/auth/authtest"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

func failing(code fault.Code) func(context.Context, auth.Query) error {
	return func(context.Context, auth.Query) error { return fault.New(code, "it cannot say") }
}

// TestOwnersAskInOrder goes to the next resolver only when one cannot say now:
// a denial and any other failure are final, so that a later resolver cannot
// grant what an earlier one refused.
func TestOwnersAskInOrder(t *testing.T) {
	grant := auth.Answer{RootKeys: [][]byte{{1}}}
	for name, test := range map[string]struct {
		first, second *authtest.Fake
		keys          int
		code          fault.Code
		secondAsked   int
	}{
		"the first grants":      {&authtest.Fake{Default: grant}, &authtest.Fake{Default: auth.Answer{Denied: "no"}}, 1, "", 0},
		"the first denies":      {&authtest.Fake{Default: auth.Answer{Denied: "no"}}, &authtest.Fake{Default: grant}, 0, fault.Denied, 0},
		"the first cannot say":  {&authtest.Fake{OnResolve: failing(fault.Unavailable)}, &authtest.Fake{Default: grant}, 1, "", 1},
		"the first is broken":   {&authtest.Fake{OnResolve: failing(fault.Internal)}, &authtest.Fake{Default: grant}, 0, fault.Internal, 0},
		"neither can say":       {&authtest.Fake{OnResolve: failing(fault.Unavailable)}, &authtest.Fake{OnResolve: failing(fault.Unavailable)}, 0, fault.Unavailable, 1},
		"the first lets anyone": {&authtest.Fake{}, &authtest.Fake{Default: grant}, 0, "", 0},
	} {
		o := &owners{resolvers: []namedResolver{{"first", test.first}, {"second", test.second}}}
		keys, err := o.rootKeys(t.Context(), "example.com/joe/db", nil)
		if len(keys) != test.keys || fault.CodeOf(err) != test.code || len(test.second.Asked()) != test.secondAsked {
			t.Errorf("%s: %d keys, %v, the second was asked %d times", name, len(keys), err, len(test.second.Asked()))
		}
	}
}

// TestOwnersKeepAnswers asks once for an owner's chains while an answer holds,
// denials included, and never keeps one longer or for somebody else.
func TestOwnersKeepAnswers(t *testing.T) {
	fake := &authtest.Fake{
		Default: auth.Answer{Denied: "no", TTL: time.Hour},
		Answers: map[chainname.Name]auth.Answer{
			"fresh/db": {RootKeys: [][]byte{{1}}},
			"only/one": {RootKeys: [][]byte{{1}}, TTL: time.Hour, ChainOnly: true},
		},
	}
	o := &owners{resolvers: []namedResolver{{"fake", fake}}}
	asked := 0
	for _, q := range []struct {
		chain chainname.Name
		code  fault.Code
		asks  int
	}{
		{"kept/db", fault.Denied, 1}, {"kept/db", fault.Denied, 0}, {"kept/other", fault.Denied, 0},
		{"fresh/db", "", 1}, {"fresh/db", "", 1},
		{"only/one", "", 1}, {"only/one", "", 0}, {"only/two", fault.Denied, 1}, {"only/one", "", 0},
		{"example.com/kept/db", fault.Denied, 1}, {"example.com/joe/db", fault.Denied, 1}, {"example.com/joe/other", fault.Denied, 0},
	} {
		_, err := o.rootKeys(t.Context(), q.chain, nil)
		asked += q.asks
		if fault.CodeOf(err) != q.code || len(fake.Asked()) != asked {
			t.Fatalf("%s: %v, asked %d times in all, want %d", q.chain, err, len(fake.Asked()), asked)
		}
	}
	over := o.answers["kept"]
	over.until = time.Now().Add(-time.Second)
	o.answers["kept"] = over
	if _, err := o.rootKeys(t.Context(), "kept/db", nil); !fault.Is(err, fault.Denied) || len(fake.Asked()) != asked+1 {
		t.Errorf("an answer that no longer holds: %v, asked %d times", err, len(fake.Asked()))
	}
}

// TestOwnersOfAServerThatIsAway has a resolver that hangs asked once a second
// for an owner, however many chains somebody wants to make.
func TestOwnersOfAServerThatIsAway(t *testing.T) {
	fake := &authtest.Fake{OnResolve: failing(fault.Unavailable)}
	o := &owners{resolvers: []namedResolver{{"away", fake}}}
	for range 3 {
		_, err := o.rootKeys(t.Context(), "joe/db", nil)
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "auth resolver away") || len(fake.Asked()) != 1 {
			t.Errorf("got %v, asked %d times", err, len(fake.Asked()))
		}
	}
}

// TestOwnersAskAgainOnceTheFirstCanSay keeps the answer of the second resolver for
// no longer than that the first could not say.
func TestOwnersAskAgainOnceTheFirstCanSay(t *testing.T) {
	for _, rule := range []string{config.AuthFirstAnswer, config.AuthFirstGrant} {
		first := &authtest.Fake{OnResolve: failing(fault.Unavailable)}
		second := &authtest.Fake{Default: auth.Answer{RootKeys: [][]byte{{2}}, TTL: time.Hour}}
		o := &owners{rule: rule, resolvers: []namedResolver{{"first", first}, {"second", second}}}
		if keys, err := o.rootKeys(t.Context(), "joe/db", nil); err != nil || len(keys) != 1 {
			t.Fatalf("%s: %d keys, %v", rule, len(keys), err)
		}
		if left := time.Until(o.answers["joe"].until); left > retryAfter {
			t.Errorf("%s: the answer is kept for %v; want %v", rule, left, retryAfter)
		}
	}
}

// TestOwnersWaitForNobodyElse answers about one chain while the resolver is
// silent about another.
func TestOwnersWaitForNobodyElse(t *testing.T) {
	hang := make(chan struct{})
	fake := &authtest.Fake{OnResolve: func(ctx context.Context, q auth.Query) error {
		if q.Chain == "slow/db" {
			<-hang
		}
		return nil
	}}
	o := &owners{resolvers: []namedResolver{{"fake", fake}}}
	slow := make(chan error)
	go func() {
		_, err := o.rootKeys(t.Context(), "slow/db", nil)
		slow <- err
	}()
	for len(fake.Asked()) == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := o.rootKeys(t.Context(), "quick/db", nil); err != nil {
		t.Error(err)
	}
	close(hang)
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

// TestOwnersRules tables what two resolvers together say, for each rule.
func TestOwnersRules(t *testing.T) {
	grant := func(keys ...byte) *authtest.Fake {
		var a auth.Answer
		for _, k := range keys {
			a.RootKeys = append(a.RootKeys, []byte{k})
		}
		return &authtest.Fake{Default: a}
	}
	idOf1 := &authtest.Fake{Default: auth.Answer{RootKeyIDs: []event.Hash{event.KeyID([]byte{1})}}}
	deny := &authtest.Fake{Default: auth.Answer{Denied: "no"}}
	away := &authtest.Fake{OnResolve: failing(fault.Unavailable)}
	broken := &authtest.Fake{OnResolve: failing(fault.BadMessage)}
	for i, test := range []struct {
		first, second *authtest.Fake
		answer        [3]string // by first-answer, first-grant and all: keys, or a code
	}{
		{grant(1), grant(1), [3]string{"1", "1", "1"}},
		{grant(1), grant(2), [3]string{"1", "1", "denied"}},
		{grant(1, 2), grant(2, 1), [3]string{"1 2", "1 2", "1 2"}},
		{grant(1, 2), grant(1), [3]string{"1 2", "1 2", "denied"}},
		{grant(1), grant(), [3]string{"1", "1", "denied"}},
		{grant(1), deny, [3]string{"1", "1", "denied"}},
		{deny, grant(1), [3]string{"denied", "1", "denied"}},
		{deny, deny, [3]string{"denied", "denied", "denied"}},
		{away, grant(1), [3]string{"1", "1", "unavailable"}},
		{grant(1), away, [3]string{"1", "1", "unavailable"}},
		{away, deny, [3]string{"denied", "unavailable", "unavailable"}},
		{deny, away, [3]string{"denied", "unavailable", "denied"}},
		{away, away, [3]string{"unavailable", "unavailable", "unavailable"}},
		{broken, grant(1), [3]string{"bad_message", "bad_message", "bad_message"}},
		{deny, broken, [3]string{"denied", "bad_message", "denied"}},
		{idOf1, grant(1), [3]string{"not_authorized", "not_authorized", "1"}},
		{grant(1), idOf1, [3]string{"1", "1", "1"}},
	} {
		for r, rule := range []string{config.AuthFirstAnswer, config.AuthFirstGrant, config.AuthAll} {
			o := &owners{rule: rule, resolvers: []namedResolver{{"first", test.first}, {"second", test.second}}}
			keys, err := o.rootKeys(t.Context(), "example.com/joe/db", nil)
			got := string(fault.CodeOf(err))
			if err == nil {
				got = strings.Trim(fmt.Sprint(bytes.Join(keys, nil)), "[]")
			}
			if got != test.answer[r] {
				t.Errorf("case %d, %s: got %q (%v), want %q", i, rule, got, err, test.answer[r])
			}
		}
	}
}

// TestOwnerOfWhomOnlyIDsAreKnown makes a chain for who shows a key with a
// granted id, and for nobody who shows another one or none.
func TestOwnerOfWhomOnlyIDsAreKnown(t *testing.T) {
	mine, other := []byte("my key"), []byte("another's")
	o := &owners{resolvers: []namedResolver{{"ids", &authtest.Fake{Default: auth.Answer{
		RootKeyIDs: []event.Hash{event.KeyID(mine), event.KeyID([]byte("a spare"))}, TTL: time.Hour,
	}}}}}
	for _, shown := range [][][]byte{nil, {other}, {{}}} {
		if keys, err := o.rootKeys(t.Context(), "example.com/joe/db", shown); !fault.Is(err, fault.NotAuthorized) {
			t.Errorf("shown %q: %q, %v", shown, keys, err)
		}
	}
	keys, err := o.rootKeys(t.Context(), "example.com/joe/db", [][]byte{other, mine, mine})
	if err != nil || len(keys) != 1 || !bytes.Equal(keys[0], mine) {
		t.Errorf("got %q, %v", keys, err)
	}
}

// TestRootKeysOfAChain takes the keys that its creator names, if
// they are keys, and no more than fit an authority; in centralized trust those
// that resolvers grant, if they are keys.
func TestRootKeysOfAChain(t *testing.T) {
	refuse := &owners{resolvers: []namedResolver{{"fake", &authtest.Fake{Default: auth.Answer{Denied: "no"}}}}}
	r := &registry{trust: event.Distributed, owners: newReplaceable(refuse)}
	key := keys.NewSigningKey().Public().Bytes()
	many := make([][]byte, event.MaxWriters+1)
	for i := range many {
		many[i] = key
	}
	for name, test := range map[string]struct {
		keys [][]byte
		code fault.Code
	}{
		"one": {[][]byte{key}, ""}, "none": {nil, fault.NotAuthorized}, "too many": {many, fault.NotAuthorized},
		"garbage": {[][]byte{key, {1, 2, 3}}, fault.BadRequest}, "cut": {[][]byte{key[:len(key)-1]}, fault.BadRequest},
	} {
		if got, err := r.rootKeys(t.Context(), "a/b", wish{create: true, rootKeys: test.keys}); fault.CodeOf(err) != test.code || err == nil && len(got) != len(test.keys) {
			t.Errorf("%s: %d keys, %v", name, len(got), err)
		}
	}
	r.trust = event.Centralized
	for name, c := range map[string]struct {
		granted []byte
		code    fault.Code
	}{"a key": {key, ""}, "garbage": {[]byte{1, 2, 3}, fault.BadMessage}, "half a key": {key[:len(key)-1], fault.BadMessage}} {
		r.owners = newReplaceable(&owners{resolvers: []namedResolver{{"fake", &authtest.Fake{Default: auth.Answer{RootKeys: [][]byte{key, c.granted}}}}}})
		if _, err := r.rootKeys(t.Context(), "a/b", wish{create: true}); fault.CodeOf(err) != c.code {
			t.Errorf("in centralized trust, a grant to %s: %v", name, err)
		}
	}
	r.owners = newReplaceable(refuse)
	if _, err := r.rootKeys(t.Context(), "a/b", wish{create: true, rootKeys: [][]byte{key}}); !fault.Is(err, fault.Denied) {
		t.Errorf("in centralized trust its creator does not say: %v", err)
	}
}

// BenchmarkKeptAnswer is what asking whose a new chain is adds to making it, once
// the answer is kept.
func BenchmarkKeptAnswer(b *testing.B) {
	key := keys.NewSigningKey().Public().Bytes()
	granted := &authtest.Fake{Default: auth.Answer{RootKeys: [][]byte{key}, TTL: time.Hour}}
	r := &registry{trust: event.Centralized, owners: newReplaceable(&owners{resolvers: []namedResolver{{"fake", granted}}})}
	for b.Loop() {
		if _, err := r.rootKeys(b.Context(), "example.com/joe/db", wish{create: true}); err != nil {
			b.Fatal(err)
		}
	}
}
