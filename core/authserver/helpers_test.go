package authserver

import (
	"context"
	"crypto/rand"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/token"
)

// person is a user of the tests, with his secrets.
type person struct {
	name       account.Name
	id         *keys.Identity
	advert     account.Signed
	vault      account.Vault
	passphrase *account.Credential
	recovery   *account.Credential
}

const testPassphrase = "correct horse battery"

func newPerson(tb testing.TB, name account.Name) *person {
	tb.Helper()
	id, err := keys.NewIdentity(string(name))
	check(tb, err)
	p := &person{name: name, id: id, advert: account.FirstAdvert(name, id, time.Now())}
	var code string
	p.vault, code, err = account.LeastCost.NewVault(name, id, testPassphrase)
	check(tb, err)
	p.unlock(tb, testPassphrase, code)
	return p
}

// unlock makes the credentials of the person's vault.
func (p *person) unlock(tb testing.TB, passphrase, code string) {
	tb.Helper()
	lock, _ := p.vault.Lock(account.Passphrase)
	var err error
	p.passphrase, err = account.StretchPassphrase(passphrase, lock.Stretch)
	check(tb, err)
	lock, _ = p.vault.Lock(account.Recovery)
	p.recovery, err = account.RecoveryCredential(code, lock.Stretch)
	check(tb, err)
}

// cast are the people of the tests, made once: their passphrases are stretched.
var cast = sync.OnceValue(func() map[string]*person {
	people := map[string]*person{}
	for _, user := range []string{"alice", "bob", "carol", "dave", "mallory"} {
		people[user] = newPerson(noTest{}, account.Name(user+"@example.com"))
	}
	return people
})

// noTest panics where a test would fail.
type noTest struct{ testing.TB }

func (noTest) Helper()           {}
func (noTest) Fatal(args ...any) { panic(args) }

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

var testIdentity = sync.OnceValue(func() *identity.Private {
	self, err := identity.New()
	if err != nil {
		panic(err)
	}
	return self
})

// world is a server over a log in memory, at a time of its own.
type world struct {
	*service
	tb  testing.TB
	log *chaintest.Log

	mu   sync.Mutex
	time time.Time
}

// newWorld returns a server with some users. Their log is made once.
func newWorld(tb testing.TB, users ...string) *world {
	tb.Helper()
	key := strings.Join(users, " ")
	logsMu.Lock()
	defer logsMu.Unlock()
	if logs[key] == nil {
		w := &world{tb: tb, log: &chaintest.Log{}, time: time.Now()}
		w.open()
		for _, user := range users {
			w.register(cast()[user])
		}
		logs[key] = w.log
	}
	return (&world{tb: tb, log: logs[key], time: time.Now()}).copy()
}

// copy returns another server with the same log.
func (w *world) copy() *world {
	c := &world{tb: w.tb, log: w.log.Copy(), time: w.time}
	c.open()
	return c
}

var (
	logsMu sync.Mutex // guards logs
	logs   = map[string]*chaintest.Log{}
)

// open opens the server over the log, as after a crash.
func (w *world) open() {
	w.tb.Helper()
	now := func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.time
	}
	store, err := accounts.Open(w.tb.Context(), accounts.Options{
		Log: w.log, Identity: testIdentity(), Now: now,
		OnFail:    func(err error) { w.tb.Errorf("the chain failed: %v", err) },
		OnProblem: func(err error) { w.tb.Errorf("the chain has a problem: %v", err) },
	})
	check(w.tb, err)
	w.service, err = newService(store, testIdentity(), Policy{}, hclog.NewNullLogger())
	check(w.tb, err)
	w.now = now
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

func (w *world) register(p *person) {
	w.tb.Helper()
	check(w.tb, w.connect().done(&pb.Request_CreateUser{CreateUser: p.createUser()}))
}

func (p *person) createUser() *pb.CreateUser {
	return &pb.CreateUser{Advert: p.advert.Proto(), Vault: p.vault.Proto()}
}

// peer is a client's connection.
type peer struct {
	*caller
	tb testing.TB
}

// connect returns a new connection from 192.0.2.1, connectFrom from elsewhere.
func (w *world) connect() *peer { return w.connectFrom("192.0.2.1") }

func (w *world) connectFrom(address string) *peer {
	c := &caller{service: w.service, from: netip.MustParseAddr(address)}
	rand.Read(c.binding[:])
	return &peer{c, w.tb}
}

// ask sends a request the way it travels, encoded.
func (p *peer) ask(request *pb.Request) *pb.Reply {
	p.tb.Helper()
	request.Id = 7
	encoded, err := request.MarshalVT()
	check(p.tb, err)
	received := new(pb.Request)
	check(p.tb, received.UnmarshalVTUnsafe(encoded))
	reply := p.reply(context.Background(), received)
	if reply.Id != 7 {
		p.tb.Errorf("the reply to request 7 has id %d", reply.Id)
	}
	encoded, err = reply.MarshalVT()
	check(p.tb, err)
	answer := new(pb.Reply)
	check(p.tb, answer.UnmarshalVT(encoded))
	return answer
}

