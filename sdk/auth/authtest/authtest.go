// Package authtest is the conformance suite of the auth contract. A resolver
// passes it in the few lines of a test of its own:
//
//	func TestContract(t *testing.T) {
//		authtest.Run(t, func(tb testing.TB) authtest.Subject {
//			return authtest.Subject{Resolver: newResolver(tb), Granted: "engineers/db", Denied: "strangers/db"}
//		})
//	}
//
// [Fake] is a resolver for the tests of those who ask one.
package authtest

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/conform"
)

// Subject is a resolver under test and what it knows.
type Subject struct {
	Resolver auth.Resolver
	// Granted is a chain that the resolver grants.
	Granted chainname.Name
	// Denied is a chain that it denies; empty if it denies none.
	Denied chainname.Name
	// Stalled is a chain about which it cannot say anything before the
	// question's context is done; empty if there is none.
	Stalled chainname.Name
	// Held and Revoked are tokens that a TokenChecker takes, and does not; zero
	// for a resolver that is none. Unknown is one that it does not know; zero if
	// there is none.
	Held, Revoked, Unknown auth.TokenQuery
}

// Run checks the resolvers that subject makes against the contract: called
// directly, and through a gRPC connection as the daemon calls them. It makes a
// new subject for each check.
func Run(t *testing.T, subject func(tb testing.TB) Subject) {
	t.Run("direct", func(t *testing.T) { runChecks(t, subject) })
	t.Run("grpc", func(t *testing.T) {
		runChecks(t, func(tb testing.TB) Subject {
			s := subject(tb)
			s.Resolver = ThroughGRPC(tb, s.Resolver)
			return s
		})
	})
}

// ThroughGRPC returns the resolver as the daemon sees it: behind a gRPC
// connection, which lasts until the test ends.
func ThroughGRPC(tb testing.TB, r auth.Resolver) auth.Resolver {
	tb.Helper()
	return auth.NewClient(conform.Pipe(tb, func(reg grpc.ServiceRegistrar) { auth.RegisterServer(reg, r) }))
}

func runChecks(t *testing.T, subject func(tb testing.TB) Subject) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.run(t, subject(t)) })
	}
}

var checks = []struct {
	name string
	run  func(testing.TB, Subject)
}{
	{"Grant", checkGrant},
	{"Denial", checkDenial},
	{"AnyName", checkAnyName},
	{"SameAnswer", checkSameAnswer},
	{"Concurrent", checkConcurrent},
	{"ContextDone", checkContextDone},
	{"Stalled", checkStalled},
	{"Tokens", checkTokens},
}

// resolve asks about a chain that must have an answer, and checks its limits.
func resolve(tb testing.TB, s Subject, name chainname.Name) auth.Answer {
	tb.Helper()
	answer, err := ask(tb, s, name)
	if err != nil {
		tb.Fatalf("Resolve(%s) failed: %v", name, err)
	}
	checkLimits(tb, name, answer)
	return answer
}

func ask(tb testing.TB, s Subject, name chainname.Name) (answer auth.Answer, err error) {
	tb.Helper()
	conform.Soon(tb, "Resolve("+name.String()+")", func() {
		answer, err = s.Resolver.Resolve(tb.Context(), auth.Query{Chain: name})
	})
	return answer, err
}

func checkLimits(tb testing.TB, name chainname.Name, a auth.Answer) {
	tb.Helper()
	if a.TTL < 0 || a.TTL > auth.MaxTTL {
		tb.Errorf("Resolve(%s) may be kept for %v; want 0 to %v", name, a.TTL, auth.MaxTTL)
	}
	if a.Denied != "" {
		conform.Sentence(tb, "Resolve("+name.String()+")", a.Denied)
		if len(a.RootKeys) > 0 {
			tb.Errorf("Resolve(%s) is a denial with %d keys", name, len(a.RootKeys))
		}
	}
	if len(a.RootKeys) > auth.MaxRootKeys {
		tb.Errorf("Resolve(%s) has %d keys; at most %d are allowed", name, len(a.RootKeys), auth.MaxRootKeys)
	}
	for i, key := range a.RootKeys {
		if len(key) == 0 || len(key) > auth.MaxPublicKey {
			tb.Errorf("Resolve(%s): key %d has %d bytes; want 1 to %d", name, i, len(key), auth.MaxPublicKey)
		}
	}
}

func checkGrant(tb testing.TB, s Subject) {
	if a := resolve(tb, s, s.Granted); a.Denied != "" {
		tb.Errorf("Resolve(%s) denied: %s", s.Granted, a.Denied)
	}
}

func checkDenial(tb testing.TB, s Subject) {
	if s.Denied == "" {
		return
	}
	if a := resolve(tb, s, s.Denied); a.Denied == "" {
		tb.Errorf("Resolve(%s) granted; want a denial", s.Denied)
	}
}

