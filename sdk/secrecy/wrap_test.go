package secrecy

import (
	"bytes"
	"slices"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

func TestEveryMemberOpensTheRecord(t *testing.T) {
	k := NewDataKey().Next()
	members := []*keys.ReadKey{keys.NewReadKey(), keys.NewReadKey(), keys.NewReadKey()}
	r := wrapped(t, k, append(members, members[0])...)
	if r.ID != k.ID() || r.Generation != 2 || string(r.Authority) != testAuthority {
		t.Errorf("the record says key %s, generation %d, authority %q", r.ID, r.Generation, r.Authority)
	}
	ids := r.Members()
	if len(ids) != 3 {
		t.Errorf("the record has %d members, want 3: one was named twice", len(ids))
	}
	for i, m := range members {
		if !slices.Contains(ids, idOf(m)) {
			t.Errorf("member %d is not listed", i)
		}
		got, err := r.Unwrap(testChain, m)
		if err != nil {
			t.Fatalf("member %d: %v", i, err)
		}
		if got.ID() != k.ID() || got.Generation() != 2 || *got.secret() != *k.secret() {
			t.Errorf("member %d got %v, want %v", i, got, k)
		}
	}
	if key := RecordKey(k.ID()); string(key) != "ate.datakey/"+k.ID().String() || len(key) > event.MaxKey {
		t.Errorf("the record's object key is %q", key)
	}
}

func TestOutsiderOpensNothing(t *testing.T) {
	r := wrapped(t, NewDataKey(), keys.NewReadKey())
	_, err := r.Unwrap(testChain, keys.NewReadKey())
	wantCode(t, "outsider", err, fault.NoReadKey)
}

// A removed member opens neither the record of the next generation nor, with
// the key that it still has, anything that is encrypted from then on.
func TestRemovedMemberReadsNothingNew(t *testing.T) {
	stays, removed := keys.NewReadKey(), keys.NewReadKey()
	old := NewDataKey()
	oldRecord := wrapped(t, old, stays, removed)
	next := old.Next()
	nextRecord := wrapped(t, next, stays)

	_, err := nextRecord.Unwrap(testChain, removed)
	wantCode(t, "record of the next generation", err, fault.NoReadKey)
	kept, err := oldRecord.Unwrap(testChain, removed)
	if err != nil {
		t.Fatal(err)
	}
	ciphertext, e := mustSeal(t, next, testChain, []byte("o"), []byte("new"))
	_, err = kept.Open(testChain, []byte("o"), e, ciphertext)
	wantCode(t, "new data, old key", err, fault.NoReadKey)
	_, err = kept.Open(testChain, []byte("o"), event.Encryption{Key: kept.ID(), Generation: 1, Nonce: e.Nonce}, ciphertext)
	wantCode(t, "new data, relabelled", err, fault.Damaged)
	if _, err := nextRecord.Unwrap(testChain, stays); err != nil {
		t.Errorf("the remaining member: %v", err)
	}
}

// The removed member puts its own id over that of the one who stays.
func TestRemovedMemberTakesOverAWrap(t *testing.T) {
	removed := keys.NewReadKey()
	data := wrappedBytes(t, NewDataKey(), keys.NewReadKey())
	id := idOf(removed)
	copy(data[recordFixed+len(testAuthority):], id[:])
	r := mustParse(t, data)
	_, err := r.Unwrap(testChain, removed)
	wantCode(t, "another's wrap", err, fault.Damaged)
}

func TestRecordOfAnotherChainIsRefused(t *testing.T) {
	member := keys.NewReadKey()
	r := wrapped(t, NewDataKey(), member)
	_, err := r.Unwrap(otherChain, member)
	wantCode(t, "other chain", err, fault.Damaged)
}

func TestServerMovesARecordToAnotherAuthority(t *testing.T) {
	member := keys.NewReadKey()
	r := wrapped(t, NewDataKey(), member)
	r.Authority = []byte("public")
	_, err := r.Unwrap(testChain, member)
	wantCode(t, "other authority", err, fault.Damaged)
}

// A writer wraps one key and says that it is another, or of another generation:
// members must not come to encrypt with a key that others know.
func TestRecordLiesAboutItsDataKey(t *testing.T) {
	member := keys.NewReadKey()
	honest, evil := NewDataKey(), NewDataKey()
	for _, lie := range []DataKey{
		{secret: evil.secret, id: honest.id, generation: 1},
		{secret: honest.secret, id: honest.id, generation: 2},
	} {
		r := wrapped(t, &lie, member)
		_, err := r.Unwrap(testChain, member)
		wantCode(t, "lie", err, fault.Damaged)
	}
}

// With a bit of any byte of a record flipped, its only member gets no key. Of
// the encapsulated key, which is hashed whole, every 16th byte is tried.
func TestServerFlipsAnyByteOfARecord(t *testing.T) {
	member := keys.NewReadKey()
	data := wrappedBytes(t, NewDataKey(), member)
	idAt := recordFixed + len(testAuthority)
	encapAt := idAt + memberIDSize
	for i := range data {
		if i > encapAt && i < encapAt+encapSize && i%16 != 0 {
			continue
		}
		flipped := slices.Clone(data)
		flipped[i] ^= 1 << (i % 8)
		r, err := ParseRecord(flipped)
		if err == nil {
			_, err = r.Unwrap(testChain, member)
		}
		want := fault.Damaged
		switch {
		case i == 0:
			want = fault.Unsupported
		case i >= idAt && i < encapAt:
			want = fault.NoReadKey
		}
		if fault.CodeOf(err) != want {
			t.Errorf("byte %d flipped: got %v, want code %s", i, err, want)
		}
	}
}

// Damage to one member's wrap, in each of its parts, costs that member the key
// and no other. The highest bit of an encapsulated key's last byte is one that
// X25519 does not look at.
func TestServerSpoilsTheWrapOfEachMember(t *testing.T) {
	k := NewDataKey()
	members := []*keys.ReadKey{keys.NewReadKey(), keys.NewReadKey(), keys.NewReadKey()}
	data := wrappedBytes(t, k, members...)
	honest := mustParse(t, data)
	for victim, id := range honest.Members() {
		start := recordFixed + len(testAuthority) + victim*wrapSize
		for _, at := range []int{memberIDSize, memberIDSize + 1088, memberIDSize + encapSize - 1, memberIDSize + encapSize, wrapSize - 1} {
			spoiled := slices.Clone(data)
			spoiled[start+at] ^= 0x80
			r := mustParse(t, spoiled)
			for _, m := range members {
				got, err := r.Unwrap(testChain, m)
				if idOf(m) == id {
					wantCode(t, "victim", err, fault.Damaged)
				} else if err != nil || got.ID() != k.ID() {
					t.Errorf("bystander got %v, %v", got, err)
				}
			}
		}
	}
}

func TestServerSwapsTheWrapsOfTwoMembers(t *testing.T) {
	members := []*keys.ReadKey{keys.NewReadKey(), keys.NewReadKey()}
	data := wrappedBytes(t, NewDataKey(), members...)
	at := recordFixed + len(testAuthority)
	first, second := data[at+memberIDSize:at+wrapSize], data[at+wrapSize+memberIDSize:]
	kept := slices.Clone(first)
	copy(first, second)
	copy(second, kept)
	r := mustParse(t, data)
	for _, m := range members {
		_, err := r.Unwrap(testChain, m)
		wantCode(t, "swapped", err, fault.Damaged)
	}
}

// A record made for the same member twice shows neither the key nor that it is
// the same one.
func TestWrapsOfOneKeyHaveNothingInCommon(t *testing.T) {
	k, member := NewDataKey(), keys.NewReadKey()
	a, b := wrapped(t, k, member), wrapped(t, k, member)
	if bytes.Equal(a.wraps[memberIDSize:memberIDSize+encapSize], b.wraps[memberIDSize:memberIDSize+encapSize]) || bytes.Equal(a.wraps[wrapSize-wrappedKeySize:], b.wraps[wrapSize-wrappedKeySize:]) {
		t.Error("two wraps are alike")
	}
	if bytes.Contains(a.wraps, k.secret()[:8]) {
		t.Error("the record holds the secret")
	}
}

func TestWrapRefusesWhatItCannotMake(t *testing.T) {
	k, member := NewDataKey(), []keys.ReadPublicKey{keys.NewReadKey().Public()}
	_, err := Wrap(k, testChain, []byte("o"), nil)
	wantCode(t, "nobody", err, fault.BadRequest)
	_, err = Wrap(k, testChain, []byte("o"), []keys.ReadPublicKey{{}})
	wantCode(t, "no key", err, fault.BadRequest)
	_, err = Wrap(k, testChain, nil, member)
	wantCode(t, "no authority", err, fault.BadRequest)
	_, err = Wrap(k, testChain, make([]byte, event.MaxKey+1), member)
	wantCode(t, "an authority's key too long", err, fault.BadRequest)

	crowd := slices.Repeat(member, MaxMembers+1)
	_, err = Wrap(k, testChain, []byte("o"), crowd)
	wantCode(t, "a member too many", err, fault.TooLarge)
}
