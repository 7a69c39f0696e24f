package authserver_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/authserver/authservertest"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/known"
	"github.com/atedb/atedb/sdk/token"
)

// TestAccount: a user is created, changes his passphrase and keys, and recovers.
// At each step only the newest secrets log in.
func TestAccount(t *testing.T) {
	s := start(t)
	c := dial(t, s, nil)
	created, err := c.CreateUser(soon(t), joe, passphrase, "")
	check(t, err)
	looks(t, c, joe, created.Keys)
	_, err = c.CreateUser(soon(t), joe, passphrase, "")
	wantCode(t, "a name that is taken", err, fault.Denied)

	session, err := c.Login(soon(t), joe, passphrase, nil)
	check(t, err)
	check(t, session.RotateKeys(soon(t)))
	if n := len(session.Keys()); n != 2 {
		t.Errorf("there are %d keys after new ones were made", n)
	}
	looks(t, c, joe, session.Keys()[1])
	code, err := session.ChangePassphrase(soon(t), "battery staple")
	check(t, err)
	wantCode(t, "more changes with an old vault", session.RotateKeys(soon(t)), fault.NeedsLogin)

	_, wrong := dial(t, s, nil).Login(soon(t), joe, passphrase, nil)
	wantCode(t, "the old passphrase", wrong, fault.LoginFailed)
	_, unknown := dial(t, s, nil).Login(soon(t), "nobody@example.com", passphrase, nil)
	if unknown == nil || unknown.Error() != wrong.Error() {
		t.Errorf("a user who does not exist is told from a wrong passphrase: %v, %v", unknown, wrong)
	}
	_, _, err = dial(t, s, nil).Recover(soon(t), joe, created.RecoveryCode, "x x x x x")
	wantCode(t, "the old recovery code", err, fault.LoginFailed)

	recovered, next, err := dial(t, s, nil).Recover(soon(t), joe, code, "another one")
	check(t, err)
	if next == code || len(recovered.Keys()) != 2 {
		t.Errorf("recovery gives the code %v and %d keys", next == code, len(recovered.Keys()))
	}
	again, err := dial(t, s, nil).Login(soon(t), joe, "another one", nil)
	check(t, err)
	details, err := again.Details(soon(t))
	if err != nil || details.Name != joe || details.Advert.Number != 1 || details.TOTP || time.Since(details.Created) > time.Minute {
		t.Errorf("the details are %+v, %v", details, err)
	}
}

// TestTOTP: with time-based codes a login needs one that was not used, also after
// a new passphrase.
func TestTOTP(t *testing.T) {
	s := start(t)
	session := create(t, s, joe)
	secret := authserver.NewTOTPSecret()
	wantCode(t, "a false code", session.EnableTOTP(soon(t), secret, "000000x"), fault.LoginFailed)
	now := time.Now()
	check(t, session.EnableTOTP(soon(t), secret, authservertest.Code(secret, now)))

	_, err := dial(t, s, nil).Login(soon(t), joe, passphrase, nil)
	wantCode(t, "no code", err, fault.LoginFailed)
	gives := func(code string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return code, nil }
	}
	_, err = dial(t, s, nil).Login(soon(t), joe, passphrase, gives(authservertest.Code(secret, now)))
	wantCode(t, "a code that was used", err, fault.LoginFailed)
	session, err = dial(t, s, nil).Login(soon(t), joe, passphrase, gives(authservertest.Code(secret, now.Add(30*time.Second))))
	check(t, err)
	details, err := session.Details(soon(t))
	if err != nil || !details.TOTP {
		t.Errorf("the details are %+v, %v", details, err)
	}
	// A new passphrase keeps the secret: a code is asked for still.
	_, err = session.ChangePassphrase(soon(t), "battery staple")
	check(t, err)
	asked := false
	_, err = dial(t, s, nil).Login(soon(t), joe, "battery staple", func(context.Context) (string, error) {
		asked = true
		return "123456", nil
	})
	if !fault.Is(err, fault.LoginFailed) || !asked {
		t.Errorf("after a new passphrase: %v; a code was asked for: %v", err, asked)
	}
}

