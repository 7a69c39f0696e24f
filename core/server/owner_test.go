package server

import (
	"context"
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
		keys, err := o.rootKeys(t.Context(), "example.com/joe/db")
		if len(keys) != test.keys || fault.CodeOf(err) != test.code || len(test.second.Asked()) != test.secondAsked {
			t.Errorf("%s: %d keys, %v, the second was asked %d times", name, len(keys), err, len(test.second.Asked()))
		}
	}
}

// TestOwnersKeepAnswers asks once for each chain while an answer holds, denials
// included, and never keeps one longer.
func TestOwnersKeepAnswers(t *testing.T) {
	fake := &authtest.Fake{
		Default: auth.Answer{Denied: "no", TTL: time.Hour},
		Answers: map[chainname.Name]auth.Answer{"a/fresh": {RootKeys: [][]byte{{1}}}},
	}
	o := &owners{resolvers: []namedResolver{{"fake", fake}}}
	for range 3 {
		if _, err := o.rootKeys(t.Context(), "a/kept"); !fault.Is(err, fault.Denied) {
			t.Error(err)
		}
		if _, err := o.rootKeys(t.Context(), "a/fresh"); err != nil {
			t.Error(err)
		}
	}
	if asked := len(fake.Asked()); asked != 4 {
		t.Errorf("it was asked %d times", asked)
	}
	o.answers["a/kept"] = keptAnswer{o.answers["a/kept"].Answer, time.Now().Add(-time.Second)}
	if _, err := o.rootKeys(t.Context(), "a/kept"); !fault.Is(err, fault.Denied) || len(fake.Asked()) != 5 {
		t.Errorf("an answer that no longer holds: %v, asked %d times", err, len(fake.Asked()))
	}
}

// TestRootKeysOfADistributedChain takes the keys that its creator names, if
// they are keys, and no more than fit an authority.
func TestRootKeysOfADistributedChain(t *testing.T) {
	refuse := &owners{resolvers: []namedResolver{{"fake", &authtest.Fake{Default: auth.Answer{Denied: "no"}}}}}
	r := &registry{trust: event.Distributed, owners: refuse}
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
	if _, err := r.rootKeys(t.Context(), "a/b", wish{create: true, rootKeys: [][]byte{key}}); !fault.Is(err, fault.Denied) {
		t.Errorf("in centralized trust its creator does not say: %v", err)
	}
}

// TestTLSConfigSaysWhatIsWrong names both files of a certificate.
func TestTLSConfigSaysWhatIsWrong(t *testing.T) {
	if c, err := tlsConfig(config.TLS{}); c != nil || err != nil {
		t.Errorf("without a certificate: %v, %v", c, err)
	}
	if _, err := tlsConfig(config.TLS{Certificate: "/none/cert", Key: "/none/key"}); !fault.Is(err, fault.BadConfig) {
		t.Errorf("with files that are not there: %v", err)
	}
}