// faultOf returns what a reply refuses.
func faultOf(reply *pb.Reply) error {
	if reply.Code == "" {
		return nil
	}
	return fault.New(fault.Code(reply.Code), "%s", reply.Reason)
}

// done sends a request whose answer is Done.
func (p *peer) done(ask any) error {
	p.tb.Helper()
	reply := p.ask(asRequest(ask))
	if reply.Code == "" && reply.GetDone() == nil {
		p.tb.Errorf("the answer is %v, not Done", reply)
	}
	return faultOf(reply)
}

func requestOf(login *pb.Login) *pb.Request {
	return &pb.Request{Ask: &pb.Request_Login{Login: login}}
}

func asRequest(ask any) *pb.Request {
	r := new(pb.Request)
	switch ask := ask.(type) {
	case *pb.Request_Present:
		r.Ask = ask
	case *pb.Request_CreateUser:
		r.Ask = ask
	case *pb.Request_PutUser:
		r.Ask = ask
	case *pb.Request_SetTotp:
		r.Ask = ask
	case *pb.Request_PutGroup:
		r.Ask = ask
	case *pb.Request_RegisterToken:
		r.Ask = ask
	case *pb.Request_RevokeToken:
		r.Ask = ask
	}
	return r
}

// loginRequest returns the request that logs a person in on this connection.
func (p *peer) loginRequest(who account.Name, c *account.Credential) *pb.Login {
	return &pb.Login{
		Name: string(who), Kind: c.Kind().Proto(),
		Signature: c.SignLogin(who, p.binding[:], p.self.Public().Fingerprint()),
	}
}

func (p *peer) send(login *pb.Login) (*pb.LoggedIn, error) {
	p.tb.Helper()
	reply := p.ask(requestOf(login))
	return reply.GetLoggedIn(), faultOf(reply)
}

// login logs a person in with his passphrase.
func (w *world) loginAs(who *person) *peer {
	w.tb.Helper()
	p := w.connect()
	answer, err := p.send(p.loginRequest(who.name, who.passphrase))
	check(w.tb, err)
	if answer.TotpNeeded {
		w.tb.Fatal("the login needs a time-based code")
	}
	return p
}

// newToken makes a token of a person's, and registers it.
func (w *world) newToken(who *person, o token.Options) *token.Token {
	w.tb.Helper()
	made := w.makeToken(who, o)
	check(w.tb, w.loginAs(who).done(&pb.Request_RegisterToken{RegisterToken: &pb.RegisterToken{Delegation: made.Signed.Proto()}}))
	return made
}

func (w *world) makeToken(who *person, o token.Options) *token.Token {
	w.tb.Helper()
	made, err := token.New(who.id.Signing, who.name, "ws://localhost:5001/auth", o, w.now())
	check(w.tb, err)
	return made
}

// presentRequest returns the request that presents a token on this connection.
func (p *peer) presentRequest(t *token.Token) *pb.Present {
	return &pb.Present{
		Delegation: t.Signed.Proto(), PublicKey: t.Signing.Public().Bytes(),
		Signature: t.SignPresent(p.binding[:], p.self.Public().Fingerprint()),
	}
}

func (p *peer) show(t *token.Token) error {
	p.tb.Helper()
	return p.done(&pb.Request_Present{Present: p.presentRequest(t)})
}

func (p *peer) details() (*pb.User, error) {
	p.tb.Helper()
	reply := p.ask(&pb.Request{Ask: &pb.Request_GetUser{GetUser: &pb.GetUser{}}})
	return reply.GetUser(), faultOf(reply)
}

func (p *peer) holds(t *token.Token) (*pb.TokenStatus, error) {
	p.tb.Helper()
	issuer := t.Delegation.Issuer.ID()
	reply := p.ask(&pb.Request{Ask: &pb.Request_CheckToken{CheckToken: &pb.CheckToken{
		User: string(t.Delegation.User), TokenId: t.Delegation.ID[:], Issuer: issuer[:],
	}}})
	return reply.GetTokenStatus(), faultOf(reply)
}

func (p *peer) lookAt(name string, known uint64) (*pb.Found, error) {
	p.tb.Helper()
	return p.lookFrom(name, known, 0)
}

func (p *peer) lookFrom(name string, known, from uint64) (*pb.Found, error) {
	p.tb.Helper()
	reply := p.ask(&pb.Request{Ask: &pb.Request_Look{Look: &pb.Look{Name: name, KnownSize: known, From: from}}})
	return reply.GetFound(), faultOf(reply)
}

func (p *peer) stretch(name string, kind accountpb.Lock_Kind) (*accountpb.Stretch, error) {
	p.tb.Helper()
	reply := p.ask(&pb.Request{Ask: &pb.Request_GetStretch{GetStretch: &pb.GetStretch{Name: name, Kind: kind}}})
	return reply.GetStretch(), faultOf(reply)
}

func wantCode(tb testing.TB, what string, err error, code fault.Code) {
	tb.Helper()
	if fault.CodeOf(err) != code {
		tb.Errorf("%s: %v; want the code %q", what, err, code)
	}
}