// TestTOTPURL compares the URL with the form that authenticator programs read.
func TestTOTPURL(t *testing.T) {
	got := authserver.TOTPURL(joe, bytes.Repeat([]byte{1}, 20))
	if want := "otpauth://totp/AteDB:joe@example.com?secret=AEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIB&issuer=AteDB&algorithm=SHA1&digits=6&period=30"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestGroups: an owner makes a group, adds and removes; who was removed has
// neither the group nor its new keys.
func TestGroups(t *testing.T) {
	s := start(t)
	his, hers := create(t, s, joe), create(t, s, ann)
	made, err := his.CreateGroup(soon(t), "engineers")
	check(t, err)
	_, err = hers.Group(soon(t), "engineers")
	wantCode(t, "an outsider", err, fault.NotFound)
	_, err = his.AddMember(soon(t), "engineers", ann, group.Delegate)
	check(t, err)
	seen, err := hers.Group(soon(t), "engineers")
	check(t, err)
	if seen.Role != group.Delegate || seen.Keys(group.Delegate)[0].ID() != made.Keys(group.Delegate)[0].ID() || len(seen.Keys(group.Owner)) > 0 {
		t.Errorf("the delegate sees %v", seen)
	}
	_, err = hers.RemoveMember(soon(t), "engineers", joe)
	wantCode(t, "a delegate against an owner", err, fault.NotAuthorized)
	details, err := hers.Details(soon(t))
	if err != nil || fmt.Sprint(details.Groups) != "[engineers]" {
		t.Errorf("her groups are %v, %v", details.Groups, err)
	}
	// She takes new keys; her old read key still opens what was sealed to it.
	check(t, hers.RotateKeys(soon(t)))
	_, err = hers.Group(soon(t), "engineers")
	check(t, err)

	after, err := his.RemoveMember(soon(t), "engineers", ann)
	check(t, err)
	_, err = hers.Group(soon(t), "engineers")
	wantCode(t, "who was removed", err, fault.NotFound)
	public, err := hers.LookGroup(soon(t), "engineers")
	check(t, err)
	if public.Number != 2 || public.Delegate.Key.ID() != after.Keys(group.Delegate)[0].ID() || public.Delegate.Key.ID() == seen.Keys(group.Delegate)[0].ID() {
		t.Error("the delegates' key is the old one")
	}
}

// TestSubstitutedGroup: a server shows a member a group that is not the one of its
// log, or others a group that no owner made.
func TestSubstitutedGroup(t *testing.T) {
	s := start(t)
	his, hers := create(t, s, joe), create(t, s, ann)
	_, err := his.CreateGroup(soon(t), "engineers")
	check(t, err)
	_, err = his.Group(soon(t), "engineers")
	check(t, err)
	_, err = hers.CreateGroup(soon(t), "others")
	check(t, err)
	forged, forgedRoster, err := group.Create("engineers", joe, his.Keys()[0].Read.Public(), time.Now())
	check(t, err)
	s.SetFaults(authservertest.Faults{Answer: func(_ *authserverpb.Request, reply *authserverpb.Reply) {
		if g := reply.GetGroup(); g != nil {
			g.Statement, g.Roster = forged.Proto(), forgedRoster
		}
	}})
	if _, err = his.Group(soon(t), "engineers"); err == nil {
		t.Error("a group was taken that is not the one of the log")
	}
	s.Put(authserver.GroupKey("engineers"), forged.Encode())
	_, err = his.Group(soon(t), "engineers")
	wantCode(t, "a forged group in the log", err, fault.Forked)
	_, err = his.LookGroup(soon(t), "engineers")
	wantCode(t, "a forged group in the log", err, fault.Forked)
}

// TestTokens: a token acts within its rights until it is revoked or the user's
// keys change.
func TestTokens(t *testing.T) {
	s := start(t)
	session := create(t, s, joe)
	issue := func(o token.Options) *token.Token {
		t.Helper()
		issued, err := session.IssueToken(soon(t), o)
		check(t, err)
		return issued
	}
	holds := func(issued *token.Token, want bool) {
		t.Helper()
		d := issued.Delegation
		got, err := dial(t, s, nil).CheckToken(soon(t), d.User, d.ID, d.Issuer.ID())
		if err != nil || (got.Refused == "") != want || got.Unknown || got.TTL != 30*time.Second {
			t.Errorf("the token is answered %+v, %v; want it to hold: %v", got, err, want)
		}
	}
	full := issue(token.Options{Account: true, Chains: []token.Scope{"example.com/joe/*"}, Label: "laptop"})
	narrow := issue(token.Options{Chains: []token.Scope{"example.com/joe/a"}})
	holds(full, true)
	holds(narrow, true)
	if parsed, err := authserver.ParseURL(full.Server); err != nil || parsed.Fingerprint != s.Fingerprint().String() {
		t.Errorf("the token names the server %s, %v", full.Server, err)
	}

	with, err := dial(t, s, nil).Present(soon(t), full, session.Keys()[0].Read)
	check(t, err)
	_, err = with.CreateGroup(soon(t), "engineers")
	check(t, err)
	list, err := with.Tokens(soon(t))
	if err != nil || len(list) != 2 {
		t.Errorf("there are %d tokens, %v", len(list), err)
	}
	_, err = with.IssueToken(soon(t), token.Options{Account: true})
	wantCode(t, "a token that gives out another", err, fault.NeedsLogin)
	_, err = with.ChangePassphrase(soon(t), "battery staple")
	wantCode(t, "a token that changes the passphrase", err, fault.NeedsLogin)
	_, err = dial(t, s, nil).Present(soon(t), narrow)
	wantCode(t, "a token for chains alone", err, fault.NotAuthorized)

	check(t, with.RevokeToken(soon(t), narrow.Delegation.ID))
	holds(narrow, false)
	check(t, session.RotateKeys(soon(t)))
	holds(full, false)
	_, err = dial(t, s, nil).Present(soon(t), full)
	wantCode(t, "a token of keys before", err, fault.TokenRevoked)
}

// TestFalseVault: a server gives the vault of a user's old keys, or of somebody
// else, at a login.
func TestFalseVault(t *testing.T) {
	s := start(t)
	session := create(t, s, joe)
	create(t, s, ann)
	var old, hers *authserverpb.LoggedIn
	s.SetFaults(authservertest.Faults{Answer: func(r *authserverpb.Request, reply *authserverpb.Reply) {
		if in := reply.GetLoggedIn(); in != nil && r.GetLogin().Name == joe.String() {
			old = in
		} else if in != nil {
			hers = in
		}
	}})
	for _, name := range []account.Name{joe, ann} {
		_, err := dial(t, s, nil).Login(soon(t), name, passphrase, nil)
		check(t, err)
	}
	check(t, session.RotateKeys(soon(t)))
	for attack, answer := range map[string]*authserverpb.LoggedIn{"an old vault": old, "another's vault": hers, "no vault": {}} {
		s.SetFaults(authservertest.Faults{Answer: func(_ *authserverpb.Request, reply *authserverpb.Reply) {
			if reply.GetLoggedIn() != nil {
				reply.Answer = &authserverpb.Reply_LoggedIn{LoggedIn: answer}
			}
		}})
		if _, err := dial(t, s, nil).Login(soon(t), joe, passphrase, nil); err == nil {
			t.Errorf("%s was taken", attack)
		}
	}
}

// TestCheapStretch: a server that asks for a cheap stretch, to guess the
// passphrase from what it is told, is refused before anything is signed.
func TestCheapStretch(t *testing.T) {
	s := start(t)
	logins := 0
	s.SetFaults(authservertest.Faults{Answer: func(r *authserverpb.Request, reply *authserverpb.Reply) {
		if stretch := reply.GetStretch(); stretch != nil {
			stretch.Memory = 8
		}
		if r.GetLogin() != nil {
			logins++
		}
	}})
	_, err := dial(t, s, nil).Login(soon(t), joe, passphrase, nil)
	if !fault.Is(err, fault.BadRequest) || logins > 0 {
		t.Errorf("logging in: %v, after %d logins", err, logins)
	}
}

// TestWhichServer: a client believes the server that is pinned, and no other.
func TestWhichServer(t *testing.T) {
	s := start(t)
	_, err := authserver.Dial(soon(t), s.URL(), authserver.Options{})
	wantCode(t, "an unknown server", err, fault.UnknownServer)
	if !strings.Contains(err.Error(), s.Fingerprint().String()) {
		t.Errorf("%v does not name the fingerprint", err)
	}
	_, err = authserver.Dial(soon(t), s.URL()+"#fp="+identity.Fingerprint{1}.String(), authserver.Options{})
	wantCode(t, "another server", err, fault.WrongServer)

	memory := new(known.Memory)
	trusting := authserver.Options{Hosts: memory, OnUnknownServer: func(string, identity.Fingerprint) bool { return true }}
	c, err := authserver.Dial(soon(t), s.URL(), trusting)
	check(t, err)
	_, err = c.LookUser(soon(t), joe)
	wantCode(t, "nobody", err, fault.NotFound)
	c.Close()
	c, err = authserver.Dial(soon(t), s.URL(), authserver.Options{Hosts: memory})
	check(t, err)
	c.Close()
	check(t, memory.Pin(known.Host{Name: "x:1", Fingerprint: s.Fingerprint()}))
}

// TestNoLoginInClear: on a connection that anybody could be in the middle of, a
// client neither logs in nor shows a token.
func TestNoLoginInClear(t *testing.T) {
	s, err := authservertest.Start(authservertest.Options{})
	check(t, err)
	defer s.Close()
	c, err := authserver.Dial(soon(t), s.URL(), authserver.Options{})
	check(t, err)
	defer c.Close()
	if c.Server().Encryption != 0 {
		t.Fatal("the connection is encrypted")
	}
	_, err = c.Login(soon(t), joe, passphrase, nil)
	wantCode(t, "a login", err, fault.WrongServer)
	_, err = c.CreateUser(soon(t), joe, passphrase, "")
	wantCode(t, "a new user", err, fault.WrongServer)
	issued, err := token.New(identityOf(joe), joe, "ws://x/auth", token.Options{Account: true}, time.Now())
	check(t, err)
	_, err = c.Present(soon(t), issued)
	wantCode(t, "a token", err, fault.WrongServer)
}
