package authserver

import (
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/account/accountpb"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
	"github.com/atedb/atedb/sdk/token"
)

// who are the standings that a connection can have; each returns a connection
// that tried to get it.
var who = []struct {
	name    string
	connect func(*world) *peer
}{
	{"nobody", func(w *world) *peer { return w.connect() }},
	{"login", func(w *world) *peer { return w.loginAs(cast()["alice"]) }},
	{"recovery", func(w *world) *peer {
		p := w.connect()
		_, err := p.send(p.loginRequest(cast()["alice"].name, cast()["alice"].recovery))
		check(w.tb, err)
		return p
	}},
	{"token", func(w *world) *peer {
		p := w.connect()
		check(w.tb, p.show(w.newToken(cast()["alice"], token.Options{Account: true})))
		return p
	}},
	{"token for chains", func(w *world) *peer {
		p := w.connect()
		err := p.show(w.newToken(cast()["alice"], token.Options{Chains: []token.Scope{"*"}}))
		wantCode(w.tb, "presenting a token without the account scope", err, fault.NotAuthorized)
		return p
	}},
	{"revoked token", func(w *world) *peer { // revoked after it was presented
		p, t := w.connect(), w.newToken(cast()["alice"], token.Options{Account: true})
		check(w.tb, p.show(t))
		check(w.tb, w.loginAs(cast()["alice"]).done(&pb.Request_RevokeToken{RevokeToken: &pb.RevokeToken{TokenId: t.Delegation.ID[:]}}))
		return p
	}},
	{"expired token", func(w *world) *peer { // expired after it was presented
		p, t := w.connect(), w.newToken(cast()["alice"], token.Options{Account: true, For: time.Hour})
		check(w.tb, p.show(t))
		w.pass(2 * time.Hour)
		return p
	}},
	{"unregistered token", func(w *world) *peer {
		p := w.connect()
		wantCode(w.tb, "presenting a token that nobody registered", p.show(w.makeToken(cast()["alice"], token.Options{Account: true})), fault.BadToken)
		return p
	}},
	{"old login", func(w *world) *peer { // the passphrase was changed by another connection
		p := w.loginAs(cast()["alice"])
		changed := *cast()["bob"]
		changed.vault = withLocksOf(w.tb, cast()["alice"].vault, changed.vault)
		check(w.tb, w.loginAs(cast()["alice"]).done(&pb.Request_PutUser{PutUser: &pb.PutUser{Vault: changed.vault.Proto()}}))
		return p
	}},
	{"failed login", func(w *world) *peer { // after a good one on the same connection
		p := w.loginAs(cast()["alice"])
		_, err := p.send(p.loginRequest(cast()["alice"].name, cast()["bob"].passphrase))
		wantCode(w.tb, "logging in with another's passphrase", err, fault.LoginFailed)
		return p
	}},
}

// TestRights tries every request in every standing.
func TestRights(t *testing.T) {
	const yes = fault.Code("")
	needs := fault.NeedsLogin
	alice, mallory := cast()["alice"], cast()["mallory"]
	requests := []struct {
		name string
		send func(*world, *peer) error
		want []fault.Code // by who
	}{
		{"Look", func(_ *world, p *peer) error { _, err := p.lookAt("alice@example.com", 0); return err },
			[]fault.Code{yes, yes, yes, yes, yes, yes, yes, yes, yes, yes}},
		{"GetStretch", func(_ *world, p *peer) error {
			_, err := p.stretch("alice@example.com", accountpb.Lock_KIND_PASSPHRASE)
			return err
		}, []fault.Code{yes, yes, yes, yes, yes, yes, yes, yes, yes, yes}},
		{"CheckToken", func(w *world, p *peer) error {
			_, err := p.holds(w.makeToken(alice, token.Options{Account: true}))
			return err
		}, []fault.Code{yes, yes, yes, yes, yes, yes, yes, yes, yes, yes}},
		{"CreateUser", func(_ *world, p *peer) error {
			return p.done(&pb.Request_CreateUser{CreateUser: mallory.createUser()})
		}, []fault.Code{yes, yes, yes, yes, yes, yes, yes, yes, yes, yes}},
		{"GetUser", func(_ *world, p *peer) error { _, err := p.details(); return err },
			[]fault.Code{needs, yes, yes, yes, needs, fault.TokenRevoked, fault.TokenExpired, needs, needs, needs}},
		{"PutUser", func(_ *world, p *peer) error {
			return p.done(&pb.Request_PutUser{PutUser: &pb.PutUser{Vault: alice.vault.Proto()}})
		}, []fault.Code{needs, yes, yes, needs, needs, needs, needs, needs, needs, needs}},
		{"SetTotp", func(_ *world, p *peer) error {
			return p.done(&pb.Request_SetTotp{SetTotp: &pb.SetTotp{}}) // ends what is not on
		}, []fault.Code{needs, yes, needs, needs, needs, needs, needs, needs, needs, needs}},
		{"PutGroup", func(w *world, p *peer) error {
			signed, roster, err := group.Create("writers", alice.name, alice.id.Read.Public(), w.now())
			check(w.tb, err)
			return p.done(&pb.Request_PutGroup{PutGroup: &pb.PutGroup{Statement: signed.Proto(), Roster: roster}})
		}, []fault.Code{needs, yes, yes, yes, needs, fault.TokenRevoked, fault.TokenExpired, needs, needs, needs}},
		{"GetGroup", func(_ *world, p *peer) error {
			return faultOf(p.ask(&pb.Request{Ask: &pb.Request_GetGroup{GetGroup: &pb.GetGroup{Name: "nogroup"}}}))
		}, []fault.Code{needs, fault.NotFound, fault.NotFound, fault.NotFound, needs, fault.TokenRevoked, fault.TokenExpired, needs, needs, needs}},
		{"RegisterToken", func(w *world, p *peer) error {
			made := w.makeToken(alice, token.Options{Account: true})
			return p.done(&pb.Request_RegisterToken{RegisterToken: &pb.RegisterToken{Delegation: made.Signed.Proto()}})
		}, []fault.Code{needs, yes, yes, needs, needs, needs, needs, needs, needs, needs}},
		{"RevokeToken", func(_ *world, p *peer) error {
			return p.done(&pb.Request_RevokeToken{RevokeToken: &pb.RevokeToken{TokenId: make([]byte, 16)}})
		}, []fault.Code{needs, fault.NotFound, fault.NotFound, fault.NotFound, needs, fault.TokenRevoked, fault.TokenExpired, needs, needs, needs}},
		{"ListTokens", func(_ *world, p *peer) error {
			return faultOf(p.ask(&pb.Request{Ask: &pb.Request_ListTokens{ListTokens: &pb.ListTokens{}}}))
		}, []fault.Code{needs, yes, yes, yes, needs, fault.TokenRevoked, fault.TokenExpired, needs, needs, needs}},
		{"nothing", func(_ *world, p *peer) error { return p.done(nil) },
			[]fault.Code{fault.Unsupported, fault.Unsupported, fault.Unsupported, fault.Unsupported, fault.Unsupported, fault.Unsupported, fault.Unsupported, fault.Unsupported, fault.Unsupported, fault.Unsupported}},
	}
	for i, standing := range who {
		for _, request := range requests {
			w := newWorld(t, "alice")
			err := request.send(w, standing.connect(w))
			if got := fault.CodeOf(err); got != request.want[i] {
				t.Errorf("%s by %s: %v; want the code %q", request.name, standing.name, err, request.want[i])
			}
		}
	}
}
