package group

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

const testGroup = "engineers"

var testTime = time.UnixMilli(1_700_000_000_123).UTC()

// The users of the tests are called after their roles.
const (
	owner       = account.Name("owner@example.com")
	otherOwner  = account.Name("owner2@example.com")
	delegate    = account.Name("delegate@example.com")
	otherDeleg  = account.Name("delegate2@example.com")
	contributor = account.Name("contributor@example.com")
	observer    = account.Name("observer@example.com")
	stranger    = account.Name("stranger@example.com")
)

// readKey returns the read key of a user, which his name gives.
func readKey(user account.Name) *keys.ReadKey {
	seed := sha256.Sum256([]byte(user))
	k, err := keys.ReadKeyFromSeed(seed[:])
	if err != nil {
		panic(err)
	}
	return k
}

// state is a group at one time.
type state struct {
	signed account.Signed
	roster []byte
}

// change is what makes the next state of a group: what Add and Remove return.
type change func(m *Membership) (account.Signed, []byte, error)

func add(user account.Name, r Role) change {
	return func(m *Membership) (account.Signed, []byte, error) {
		return m.Add(user, readKey(user).Public(), r, testTime)
	}
}

func remove(user account.Name) change {
	return func(m *Membership) (account.Signed, []byte, error) { return m.Remove(user, testTime) }
}

func (s state) open(t testing.TB, user account.Name) *Membership {
	t.Helper()
	m, err := Open(s.signed, s.roster, user, readKey(user))
	if err != nil {
		t.Fatalf("%s: %v", user, err)
	}
	return m
}

// next has a member change the group, and a server check it.
func (s state) next(t testing.TB, by account.Name, c change) state {
	t.Helper()
	signed, roster, err := c(s.open(t, by))
	if err != nil {
		t.Fatalf("%s: %v", by, err)
	}
	n := state{signed, roster}
	if err := s.check(n); err != nil {
		t.Fatalf("%s: %v", by, err)
	}
	return n
}

func (s state) check(n state) error {
	_, err := Check(&s.signed, s.roster, n.signed, n.roster)
	return err
}

// team is a group with two owners, two delegates, a contributor and an observer.
var team = sync.OnceValue(func() state {
	t := new(testing.T)
	signed, roster, err := Create(testGroup, owner, readKey(owner).Public(), testTime)
	if err != nil {
		panic(err)
	}
	s := state{signed, roster}
	if _, err := Check(nil, nil, signed, roster); err != nil {
		panic(err)
	}
	for _, c := range []change{
		add(otherOwner, Owner), add(delegate, Delegate), add(otherDeleg, Delegate), add(contributor, Contributor), add(observer, Observer),
	} {
		s = s.next(t, owner, c)
	}
	return s
})

// forge returns a draft of a change that a member makes whatever he may do. The
// change has its own copy of the members.
func forge(m *Membership, rotated Role, edit func(r *Roster)) change {
	return func(*Membership) (account.Signed, []byte, error) {
		d := draft{from: m, roster: m.Roster, rotated: rotated}
		d.roster.Members = append([]Member(nil), m.Roster.Members...)
		edit(&d.roster)
		return d.finish(testTime)
	}
}

// resign returns the state with another statement, or roster, signed by these.
func (s state) resign(t testing.TB, editStatement func(*accountpb.GroupStatement), editRoster func(*accountpb.Roster), signers ...*keys.SigningKey) state {
	t.Helper()
	m, r := new(accountpb.GroupStatement), new(accountpb.Roster)
	if err := m.UnmarshalVT(s.signed.Statement); err != nil {
		t.Fatal(err)
	}
	if err := r.UnmarshalVT(s.roster); err != nil {
		t.Fatal(err)
	}
	editRoster(r)
	roster, err := r.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(roster)
	m.Roster = hash[:]
	editStatement(m)
	statement, err := m.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	return state{account.Sign(keys.ForGroup, statement, signers...), roster}
}

func keepStatement(*accountpb.GroupStatement) {}
func keepRoster(*accountpb.Roster)            {}

// find returns a user's entry in a roster.
func find(r *accountpb.Roster, user account.Name) *accountpb.Member {
	for _, m := range r.Members {
		if m.User == string(user) {
			return m
		}
	}
	panic("no member " + string(user))
}

func (s state) key(t testing.TB, user account.Name, r Role) *keys.SigningKey {
	t.Helper()
	return s.open(t, user).Keys(r)[0].Signing
}

func wantCode(t testing.TB, what string, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("%s: got %v, want code %q", what, err, code)
	}
}

func wantError(t testing.TB, what string, err error, code fault.Code, part string) {
	t.Helper()
	wantCode(t, what, err, code)
	if err != nil && !strings.Contains(err.Error(), part) {
		t.Errorf("%s: %q does not say %q", what, err, part)
	}
}

// generations returns the newest generations of the roles, such as "1 2 2 3".
func (s state) generations(t testing.TB) string {
	t.Helper()
	parsed, err := ParseStatement(s.signed)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(parsed.Generation(Owner), parsed.Generation(Delegate), parsed.Generation(Contributor), parsed.Generation(Observer))
}

func sameSeed(a, b Key) bool { return bytes.Equal(a.seed(), b.seed()) }