// checkAnyName asks about names of every shape: each has one of the three
// answers.
func checkAnyName(tb testing.TB, s Subject) {
	part := strings.Repeat("x", chainname.MaxPart)
	for _, text := range []string{
		"a/b", "1/2", "localhost/joe/db", "example.com/joe.b-l_o+ggs/d.b", "xn--bcher-kva.example/x/y",
		part + "/" + part, strings.Repeat(part+".", 3) + "xx/" + part + "/" + part, "null/true", "true/x", "1e3/x", "y/n",
	} {
		name, err := chainname.Parse(text)
		if err != nil {
			tb.Fatalf("the suite has a bad name: %v", err)
		}
		answer, err := ask(tb, s, name)
		if err != nil {
			conform.Fault(tb, "Resolve("+text+")", err, fault.Unavailable)
			continue
		}
		checkLimits(tb, name, answer)
	}
}

func checkSameAnswer(tb testing.TB, s Subject) {
	for _, name := range known(s) {
		first := resolve(tb, s, name)
		if again := resolve(tb, s, name); !reflect.DeepEqual(again, first) {
			tb.Errorf("Resolve(%s) is %+v, then %+v", name, first, again)
		}
	}
}

func checkConcurrent(tb testing.TB, s Subject) {
	names := known(s)
	want := make([]auth.Answer, len(names))
	for i, name := range names {
		want[i] = resolve(tb, s, name)
	}
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 25 {
				n := (g + i) % len(names)
				got, err := s.Resolver.Resolve(tb.Context(), auth.Query{Chain: names[n]})
				if err != nil || !reflect.DeepEqual(got, want[n]) {
					tb.Errorf("among others, Resolve(%s) is %+v, %v; alone it is %+v", names[n], got, err, want[n])
				}
			}
		})
	}
	conform.Soon(tb, "Resolve, called by 16 goroutines,", wg.Wait)
}

// checkContextDone wants an answer or an unavailable fault, soon.
func checkContextDone(tb testing.TB, s Subject) {
	conform.Soon(tb, "Resolve with a context that is done", func() {
		if _, err := s.Resolver.Resolve(conform.Done(), auth.Query{Chain: s.Granted}); err != nil {
			conform.Fault(tb, "Resolve with a context that is done", err, fault.Unavailable)
		}
	})
}

// checkTokens asks about tokens, of a resolver that knows none too.
func checkTokens(tb testing.TB, s Subject) {
	checker, ok := s.Resolver.(auth.TokenChecker)
	if !ok {
		return
	}
	if s.Held == s.Revoked { // through a connection, every resolver seems to be a checker
		if _, err := checker.CheckToken(tb.Context(), s.Held); !fault.Is(err, fault.Unsupported) {
			tb.Errorf("CheckToken of a resolver that knows no tokens gave %v; want a not_supported fault", err)
		}
		return
	}
	for _, q := range []auth.TokenQuery{s.Held, s.Revoked, s.Unknown} {
		if q == (auth.TokenQuery{}) {
			continue
		}
		var answer auth.TokenAnswer
		var err error
		conform.Soon(tb, "CheckToken", func() { answer, err = checker.CheckToken(tb.Context(), q) })
		if err != nil || (answer.Refused != "") != (q != s.Held) || answer.Unknown != (q == s.Unknown) || answer.TTL < 0 || answer.TTL > auth.MaxTTL {
			tb.Errorf("CheckToken(%x) is %+v, %v", q.ID, answer, err)
		}
	}
}

// checkStalled asks about a chain without an answer: others have theirs
// meanwhile, and it ends with its context.
func checkStalled(tb testing.TB, s Subject) {
	if s.Stalled == "" {
		return
	}
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := s.Resolver.Resolve(ctx, auth.Query{Chain: s.Stalled})
		ended <- err
	}()
	// Nothing tells when the stalled question has arrived: others are asked for
	// long enough that it has.
	for begun := time.Now(); time.Since(begun) < 50*time.Millisecond; {
		resolve(tb, s, s.Granted)
	}
	cancel()
	select {
	case err := <-ended:
		conform.Fault(tb, "Resolve("+s.Stalled.String()+")", err, fault.Unavailable)
	case <-time.After(conform.Patience()):
		tb.Fatalf("Resolve(%s) did not return within %v of its context's end", s.Stalled, conform.Patience())
	}
}

// known returns the names to which the subject has a lasting answer.
func known(s Subject) []chainname.Name {
	if s.Denied == "" {
		return []chainname.Name{s.Granted}
	}
	return []chainname.Name{s.Granted, s.Denied}
}
