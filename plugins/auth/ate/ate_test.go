package ate

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/auth/authtest"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/authserver/authservertest"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/dns/dnstest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/known"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/token"
)

const (
	joe    account.Name   = "joe@example.com"
	joesDB chainname.Name = "example.com/joe/db"
)

func start(tb testing.TB, o authservertest.Options) *authservertest.Server {
	tb.Helper()
	s, err := authservertest.Start(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// says has the server's log say that joe has a new key, and returns it.
func says(s *authservertest.Server) *keys.Identity {
	id := &keys.Identity{Name: joe.String(), Signing: keys.NewSigningKey(), Read: keys.NewReadKey()}
	s.Put(authserver.UserKey(joe.String()), account.FirstAdvert(joe, id, time.Now()).Encode())
	return id
}

// configured returns a resolver that remembers in a folder and logs to log.
func configured(tb testing.TB, dir string, log *bytes.Buffer, config map[string]any) *Resolver {
	tb.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		tb.Fatal(err)
	}
	r := New()
	r.patience = 600 * time.Millisecond
	setup := plugin.Setup{Config: text, DataDir: dir}
	if log != nil {
		setup.Logger = hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Warn})
	}
	if err := r.Validate(text); err != nil {
		tb.Fatal(err)
	}
	if err := r.Configure(tb.Context(), setup); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = r.Shutdown(tb.Context()) })
	return r
}

func pinned(tb testing.TB, s *authservertest.Server) *Resolver {
	return configured(tb, tb.TempDir(), nil, map[string]any{"url": s.PinnedURL()})
}

func ask(tb testing.TB, r *Resolver, chain chainname.Name) (auth.Answer, error) {
	return r.Resolve(tb.Context(), auth.Query{Chain: chain})
}

func TestContract(t *testing.T) {
	s := start(t, authservertest.Options{Encryption: 128})
	session := login(t, s)
	var tokens []auth.TokenQuery
	for range 2 {
		tokens = append(tokens, issue(t, session))
	}
	if err := session.RevokeToken(t.Context(), tokens[1].ID); err != nil {
		t.Fatal(err)
	}
	authtest.Run(t, func(tb testing.TB) authtest.Subject {
		r := pinned(tb, s)
		r.patience = defaultPatience
		return authtest.Subject{
			Resolver: r, Granted: joesDB, Denied: "strangers/db", Held: tokens[0], Revoked: tokens[1],
			Unknown: auth.TokenQuery{User: joe.String(), ID: token.ID{1}, Issuer: event.Hash{1}},
		}
	})
}

