package token

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
)

// A delegation says what its token was made for.
func TestNew(t *testing.T) {
	token := newToken(t, Options{Chains: []Scope{"example.com/joe/*", "engineers/mydb"}, Account: true, Label: "laptop"})
	d, err := ParseDelegation(token.Signed.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if d.User != joe || d.Issuer.ID() != signingKey(1).Public().ID() || d.Key != token.Signing.Public().ID() || !d.Account || d.Label != "laptop" ||
		!d.NotBefore.Equal(testTime.Add(-Skew)) || !d.Expires.Equal(testTime.Add(DefaultLife)) || len(d.Chains) != 2 || d.ID != token.Delegation.ID {
		t.Errorf("it says %+v", d)
	}
	if !d.Covers("example.com/joe/mydb") || !d.Covers("engineers/mydb") || d.Covers("engineers/other") || d.Covers("example.com/ann/mydb") {
		t.Error("it covers other chains")
	}
	if other := newToken(t, Options{Account: true}); other.Delegation.ID == d.ID || other.Delegation.Key == d.Key {
		t.Error("two tokens have one id, or one key")
	}
	if id, err := ParseID(d.ID.String()); err != nil || id != d.ID {
		t.Errorf("its id in text: %v", err)
	}
	for what, text := range map[string]string{"nothing": "", "short": "00", "no hexadecimal": strings.Repeat("x", 32)} {
		_, err := ParseID(text)
		wantCode(t, what, err, fault.BadRequest)
	}
}

func TestNewRefuses(t *testing.T) {
	scopes := make([]Scope, MaxScopes+1)
	for i := range scopes {
		scopes[i] = "*"
	}
	for what, o := range map[string]Options{
		"for nothing":     {},
		"for too long":    {Account: true, For: MaxLife + time.Second},
		"for no time":     {Account: true, For: -time.Hour},
		"many scopes":     {Chains: scopes},
		"a scope of none": {Chains: []Scope{""}},
		"a long label":    {Account: true, Label: strings.Repeat("x", MaxLabel+1)},
		"two lines":       {Account: true, Label: "a\nb"},
	} {
		_, err := New(signingKey(1), joe, testServer, o, testTime)
		wantCode(t, what, err, fault.BadRequest)
	}
	for what, server := range map[string]string{"no server": "", "a long one": strings.Repeat("x", MaxServer+1), "a space": "ws://a b", "a line break": "ws://a\n"} {
		_, err := New(signingKey(1), joe, server, Options{Account: true}, testTime)
		wantCode(t, what, err, fault.BadRequest)
	}
	if _, err := New(signingKey(1), joe, testServer, Options{Chains: scopes[1:], For: MaxLife}, testTime); err != nil {
		t.Error(err)
	}
	longest, err := ParseScope(strings.Repeat("a", 381) + "*")
	for i := range scopes {
		scopes[i] = longest
	}
	if token, newErr := New(signingKey(1), joe, testServer, Options{Chains: scopes[1:], Label: strings.Repeat("x", MaxLabel)}, testTime); err != nil || newErr != nil {
		t.Error(err, newErr)
	} else if _, err := Parse(token.Text()); err != nil {
		t.Errorf("the largest: %v", err)
	}
}

// A token acts from when it was made, or 5 minutes before for clocks that are
// late, until it expires.
func TestCheckTimes(t *testing.T) {
	d := newToken(t, Options{Account: true, For: time.Hour}).Delegation
	for _, c := range []struct {
		what string
		at   time.Duration
		code fault.Code
	}{
		{"now", 0, ""}, {"a clock that is late", -Skew, ""}, {"the last second", time.Hour - time.Nanosecond, ""},
		{"not yet valid", -Skew - time.Nanosecond, fault.TokenExpired}, {"expired", time.Hour, fault.TokenExpired}, {"long expired", 1000 * time.Hour, fault.TokenExpired},
	} {
		wantCode(t, c.what, d.Check(testTime.Add(c.at)), c.code)
	}
	wantCode(t, "no delegation", Delegation{}.Check(testTime), fault.TokenExpired)
}

// Who holds a token, and wants more from it.
func TestParseDelegationRefusesAttacks(t *testing.T) {
	token := newToken(t, Options{Chains: []Scope{"example.com/joe/mydb"}})
	issuer, evil := signingKey(1), signingKey(7)
	keep := func(*accountpb.Delegation) {}
	widen := func(m *accountpb.Delegation) { m.Chains = []string{"*"} }
	under := func(edit func(m *accountpb.Delegation)) account.Signed {
		return account.Signed{Statement: forge(t, token, edit, evil).Statement, Signatures: token.Signed.Signatures}
	}
	for _, c := range []struct {
		attack string
		signed account.Signed
	}{
		{"token scope widened", under(widen)},
		{"token scope widened, signed by the token itself", forge(t, token, widen, token.Signing)},
		{"account scope added", under(func(m *accountpb.Delegation) { m.Account = true })},
		{"life prolonged", under(func(m *accountpb.Delegation) { m.Expires += 3600 })},
		{"another key", under(func(m *accountpb.Delegation) { id := evil.Public().ID(); m.KeyId = id[:] })},
		{"another user", under(func(m *accountpb.Delegation) { m.User = "ann@example.com" })},
		{"another id, after a revocation", under(func(m *accountpb.Delegation) { m.Id[0] ^= 1 })},
		{"of another issuer under this one's name", forge(t, token, keep, evil)},
		{"signed by another as well", forge(t, token, keep, issuer, evil)},
		{"signed for another purpose", account.Sign(keys.ForAdvert, token.Signed.Statement, issuer)},
		{"an advert", account.FirstAdvert(joe, &keys.Identity{Signing: issuer, Read: keys.NewReadKey()}, testTime)},
		{"not signed", account.Signed{Statement: token.Signed.Statement}},
		{"nothing", account.Signed{}},
		{"a field of a later version", account.Sign(keys.ForDelegation, append(bytes.Clone(token.Signed.Statement), 12<<3, 1), issuer)},
		{"a short id", forge(t, token, func(m *accountpb.Delegation) { m.Id = m.Id[1:] }, issuer)},
		{"a short key's id", forge(t, token, func(m *accountpb.Delegation) { m.KeyId = nil }, issuer)},
		{"a bad user", forge(t, token, func(m *accountpb.Delegation) { m.User = "joe" }, issuer)},
		{"no issuer", forge(t, token, func(m *accountpb.Delegation) { m.Issuer = nil }, issuer)},
		{"over 90 days", forge(t, token, func(m *accountpb.Delegation) { m.Expires = m.NotBefore + 90*86400 + 301 }, issuer)},
		{"ends before it begins", forge(t, token, func(m *accountpb.Delegation) { m.Expires = m.NotBefore }, issuer)},
		{"before 1970", forge(t, token, func(m *accountpb.Delegation) { m.NotBefore = -1 }, issuer)},
		{"beyond all texts", forge(t, token, func(m *accountpb.Delegation) { m.Expires = 1 << 62 }, issuer)},
		{"for nothing", forge(t, token, func(m *accountpb.Delegation) { m.Chains = nil }, issuer)},
		{"a scope that is none", forge(t, token, func(m *accountpb.Delegation) { m.Chains[0] = "a" }, issuer)},
		{"many scopes", forge(t, token, func(m *accountpb.Delegation) { m.Chains = strings.Split(strings.Repeat("* ", MaxScopes)+"*", " ") }, issuer)},
		{"a label of two lines", forge(t, token, func(m *accountpb.Delegation) { m.Label = "a\nb" }, issuer)},
		{"too large", account.Signed{Statement: make([]byte, account.MaxStatement+1)}},
	} {
		_, err := DelegationOf(c.signed)
		wantCode(t, c.attack, err, fault.BadToken)
		_, err = ParseDelegation(c.signed.Encode())
		wantCode(t, c.attack+", encoded", err, fault.BadToken)
	}
	// Of another issuer who says so, the delegation is good: whose key it is, the
	// one who asks compares.
	d, err := DelegationOf(forge(t, token, func(m *accountpb.Delegation) { m.Issuer = evil.Public().Bytes() }, evil))
	if err != nil || d.Issuer.ID() == issuer.Public().ID() {
		t.Errorf("token of another issuer: %v", err)
	}
}

// A token that is shown is good for one connection to one server.
func TestPresent(t *testing.T) {
	token, other := newToken(t, Options{Account: true}), newToken(t, Options{Account: true})
	d, public := token.Delegation, token.Signing.Public().Bytes()
	binding, server := bytes.Repeat([]byte{1}, account.BindingSize), identity.Fingerprint{1}
	good := token.SignPresent(binding, server)
	if err := VerifyPresent(d, public, binding, server, good); err != nil {
		t.Fatal(err)
	}
	wider, err := DelegationOf(forge(t, token, func(m *accountpb.Delegation) { m.Chains = []string{"*"} }, signingKey(1)))
	if err != nil {
		t.Fatal(err)
	}
	login := append([]byte{1}, d.presentMessage(binding, server)[1:]...)
	for _, c := range []struct {
		attack string
		err    error
	}{
		{"replayed on another connection", VerifyPresent(d, public, bytes.Repeat([]byte{2}, account.BindingSize), server, good)},
		{"replayed at another server", VerifyPresent(d, public, binding, identity.Fingerprint{2}, good)},
		{"with another delegation of the key", VerifyPresent(wider, public, binding, server, good)},
		{"with another token's delegation", VerifyPresent(other.Delegation, public, binding, server, good)},
		{"with another token's key", VerifyPresent(d, other.Signing.Public().Bytes(), binding, server, other.SignPresent(binding, server))},
		{"with another token's signature", VerifyPresent(d, public, binding, server, other.SignPresent(binding, server))},
		{"a login's message", VerifyPresent(d, public, binding, server, token.Signing.Sign(keys.ForLogin, login))},
		{"signed for another purpose", VerifyPresent(d, public, binding, server, token.Signing.Sign(keys.ForProof, d.presentMessage(binding, server)))},
		{"no signature", VerifyPresent(d, public, binding, server, nil)},
		{"no key", VerifyPresent(d, nil, binding, server, good)},
		{"no binding", VerifyPresent(d, public, nil, server, token.SignPresent(nil, server))},
	} {
		wantCode(t, c.attack, c.err, fault.BadToken)
	}
	if got := d.presentMessage(binding, server); len(got) != 97 || got[0] != 2 || !bytes.Equal(got[1:33], binding) || !bytes.Equal(got[33:65], server[:]) || !bytes.Equal(got[65:], d.statement[:]) {
		t.Errorf("the message is %x", got)
	}
}

func FuzzParseDelegation(f *testing.F) {
	token := newToken(f, Options{Chains: []Scope{"example.com/joe/*"}, Account: true, Label: "x"})
	f.Add(token.Signed.Encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		d, err := ParseDelegation(encoded)
		if err == nil && d.Issuer.ID() != signingKey(1).Public().ID() {
			t.Errorf("a delegation that nobody signed: %v", d)
		}
		if code := fault.CodeOf(err); err != nil && code != fault.BadToken {
			t.Errorf("refused with %v", err)
		}
	})
}

// The decoder behind the signature, which fuzzing does not get past.
func FuzzDelegationFields(f *testing.F) {
	token := newToken(f, Options{Chains: []Scope{"example.com/joe/*"}, Account: true, Label: "x"})
	f.Add(token.Signed.Statement)
	f.Fuzz(func(t *testing.T, statement []byte) {
		m := new(accountpb.Delegation)
		if len(statement) > account.MaxStatement || m.UnmarshalVT(statement) != nil {
			return
		}
		d, err := delegationOf(m)
		if err == nil && d.check() == nil && d.Expires.Sub(d.NotBefore) > MaxLife+Skew {
			t.Errorf("it lives from %s to %s", d.NotBefore, d.Expires)
		}
	})
}
