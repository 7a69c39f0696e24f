package authserver

import (
	"testing"
	"time"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/token"
)

func (p *peer) registerIt(t *token.Token) error {
	p.tb.Helper()
	return p.done(&pb.Request_RegisterToken{RegisterToken: &pb.RegisterToken{Delegation: t.Signed.Proto()}})
}

func (p *peer) revoke(id token.ID) error {
	p.tb.Helper()
	return p.done(&pb.Request_RevokeToken{RevokeToken: &pb.RevokeToken{TokenId: id[:]}})
}

func (p *peer) tokens() []*pb.TokenInfo {
	p.tb.Helper()
	reply := p.ask(&pb.Request{Ask: &pb.Request_ListTokens{ListTokens: &pb.ListTokens{}}})
	check(p.tb, faultOf(reply))
	return reply.GetTokens().Tokens
}

// refused returns why a token of a user's own does not hold, "" if it does.
func (w *world) refused(t *token.Token) string {
	w.tb.Helper()
	status, err := w.connect().holds(t)
	check(w.tb, err)
	if status.Unknown {
		w.tb.Error("the server says that it does not know the token, so another one may")
	}
	if limit := uint32(goodTokenTTL / time.Second); status.TtlSeconds > limit {
		w.tb.Errorf("the answer may be kept for %d s; want at most %d", status.TtlSeconds, limit)
	}
	return status.Refused
}

// TestStolenToken: the attack is to use a token that was stolen, when it is
// expired, when it is revoked, and when its user has taken new keys; and what was
// heard when it was shown, at any time.
func TestStolenToken(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	revoked := w.newToken(alice, token.Options{Account: true})
	short := w.newToken(alice, token.Options{Account: true, For: time.Minute})
	kept := w.newToken(alice, token.Options{Account: true, For: 48 * time.Hour})
	for _, made := range []*token.Token{revoked, short, kept} {
		if why := w.refused(made); why != "" {
			t.Fatalf("a good token is refused: %s", why)
		}
	}
	heard := w.connect().presentRequest(kept)
	wantCode(t, "what was heard on another connection", w.connect().done(&pb.Request_Present{Present: heard}), fault.BadToken)
	wrongKey := w.connect()
	m := wrongKey.presentRequest(kept)
	m.PublicKey = alice.id.Signing.Public().Bytes()
	wantCode(t, "another key than the token's", wrongKey.done(&pb.Request_Present{Present: m}), fault.BadToken)

	thief := w.connect()
	check(t, thief.show(kept))
	check(t, thief.revoke(revoked.Delegation.ID)) // a token ends others, and itself
	check(t, thief.revoke(revoked.Delegation.ID))
	w.pass(2 * time.Minute)
	w.open()
	for _, c := range []struct {
		what string
		it   *token.Token
		code fault.Code
	}{{"a revoked token", revoked, fault.TokenRevoked}, {"an expired token", short, fault.TokenExpired}} {
		if w.refused(c.it) == "" {
			t.Errorf("%s holds", c.what)
		}
		wantCode(t, c.what, w.connect().show(c.it), c.code)
	}
	if w.refused(kept) != "" {
		t.Error("the other token does not hold any more")
	}

	next := cast()["carol"].id
	advert, err := account.NextAdvert(alice.advert, alice.id, next, w.now())
	check(t, err)
	check(t, w.loginAs(alice).put(alice.vault, &advert))
	if w.refused(kept) == "" {
		t.Error("a token holds that was issued by a key that its user no longer has")
	}
	wantCode(t, "a token of the old key", w.connect().show(kept), fault.TokenRevoked)
	check(t, w.loginAs(alice).revoke(kept.Delegation.ID))
}

// TestPresentedIsNotTheRegistered: the attack is to show another statement than the
// one that is registered under its id, with another key or more rights. Only the
// user can sign it, and he may have forgotten it.
func TestPresentedIsNotTheRegistered(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	narrow := w.newToken(alice, token.Options{Chains: []token.Scope{"*"}})
	wide := w.newToken(alice, token.Options{Account: true})
	for what, c := range map[string]struct {
		registered *token.Token
		change     func(*accountpb.Delegation)
		shownWith  *token.Token
	}{
		"another key": {wide, func(d *accountpb.Delegation) { d.KeyId = narrow.Delegation.Key[:] }, narrow},
		"more rights": {narrow, func(d *accountpb.Delegation) { d.Account = true }, narrow},
	} {
		var d accountpb.Delegation
		check(t, d.UnmarshalVT(c.registered.Signed.Statement))
		c.change(&d)
		statement, err := d.MarshalVT()
		check(t, err)
		other := *c.shownWith
		other.Signed = account.Sign(keys.ForDelegation, statement, alice.id.Signing)
		other.Delegation, err = token.DelegationOf(other.Signed)
		check(t, err)
		p := w.loginAs(alice)
		wantCode(t, what, p.show(&other), fault.BadToken)
		if p.as.user != "" {
			t.Errorf("%s: the connection still acts for %s", what, p.as.user)
		}
	}
}

