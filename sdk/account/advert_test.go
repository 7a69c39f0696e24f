package account

import (
	"bytes"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// A user's adverts, each after the other, say what they were made of.
func TestAdvertsFollowEachOther(t *testing.T) {
	first := FirstAdvert(joe, identityOf(t, 1), testTime)
	a, err := CheckAdvert(nil, first)
	if err != nil {
		t.Fatal(err)
	}
	want := identityOf(t, 1).Public()
	if a.Name != joe || a.Number != 0 || a.Previous != (event.Hash{}) || !a.Created.Equal(testTime) || a.Signing.ID() != want.Signing.ID() || a.Read.ID() != want.Read.ID() {
		t.Errorf("the first says %+v", a)
	}
	second := must[Signed](t)(NextAdvert(first, identityOf(t, 1), identityOf(t, 3), testTime.Add(time.Hour)))
	a, err = CheckAdvert(&first, second)
	if err != nil {
		t.Fatal(err)
	}
	if a.Number != 1 || a.Previous != first.Hash() || a.Signing.ID() != identityOf(t, 3).Signing.Public().ID() {
		t.Errorf("the second says %+v", a)
	}
	onlyRead := identityOf(t, 3)
	onlyRead.Read = identityOf(t, 5).Read
	third := must[Signed](t)(NextAdvert(second, identityOf(t, 3), onlyRead, testTime))
	if _, err := CheckAdvert(&second, third); err != nil || len(third.Signatures) != 1 {
		t.Errorf("a new read key alone, with %d signatures: %v", len(third.Signatures), err)
	}
}

// forge signs an advert that has been changed.
func forge(t *testing.T, from Signed, change func(m *accountpb.Advert), signers ...*keys.Identity) Signed {
	t.Helper()
	m := new(accountpb.Advert)
	if err := m.UnmarshalVT(from.Statement); err != nil {
		t.Fatal(err)
	}
	change(m)
	statement, err := m.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	var signing []*keys.SigningKey
	for _, id := range signers {
		signing = append(signing, id.Signing)
	}
	return Sign(keys.ForAdvert, statement, signing...)
}

// What a server, or another user, may put in the place of a user's next advert.
func TestCheckAdvertRefusesAttacks(t *testing.T) {
	mine, next, evil := identityOf(t, 1), identityOf(t, 3), identityOf(t, 7)
	first := FirstAdvert(joe, mine, testTime)
	second := must[Signed](t)(NextAdvert(first, mine, next, testTime))
	third := must[Signed](t)(NextAdvert(second, next, mine, testTime))
	evilFirst := FirstAdvert(joe, evil, testTime)
	evilSecond := must[Signed](t)(NextAdvert(evilFirst, evil, identityOf(t, 9), testTime))
	replaceKey := func(m *accountpb.Advert) { m.SigningKey = evil.Signing.Public().Bytes() }
	stolen := second
	stolen.Signatures = second.Signatures[1:]
	for _, c := range []struct {
		attack   string
		previous *Signed
		next     Signed
		code     fault.Code
	}{
		{"advert substituted, signed by the new key alone", &first, forge(t, second, replaceKey, evil), fault.NotAuthorized},
		{"advert substituted, under the old signatures", &first, Signed{Statement: forge(t, second, replaceKey, evil).Statement, Signatures: second.Signatures}, fault.NotAuthorized},
		{"advert of a key whose owner does not know", &first, forge(t, second, replaceKey, mine), fault.NotAuthorized},
		{"the predecessor's signature left out", &first, stolen, fault.NotAuthorized},
		{"a signature of a third key added", &first, forge(t, second, func(m *accountpb.Advert) { m.SigningKey = mine.Signing.Public().Bytes() }, mine, evil), fault.NotAuthorized},
		{"signed for another purpose", &first, Sign(keys.ForGroup, second.Statement, mine.Signing, next.Signing), fault.NotAuthorized},
		{"predecessor skipped", &first, third, fault.VersionConflict},
		{"number gap", &first, forge(t, second, func(m *accountpb.Advert) { m.Number = 2 }, mine, next), fault.VersionConflict},
		{"number that stays", &second, forge(t, third, func(m *accountpb.Advert) { m.Number = 1 }, next, mine), fault.VersionConflict},
		{"an old advert again", &second, second, fault.VersionConflict},
		{"the first advert again", &second, first, fault.VersionConflict},
		{"another history", &first, evilSecond, fault.VersionConflict},
		{"a later advert as the first", nil, second, fault.VersionConflict},
		{"first advert with another's signature", nil, forge(t, first, func(*accountpb.Advert) {}, mine, evil), fault.NotAuthorized},
		{"advert of another user", &first, forge(t, second, func(m *accountpb.Advert) { m.Name = string(ann) }, mine, next), fault.BadRequest},
	} {
		a, err := CheckAdvert(c.previous, c.next)
		wantCode(t, c.attack, err, c.code)
		if a.Name != "" {
			t.Errorf("%s: there is an advert as well", c.attack)
		}
	}
	if _, err := NextAdvert(first, evil, evil, testTime); fault.CodeOf(err) != fault.NotAuthorized {
		t.Errorf("the next advert by another key: %v", err)
	}
}

func TestParseAdvertRefusesWhatIsNone(t *testing.T) {
	mine := identityOf(t, 1)
	first := FirstAdvert(joe, mine, testTime)
	change := func(f func(m *accountpb.Advert)) Signed { return forge(t, first, f, mine) }
	for _, c := range []struct {
		what   string
		advert Signed
		code   fault.Code
	}{
		{"nothing", Signed{}, fault.BadName},
		{"a bad name", change(func(m *accountpb.Advert) { m.Name = "Joe@example.com" }), fault.BadName},
		{"a first one with a predecessor", change(func(m *accountpb.Advert) { m.Previous = make([]byte, 32) }), fault.BadRequest},
		{"a second one without", change(func(m *accountpb.Advert) { m.Number = 1 }), fault.BadRequest},
		{"a time before 1970", change(func(m *accountpb.Advert) { m.Created = -1 }), fault.BadRequest},
		{"a time beyond all texts", change(func(m *accountpb.Advert) { m.Created = 1 << 60 }), fault.BadRequest},
		{"a read key to sign with", change(func(m *accountpb.Advert) { m.SigningKey = m.ReadKey }), fault.BadRequest},
		{"a key of a later version", change(func(m *accountpb.Advert) { m.SigningKey[0] = 9 }), fault.Unsupported},
		{"no read key", change(func(m *accountpb.Advert) { m.ReadKey = nil }), fault.BadRequest},
		{"a field of a later version", Sign(keys.ForAdvert, append(bytes.Clone(first.Statement), 7<<3, 1), mine.Signing), fault.BadRequest},
		{"fields out of order", Sign(keys.ForAdvert, append(append([]byte{2 << 3, 0}, first.Statement...), 2<<3, 1), mine.Signing), fault.BadRequest},
		{"too large", Signed{Statement: make([]byte, MaxStatement+1)}, fault.TooLarge},
	} {
		_, err := ParseAdvert(c.advert)
		wantCode(t, c.what, err, c.code)
	}
}

func FuzzParseAdvert(f *testing.F) {
	mine := identityOf(f, 1)
	f.Add(FirstAdvert(joe, mine, testTime).Statement)
	f.Add([]byte{2 << 3, 1})
	f.Fuzz(func(t *testing.T, statement []byte) {
		m := Signed{Statement: statement}
		a, err := ParseAdvert(m)
		if err == nil {
			t.Fatalf("an unsigned advert was taken: %+v", a)
		}
		if code := fault.CodeOf(err); code == fault.Internal {
			t.Errorf("refused with %v", err)
		}
	})
}
