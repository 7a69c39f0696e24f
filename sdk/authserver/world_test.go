package authserver_test

import (
	"context"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authservertest"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/known"
)

const (
	joe account.Name = "joe@example.com"
	ann account.Name = "ann@example.com"

	passphrase = "correct horse"
)

func start(t testing.TB) *authservertest.Server {
	t.Helper()
	s, err := authservertest.Start(authservertest.Options{Encryption: 128})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// dial connects with what is remembered in memory, which may be nil.
func dial(t testing.TB, s *authservertest.Server, memory *known.Memory) *authserver.Client {
	t.Helper()
	if memory == nil {
		memory = new(known.Memory)
	}
	c, err := authserver.Dial(soon(t), s.PinnedURL(), authserver.Options{Hosts: memory, Heads: memory, Statements: memory, Cost: account.LeastCost})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// soon returns a context for what must not take long.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func wantCode(t testing.TB, what string, err error, code fault.Code) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("%s: %v; want a %s fault", what, err, code)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKeys(name account.Name) *keys.Identity {
	return &keys.Identity{Name: name.String(), Signing: keys.NewSigningKey(), Read: keys.NewReadKey()}
}

// says has the server's log say that a user has these keys, as his first.
func says(s *authservertest.Server, name account.Name, id *keys.Identity) account.Signed {
	signed := account.FirstAdvert(name, id, time.Now())
	s.Put(authserver.UserKey(name.String()), signed.Encode())
	return signed
}

// takesNewKeys has a user say that he has new keys, and the server keep what he
// said before.
func takesNewKeys(t testing.TB, s *authservertest.Server, signed account.Signed, id *keys.Identity) (account.Signed, *keys.Identity) {
	t.Helper()
	next := newKeys(account.Name(id.Name))
	after, err := account.NextAdvert(signed, id, next, time.Now())
	check(t, err)
	a, err := account.ParseAdvert(after)
	check(t, err)
	s.Follow(authserver.UserKey(id.Name), a.Number, signed, after)
	return after, next
}

// looks looks a user up and checks whose key it is.
func looks(t testing.TB, c *authserver.Client, name account.Name, want *keys.Identity) {
	t.Helper()
	advert, err := c.LookUser(soon(t), name)
	if err != nil || advert.Signing.ID() != want.Signing.Public().ID() {
		t.Fatalf("looking %s up: %v, %v", name, advert.Signing, err)
	}
}

// create makes a user and logs him in.
func create(t testing.TB, s *authservertest.Server, name account.Name) *authserver.Session {
	t.Helper()
	c := dial(t, s, nil)
	_, err := c.CreateUser(soon(t), name, passphrase, "")
	check(t, err)
	session, err := c.Login(soon(t), name, passphrase, nil)
	check(t, err)
	return session
}

func contextWith(patience time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

func identityOf(name account.Name) *keys.SigningKey { return newKeys(name).Signing }