// TestCheckTokenOfOthers: the attack is to have a token checked under another
// user, or another issuer.
func TestCheckTokenOfOthers(t *testing.T) {
	w, alice := newWorld(t, "alice", "bob"), cast()["alice"]
	made := w.newToken(alice, token.Options{Chains: []token.Scope{"example.com/alice/*"}})
	for _, c := range []struct {
		change  func(*token.Token)
		unknown bool // and perhaps another server's
	}{
		{func(t *token.Token) { t.Delegation.User = "bob@example.com" }, true},
		{func(t *token.Token) { t.Delegation.User = "nobody-here@example.com" }, true},
		{func(t *token.Token) { t.Delegation.Issuer = cast()["bob"].id.Signing.Public() }, true},
		{func(t *token.Token) { t.Delegation.ID[3]++ }, false},
	} {
		other := *made
		c.change(&other)
		if status, err := w.connect().holds(&other); err != nil || status.Refused == "" || status.Unknown != c.unknown {
			t.Errorf("%v of %v is answered %v, %v", other.Delegation, other.Delegation.User, status, err)
		}
	}
	if w.refused(made) != "" {
		t.Error("the token itself does not hold")
	}
}

// TestRegisterToken proves whose tokens are registered, and how many.
func TestRegisterToken(t *testing.T) {
	w, alice, bob := newWorld(t, "alice", "bob"), cast()["alice"], cast()["bob"]
	p := w.loginAs(alice)
	wantCode(t, "a token of somebody else", p.registerIt(w.makeToken(bob, token.Options{Account: true})), fault.NotAuthorized)
	forged, err := token.New(bob.id.Signing, alice.name, "ws://localhost/auth", token.Options{Account: true}, w.now())
	check(t, err)
	wantCode(t, "a token that somebody else signed", p.registerIt(forged), fault.NotAuthorized)
	forged, err = token.New(alice.id.Signing, bob.name, "ws://localhost/auth", token.Options{Account: true}, w.now())
	check(t, err)
	wantCode(t, "a token that acts for somebody else", p.registerIt(forged), fault.NotAuthorized)
	old := w.makeToken(alice, token.Options{Account: true, For: time.Minute})
	w.pass(time.Hour)
	wantCode(t, "an expired token", p.registerIt(old), fault.TokenExpired)

	made := w.makeToken(alice, token.Options{Account: true, Label: "laptop"})
	check(t, p.registerIt(made))
	check(t, p.registerIt(made)) // sent again
	if list := p.tokens(); len(list) != 1 || list[0].Revoked {
		t.Errorf("the list after the same registration twice is %v", list)
	}
	check(t, p.revoke(made.Delegation.ID))
	check(t, p.registerIt(made)) // sent again: it stays revoked
	if w.refused(made) == "" {
		t.Error("registering a revoked token again brings it back")
	}
	if list := p.tokens(); len(list) != 1 || !list[0].Revoked {
		t.Errorf("the list after the end of the token is %v", list)
	}
}

// TestTokensAreBounded: the attack is to register tokens without end. Expired ones
// make room, and then revoked ones.
func TestTokensAreBounded(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	short := w.makeToken(alice, token.Options{Account: true, For: time.Minute})
	long := w.makeToken(alice, token.Options{Account: true})
	list := []*pb.TokenInfo{{Delegation: short.Signed.Encode()}}
	for range accounts.MaxTokens - 1 {
		list = append(list, &pb.TokenInfo{Delegation: long.Signed.Encode()})
	}
	p := w.loginAs(alice)
	check(t, w.store.Update(t.Context(), func(tx *accounts.Tx) error {
		tx.PutTokens(string(alice.name), list)
		return nil
	}))
	wantCode(t, "one token too many", p.registerIt(w.makeToken(alice, token.Options{Account: true})), fault.Overloaded)
	w.pass(2 * time.Minute)
	check(t, p.registerIt(w.makeToken(alice, token.Options{Account: true}))) // the short one is gone
	wantCode(t, "one token too many", p.registerIt(w.makeToken(alice, token.Options{Account: true})), fault.Overloaded)
	check(t, p.revoke(long.Delegation.ID))
	check(t, p.registerIt(w.makeToken(alice, token.Options{Account: true})))
	if n := len(p.tokens()); n != accounts.MaxTokens {
		t.Errorf("%d tokens are registered", n)
	}
	if w.refused(short) == "" { // ended, although it is listed no more
		t.Error("the expired token holds")
	}
}
