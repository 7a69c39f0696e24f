package account

import (
	"bytes"
	"testing"

	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// A signed statement comes back as it was, and its hash is of the statement
// alone.
func TestSignedRoundTrip(t *testing.T) {
	a, b := identityOf(t, 1).Signing, identityOf(t, 3).Signing
	s := Sign(keys.ForGroup, []byte("statement"), a, b, a)
	if len(s.Signatures) != 2 {
		t.Fatalf("%d signatures of two keys", len(s.Signatures))
	}
	again := must[Signed](t)(ParseSigned(s.Encode()))
	if !bytes.Equal(again.Encode(), s.Encode()) || again.Hash() != s.Hash() {
		t.Error("it came back changed")
	}
	if s.Hash() != Sign(keys.ForGroup, []byte("statement"), b).Hash() {
		t.Error("the hash depends on the signatures")
	}
	if err := again.VerifyExactly(keys.ForGroup, a.Public(), b.Public(), a.Public()); err != nil {
		t.Error(err)
	}
}

// Attacks: a statement changed, signed by another key, signed for another
// purpose, or with the signature of another key under a key's id; and a second
// signature that nobody asked for.
func TestVerifyRefuses(t *testing.T) {
	a, b := identityOf(t, 1).Signing, identityOf(t, 3).Signing
	good := Sign(keys.ForAdvert, []byte("statement"), a)
	changed := good
	changed.Statement = []byte("Statement")
	borrowed := Sign(keys.ForAdvert, []byte("statement"), b)
	borrowed.Signatures[0].KeyID = a.Public().ID()
	for what, s := range map[string]Signed{
		"changed": changed, "another key's": Sign(keys.ForAdvert, []byte("statement"), b), "another purpose": Sign(keys.ForGroup, []byte("statement"), a),
		"a signature under another id": borrowed, "nobody's": {Statement: []byte("statement")},
	} {
		wantCode(t, what, s.Verify(keys.ForAdvert, a.Public()), fault.NotAuthorized)
		wantCode(t, what, s.VerifyExactly(keys.ForAdvert, a.Public()), fault.NotAuthorized)
	}
	both := Sign(keys.ForAdvert, []byte("statement"), a, b)
	if err := both.Verify(keys.ForAdvert, a.Public()); err != nil {
		t.Error(err)
	}
	wantCode(t, "one signature more", both.VerifyExactly(keys.ForAdvert, a.Public()), fault.NotAuthorized)
	wantCode(t, "no key", good.Verify(keys.ForAdvert, keys.PublicKey{}), fault.NotAuthorized)
}

func TestParseSignedRefuses(t *testing.T) {
	a := identityOf(t, 1).Signing
	message := func(change func(m *accountpb.Signed)) []byte {
		m := Sign(keys.ForAdvert, []byte("statement"), a, identityOf(t, 3).Signing).Proto()
		change(m)
		b, err := m.MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	good := message(func(*accountpb.Signed) {})
	for _, c := range []struct {
		what    string
		encoded []byte
		code    fault.Code
	}{
		{"nothing", nil, fault.BadRequest},
		{"cut off", good[:len(good)-1], fault.BadRequest},
		{"no statement", message(func(m *accountpb.Signed) { m.Statement = nil }), fault.BadRequest},
		{"no signature", message(func(m *accountpb.Signed) { m.Signatures = nil }), fault.BadRequest},
		{"three signatures", message(func(m *accountpb.Signed) { m.Signatures = append(m.Signatures, m.Signatures[0]) }), fault.BadRequest},
		{"signed twice by one key", message(func(m *accountpb.Signed) { m.Signatures[1] = m.Signatures[0] }), fault.BadRequest},
		{"a short signature", message(func(m *accountpb.Signed) { m.Signatures[0].Signature = m.Signatures[0].Signature[1:] }), fault.BadRequest},
		{"a short id", message(func(m *accountpb.Signed) { m.Signatures[0].KeyId = []byte{1} }), fault.BadRequest},
		{"a large statement", message(func(m *accountpb.Signed) { m.Statement = make([]byte, MaxStatement+1) }), fault.TooLarge},
		{"too large as a whole", make([]byte, MaxSigned+1), fault.TooLarge},
		{"a field of a later version", append(bytes.Clone(good), 3<<3, 1), fault.BadRequest},
		{"a field twice", append(bytes.Clone(good), good[:11]...), fault.BadRequest},
	} {
		_, err := ParseSigned(c.encoded)
		wantCode(t, c.what, err, c.code)
	}
	if _, err := SignedOf(nil); fault.CodeOf(err) != fault.BadRequest {
		t.Errorf("no message: %v", err)
	}
	if largest := message(func(m *accountpb.Signed) { m.Statement = make([]byte, MaxStatement) }); len(largest) > MaxSigned {
		t.Errorf("the largest has %d bytes, over MaxSigned", len(largest))
	}
}

func FuzzParseSigned(f *testing.F) {
	f.Add(Sign(keys.ForAdvert, []byte("statement"), identityOf(f, 1).Signing, identityOf(f, 3).Signing).Encode())
	f.Add(FirstAdvert(joe, identityOf(f, 1), testTime).Encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		s, err := ParseSigned(encoded)
		if err == nil && !bytes.Equal(s.Encode(), encoded) {
			t.Error("the statement has more than one form")
		}
		if err == nil {
			_, _ = ParseAdvert(s)
		}
	})
}