// login makes the user joe and logs him in.
func login(t *testing.T, s *authservertest.Server) *authserver.Session {
	t.Helper()
	c, err := authserver.Dial(t.Context(), s.PinnedURL(), authserver.Options{Cost: account.LeastCost})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.CreateUser(t.Context(), joe, "correct horse", ""); err != nil {
		t.Fatal(err)
	}
	session, err := c.Login(t.Context(), joe, "correct horse", nil)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// issue returns a new token, as a daemon asks about it.
func issue(t *testing.T, session *authserver.Session) auth.TokenQuery {
	t.Helper()
	issued, err := session.IssueToken(t.Context(), token.Options{Account: true})
	if err != nil {
		t.Fatal(err)
	}
	d := issued.Delegation
	return auth.TokenQuery{User: joe.String(), ID: d.ID, Issuer: d.Issuer.ID()}
}

// TestAnswers: a user's chains are of his signing key, a group's of its owners and
// delegates, and a stranger is told what to do. All of it takes one connection.
func TestAnswers(t *testing.T) {
	s := start(t, authservertest.Options{Encryption: 128})
	his := says(s)
	signed, _, err := group.Create("engineers", joe, his.Read.Public(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	statement, err := group.ParseStatement(signed)
	if err != nil {
		t.Fatal(err)
	}
	s.Put(authserver.GroupKey("engineers"), signed.Encode())
	r := configured(t, t.TempDir(), nil, map[string]any{"url": s.URL(), "fingerprint": s.Fingerprint().String(), "ttl": "5m"})
	for chain, want := range map[chainname.Name]auth.Answer{
		joesDB:         {RootKeys: [][]byte{his.Signing.Public().Bytes()}, TTL: 5 * time.Minute},
		"engineers/db": {RootKeys: statement.RootKeys(), TTL: 5 * time.Minute},
		"example.com/ann/db": {TTL: time.Second, Denied: "the authentication server at " + s.Address() +
			" knows no ann@example.com; create it with: ate user create ann@example.com --auth " + s.URL()},
		"others/db": {TTL: time.Second, Denied: "the authentication server at " + s.Address() +
			" knows no others; create it with: ate group create others --auth " + s.URL()},
	} {
		if got, err := ask(t, r, chain); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", chain, got, err, want)
		}
	}
	if n := s.Opened(); n != 1 {
		t.Errorf("it took %d connections", n)
	}
}

// TestReconnects: a lost connection is replaced within the question, and one that
// hangs too.
func TestReconnects(t *testing.T) {
	s := start(t, authservertest.Options{Encryption: 128})
	says(s)
	r := pinned(t, s)
	for range 3 {
		s.DropConnections()
		if _, err := ask(t, r, joesDB); err != nil {
			t.Fatal(err)
		}
	}
	hangs, release := true, make(chan struct{})
	defer close(release)
	var mu sync.Mutex
	s.SetFaults(authservertest.Faults{Hang: func(*authserverpb.Request) {
		mu.Lock()
		first := hangs
		hangs = false
		mu.Unlock()
		if first {
			<-release
		}
	}})
	if _, err := ask(t, r, joesDB); err != nil {
		t.Errorf("after a connection that hung: %v", err)
	}
}

// TestHangingServer: each of many questions ends in a bounded time, as
// unavailable.
func TestHangingServer(t *testing.T) {
	s := start(t, authservertest.Options{Encryption: 128})
	release := make(chan struct{})
	s.SetFaults(authservertest.Faults{Hang: func(*authserverpb.Request) { <-release }})
	defer close(release)
	r := pinned(t, s)
	begun := time.Now()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := ask(t, r, joesDB); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), s.URL()) {
				t.Errorf("asking: %v", err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(begun); took > 4*r.patience {
		t.Errorf("all of them took %v", took)
	}
}

// TestUnreachable: the sentence names the URL and says how to go on.
func TestUnreachable(t *testing.T) {
	s := start(t, authservertest.Options{})
	r := pinned(t, s)
	s.Close()
	_, err := ask(t, r, joesDB)
	if !fault.Is(err, fault.Unavailable) {
		t.Fatalf("asking: %v", err)
	}
	for _, want := range []string{s.URL(), string(joesDB), "auth-server run", "--no-auth"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not have %s", err, want)
		}
	}
}

// TestHostWithoutAddress: that DNS does not know the server says nothing of the
// owner, who must not be denied and told to make himself.
func TestHostWithoutAddress(t *testing.T) {
	tree := dnstest.NewTree(t)
	tree.Zone("test.")
	r := New()
	setup := plugin.Setup{Config: []byte(`{"url": "ws://auth.test/auth"}`), DataDir: t.TempDir(), DNS: plugin.DNS{Server: tree.Serve(t)}}
	if err := r.Configure(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	got, err := ask(t, r, joesDB)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "auth.test has no address in DNS") {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestLies: what shows that the server is false keeps its code, and grants
// nothing; the rest is unavailable.
func TestLies(t *testing.T) {
	for lie, test := range map[string]struct {
		faults func(*authservertest.Server) authservertest.Faults
		code   fault.Code
	}{
		"substitutes an advert": {func(s *authservertest.Server) authservertest.Faults {
			says(s)
			return authservertest.Faults{}
		}, fault.Forked},
		"claims two rotations": {func(s *authservertest.Server) authservertest.Faults {
			id := &keys.Identity{Name: joe.String(), Signing: keys.NewSigningKey(), Read: keys.NewReadKey()}
			signed := account.FirstAdvert(joe, id, time.Now())
			for range 2 {
				signed, _ = account.NextAdvert(signed, id, id, time.Now())
			}
			s.Put(authserver.UserKey(joe.String()), signed.Encode())
			return authservertest.Faults{}
		}, fault.Forked},
		"starts its log anew": {func(s *authservertest.Server) authservertest.Faults {
			s.Renew()
			return authservertest.Faults{}
		}, fault.Forked},
		"leaves the proof out": {func(s *authservertest.Server) authservertest.Faults {
			return authservertest.Faults{Answer: func(_ *authserverpb.Request, r *authserverpb.Reply) { r.GetFound().Inclusion = nil }}
		}, fault.Forked},
		"answers 10 MB": {func(s *authservertest.Server) authservertest.Faults {
			return authservertest.Faults{Raw: func(*authserverpb.Request) []byte { return make([]byte, 10<<20) }}
		}, fault.Unavailable},
		"answers garbage": {func(s *authservertest.Server) authservertest.Faults {
			return authservertest.Faults{Raw: func(*authserverpb.Request) []byte { return []byte("garbage") }}
		}, fault.Unavailable},
	} {
		t.Run(lie, func(t *testing.T) {
			s := start(t, authservertest.Options{Encryption: 128})
			says(s)
			dir := t.TempDir()
			r := configured(t, dir, nil, map[string]any{"url": s.URL()})
			if _, err := ask(t, r, joesDB); err != nil {
				t.Fatal(err)
			}
			s.Put([]byte("other"), nil)
			s.Put([]byte("other"), nil)
			s.SetFaults(test.faults(s))
			for _, r := range []*Resolver{r, configured(t, dir, nil, map[string]any{"url": s.URL()})} { // after a restart too
				if got, err := ask(t, r, joesDB); !fault.Is(err, test.code) || len(got.RootKeys) > 0 {
					t.Errorf("got %d keys, %v; want %s", len(got.RootKeys), err, test.code)
				}
			}
		})
	}
}

// TestFirstUse: the first fingerprint is pinned with a warning, and another one
// refused, after a restart too; without trust on first use a pin is needed.
func TestFirstUse(t *testing.T) {
	s := start(t, authservertest.Options{Encryption: 128})
	says(s)
	dir, log := t.TempDir(), new(bytes.Buffer)
	strict := configured(t, dir, log, map[string]any{"url": s.URL(), "trust_on_first_use": false})
	if _, err := ask(t, strict, joesDB); !fault.Is(err, fault.UnknownServer) {
		t.Errorf("without trust: %v", err)
	}
	for range 2 {
		if _, err := ask(t, configured(t, dir, log, map[string]any{"url": s.URL()}), joesDB); err != nil {
			t.Fatal(err)
		}
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, s.Fingerprint().String()) || !strings.Contains(got, dir) {
		t.Errorf("the log is %q", got)
	}
	if _, err := ask(t, strict, joesDB); err != nil {
		t.Errorf("once it is pinned: %v", err)
	}
	s.Close()
	s = start(t, authservertest.Options{Encryption: 128, Address: s.Address()})
	says(s)
	if _, err := ask(t, configured(t, dir, log, map[string]any{"url": s.URL()}), joesDB); !fault.Is(err, fault.WrongServer) {
		t.Errorf("another server: %v", err)
	}
	if h, ok, err := known.Folder(dir + "/server/auth-ate").Lookup(s.Address()); !ok || err != nil || h.Fingerprint == s.Fingerprint() {
		t.Errorf("pinned is %v, %v, %v", h, ok, err)
	}
}

// TestCheckToken: a token holds until it is revoked, and its user's keys change.
// Without the server nothing is said of it.
func TestCheckToken(t *testing.T) {
	s := start(t, authservertest.Options{Encryption: 128})
	session := login(t, s)
	revoked, outlived := issue(t, session), issue(t, session)
	r := authtest.ThroughGRPC(t, pinned(t, s)).(auth.TokenChecker)
	holds := func(q auth.TokenQuery, want bool) {
		t.Helper()
		if got, err := r.CheckToken(t.Context(), q); err != nil || (got.Refused == "") != want || got.TTL != 30*time.Second {
			t.Errorf("the token is answered %+v, %v; want it to hold: %v", got, err, want)
		}
	}
	holds(revoked, true)
	if err := session.RevokeToken(t.Context(), revoked.ID); err != nil {
		t.Fatal(err)
	}
	holds(revoked, false)
	holds(outlived, true)
	if err := session.RotateKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	holds(outlived, false)
	s.Close()
	if got, err := r.CheckToken(t.Context(), outlived); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a server: %+v, %v", got, err)
	}
}

func TestConfig(t *testing.T) {
	print, other := identity.Fingerprint{1}.String(), identity.Fingerprint{2}.String()
	c, err := parseConfig([]byte(`{"url": "wss://auth.example.com/auth#fp=` + print + `", "ttl": 5, "trust_on_first_use": false}`))
	want := config{url: authserver.URL{Scheme: "wss", Host: "auth.example.com:5001", Fingerprint: print}, ttl: 5 * time.Second}
	if err != nil || c != want {
		t.Errorf("got %+v, %v", c, err)
	}
	for text, want := range map[string]string{
		``: "url", `{}`: "url", `{"url": ""}`: "url", `{"url": 1}`: "url", `{"url": "http://x/auth"}`: "url", `{"url": "ws://x"}`: "url",
		`{"url": "ws://x/auth", "fingerprint": "x"}`: "fingerprint", `{"url": "ws://x/auth#fp=` + print + `", "fingerprint": "` + other + `"}`: "fingerprint",
		`{"url": "ws://x/auth", "ttl": "soon"}`: "ttl", `{"url": "ws://x/auth", "ttl": "25h"}`: "ttl", `{"url": "ws://x/auth", "ttl": -1}`: "ttl",
		`{"url": "ws://x/auth", "trust_on_first_use": "no"}`: "trust_on_first_use", `{"url": "ws://x/auth", "token": "x"}`: "token",
	} {
		if err := New().Validate([]byte(text)); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Validate(%s) = %v; want a bad_config fault that has %q", text, err, want)
		}
	}
}
