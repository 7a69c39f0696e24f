package group

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

func TestParseStatementRefuses(t *testing.T) {
	s := team()
	key := s.key(t, owner, Owner)
	edit := func(f func(m *accountpb.GroupStatement)) account.Signed {
		return s.resign(t, f, keepRoster, key).signed
	}
	for _, c := range []struct {
		what   string
		signed account.Signed
		code   fault.Code
	}{
		{"nothing", account.Signed{}, fault.BadName},
		{"too large", account.Signed{Statement: make([]byte, MaxStatement+1)}, fault.TooLarge},
		{"a field of a later version", account.Sign(keys.ForGroup, append(bytes.Clone(s.signed.Statement), 10<<3, 1), key), fault.BadRequest},
		{"a user's name", edit(func(m *accountpb.GroupStatement) { m.Name = "joe@example.com" }), fault.BadName},
		{"a path", edit(func(m *accountpb.GroupStatement) { m.Name = "a/b" }), fault.BadName},
		{"a dot", edit(func(m *accountpb.GroupStatement) { m.Name = "a.b" }), fault.BadName},
		{"no predecessor", edit(func(m *accountpb.GroupStatement) { m.Previous = nil }), fault.BadRequest},
		{"no roster", edit(func(m *accountpb.GroupStatement) { m.Roster = nil }), fault.BadRequest},
		{"a time out of range", edit(func(m *accountpb.GroupStatement) { m.Created = -1 }), fault.BadRequest},
		{"no owners' key", edit(func(m *accountpb.GroupStatement) { m.Owner = nil }), fault.BadRequest},
		{"no observers' key", edit(func(m *accountpb.GroupStatement) { m.Observer = nil }), fault.BadRequest},
		{"a signing key for observers", edit(func(m *accountpb.GroupStatement) { m.Observer.PublicKey = m.Owner.PublicKey }), fault.BadRequest},
		{"generation 0", edit(func(m *accountpb.GroupStatement) { m.Contributor.Generation = 0 }), fault.BadRequest},
		{"a changed byte", account.Signed{Statement: edit(func(m *accountpb.GroupStatement) { m.Created++ }).Statement, Signatures: s.signed.Signatures}, fault.NotAuthorized},
	} {
		_, err := ParseStatement(c.signed)
		wantCode(t, c.what, err, c.code)
	}
}

func TestParseRosterRefuses(t *testing.T) {
	edit := func(f func(r *accountpb.Roster)) []byte {
		r := new(accountpb.Roster)
		if err := r.UnmarshalVT(team().roster); err != nil {
			t.Fatal(err)
		}
		f(r)
		b, err := r.MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		what    string
		encoded []byte
		code    fault.Code
	}{
		{"nothing", nil, fault.BadName},
		{"too large", make([]byte, MaxRoster+1), fault.TooLarge},
		{"cut off", team().roster[:3000], fault.BadRequest},
		{"a field of a later version", append(bytes.Clone(team().roster), 10<<3, 1), fault.BadRequest},
		{"a bad name", edit(func(r *accountpb.Roster) { r.Group = "a/b" }), fault.BadName},
		{"no members", edit(func(r *accountpb.Roster) { r.Members = nil }), fault.BadRequest},
		{"out of order", edit(func(r *accountpb.Roster) { r.Members[0], r.Members[1] = r.Members[1], r.Members[0] }), fault.BadRequest},
		{"a member twice", edit(func(r *accountpb.Roster) { r.Members[1] = r.Members[0] }), fault.BadRequest},
		{"a bad user", edit(func(r *accountpb.Roster) { r.Members[0].User = "a/../b@example.com" }), fault.BadName},
		{"no role", edit(func(r *accountpb.Roster) { r.Members[0].Role = 0 }), fault.BadRequest},
		{"a role of a later version", edit(func(r *accountpb.Roster) { r.Members[0].Role = 5 }), fault.BadRequest},
		{"no read key", edit(func(r *accountpb.Roster) { r.Members[0].ReadKey = nil }), fault.BadRequest},
		{"short keys", edit(func(r *accountpb.Roster) { r.Members[0].Keys = make([]byte, encapsulatedSize+hpkeTagSize) }), fault.BadRequest},
		{"long keys", edit(func(r *accountpb.Roster) { r.Members[0].Keys = make([]byte, maxKeys+1) }), fault.BadRequest},
		{"no secrets of owners", edit(func(r *accountpb.Roster) { r.Owner = nil }), fault.BadRequest},
		{"nothing below delegates", edit(func(r *accountpb.Roster) { r.Delegate.Below = nil }), fault.BadRequest},
		{"much below delegates", edit(func(r *accountpb.Roster) { r.Delegate.Below = make([]byte, 1000) }), fault.BadRequest},
		{"something below observers", edit(func(r *accountpb.Roster) { r.Observer.Below = make([]byte, 100) }), fault.BadRequest},
		{"short older keys", edit(func(r *accountpb.Roster) { r.Owner.Older = []byte{1} }), fault.BadRequest},
		{"long older keys", edit(func(r *accountpb.Roster) { r.Owner.Older = make([]byte, maxKeychain+1) }), fault.BadRequest},
	} {
		_, err := ParseRoster(c.encoded)
		wantCode(t, c.what, err, c.code)
	}
}

// A roster of two million empty members, in 4 MiB, takes no memory to refuse.
func TestParseRosterTakesNoMemoryForWhatIsClaimed(t *testing.T) {
	encoded := append([]byte{1<<3 | 2, 1, 'g'}, bytes.Repeat([]byte{2<<3 | 2, 0}, MaxRoster/2-2)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ParseRoster(encoded)
	runtime.ReadMemStats(&after)
	wantCode(t, "two million members", err, fault.BadRequest)
	if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
		t.Errorf("refusing it took %d bytes", n)
	}
}

func FuzzParseStatement(f *testing.F) {
	f.Add(team().signed.Encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		signed, err := account.ParseSigned(encoded)
		if err != nil {
			return
		}
		s, err := ParseStatement(signed)
		if err == nil && !bytes.Equal(s.encode(), signed.Statement) {
			t.Error("the statement has more than one form")
		}
		if code := fault.CodeOf(err); code == fault.Internal {
			t.Errorf("refused with %v", err)
		}
	})
}

func FuzzParseRoster(f *testing.F) {
	f.Add(team().roster)
	f.Add(state1(Create(testGroup, owner, readKey(owner).Public(), testTime)).roster)
	f.Add([]byte{1<<3 | 2, 1, 'g'})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		r, err := ParseRoster(encoded)
		if err == nil && !bytes.Equal(r.encode(), encoded) {
			t.Error("the roster has more than one form")
		}
		if code := fault.CodeOf(err); code == fault.Internal {
			t.Errorf("refused with %v", err)
		}
	})
}

func FuzzDecodeKeychain(f *testing.F) {
	f.Add(encodeKeychain(newKey(Observer, 1), newKey(Observer, 2)), byte(Observer))
	f.Add(encodeKeychain(newKey(Owner, 1)), byte(Owner))
	f.Fuzz(func(t *testing.T, plaintext []byte, role byte) {
		r := Role(role)
		if !r.valid() {
			return
		}
		want := bytes.Clone(plaintext)
		contents, err := decodeKeychain(plaintext, r)
		if err == nil && !bytes.Equal(encodeKeychain(contents...), want) {
			t.Error("the keychain has more than one form")
		}
	})
}
