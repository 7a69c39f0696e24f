package secrecy

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

const testAuthority = "documents"

// wrappedBytes is the record of a data key in testChain.
func wrappedBytes(t testing.TB, k *DataKey, members ...*keys.ReadKey) []byte {
	t.Helper()
	var public []keys.ReadPublicKey
	for _, m := range members {
		public = append(public, m.Public())
	}
	data, err := Wrap(k, testChain, []byte(testAuthority), public)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func wrapped(t testing.TB, k *DataKey, members ...*keys.ReadKey) Record {
	t.Helper()
	return mustParse(t, wrappedBytes(t, k, members...))
}

func mustParse(t testing.TB, data []byte) Record {
	t.Helper()
	r, err := ParseRecord(data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func idOf(k *keys.ReadKey) event.Hash {
	public := k.Public()
	return public.ID()
}

func TestParseRecordRefusesWhatIsNoRecord(t *testing.T) {
	a, b := keys.NewReadKey(), keys.NewReadKey()
	good := wrappedBytes(t, NewDataKey(), a, b)
	membersAt := recordFixed + len(testAuthority)
	change := func(f func(data []byte) []byte) []byte { return f(slices.Clone(good)) }
	put16 := func(n int) func([]byte) []byte {
		return func(data []byte) []byte {
			binary.LittleEndian.PutUint16(data[2:], uint16(n))
			return data
		}
	}
	for _, c := range []struct {
		what string
		data []byte
		code fault.Code
	}{
		{"nothing", nil, fault.Damaged},
		{"version 0", change(func(d []byte) []byte { d[0] = 0; return d }), fault.Unsupported},
		{"a future version", change(func(d []byte) []byte { d[0] = 2; return d }), fault.Unsupported},
		{"a future version, alone", []byte{2}, fault.Unsupported},
		{"no authority", change(func(d []byte) []byte { d[1] = 0; return slices.Delete(d, recordFixed, membersAt) }), fault.Damaged},
		{"an authority's key too long", change(func(d []byte) []byte {
			d[1] = event.MaxKey + 1
			return slices.Insert(d, recordFixed, make([]byte, event.MaxKey+1-len(testAuthority))...)
		}), fault.Damaged},
		{"no members", change(put16(0))[:membersAt], fault.Damaged},
		{"fewer members than said", change(put16(3)), fault.Damaged},
		{"more members than said", change(put16(1)), fault.Damaged},
		{"a byte more", append(slices.Clone(good), 0), fault.Damaged},
		{"generation 0", change(func(d []byte) []byte { d[4] = 0; return d }), fault.Damaged},
		{"a member twice", change(func(d []byte) []byte { copy(d[membersAt+wrapSize:], d[membersAt:membersAt+wrapSize]); return d }), fault.Damaged},
		{"members out of order", slices.Concat(good[:membersAt], good[membersAt+wrapSize:], good[membersAt:membersAt+wrapSize]), fault.Damaged},
		{"an authority's key of another length", change(func(d []byte) []byte { d[1]++; return d }), fault.Damaged},
	} {
		r, err := ParseRecord(c.data)
		wantCode(t, c.what, err, c.code)
		if len(r.wraps) != 0 {
			t.Errorf("%s: there is a record as well", c.what)
		}
	}
	for n := 1; n < len(good); n++ {
		_, err := ParseRecord(good[:n])
		wantCode(t, "truncated", err, fault.Damaged)
	}
}

// beginning returns n bytes that begin like a record.
func beginning(n int) []byte {
	b := make([]byte, n)
	b[0] = recordVersion
	return b
}

// A few bytes that claim the most members cost no memory.
func TestParseRecordTakesNoMemoryForWhatIsClaimed(t *testing.T) {
	data := beginning(recordFixed + 1)
	data[1], data[4] = 1, 1
	binary.LittleEndian.PutUint16(data[2:], MaxMembers)
	const times = 1000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		_, err := ParseRecord(data)
		wantCode(t, "claims", err, fault.Damaged)
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / times; n > 4<<10 {
		t.Errorf("refusing it took %d bytes", n)
	}
}

// The largest record that may be made parses, and fits an event.
func TestLargestRecord(t *testing.T) {
	if MaxRecord > event.MaxData {
		t.Fatalf("the largest record has %d bytes and an event's data at most %d", MaxRecord, event.MaxData)
	}
	for _, c := range []struct {
		members int
		code    fault.Code
	}{{MaxMembers, ""}, {MaxMembers + 1, fault.Damaged}} {
		data := beginning(recordFixed + event.MaxKey + c.members*wrapSize)
		data[1], data[4] = event.MaxKey, 1
		binary.LittleEndian.PutUint16(data[2:], uint16(c.members))
		for i := range c.members {
			binary.BigEndian.PutUint32(data[recordFixed+event.MaxKey+i*wrapSize:], uint32(i))
		}
		r, err := ParseRecord(data)
		wantCode(t, "largest record", err, c.code)
		if err == nil && (len(data) != MaxRecord || len(r.Members()) != c.members) {
			t.Errorf("%d members in %d bytes, want %d in %d", len(r.Members()), len(data), c.members, MaxRecord)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	member := keys.NewReadKey()
	k := NewDataKey()
	good := wrappedBytes(f, k, member, keys.NewReadKey())
	f.Add(good)
	f.Add(good[:recordFixed])
	f.Add(wrappedBytes(f, k, keys.NewReadKey()))
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRecord(data)
		if err != nil {
			if code := fault.CodeOf(err); code != fault.Damaged && code != fault.Unsupported {
				t.Errorf("refused with %v", err)
			}
			return
		}
		again := []byte{recordVersion, byte(len(r.Authority))}
		again = binary.LittleEndian.AppendUint16(again, uint16(len(r.Members())))
		again = binary.LittleEndian.AppendUint32(again, r.Generation)
		again = slices.Concat(again, r.ID[:], r.Authority, r.wraps)
		if !bytes.Equal(again, data) {
			t.Error("the record has more than one form")
		}
		if !slices.IsSortedFunc(r.Members(), func(a, b event.Hash) int { return bytes.Compare(a[:], b[:]) }) {
			t.Error("members are out of order")
		}
		if got, err := r.Unwrap(testChain, member); err == nil && got.ID() != r.ID {
			t.Errorf("opened to %v, not %s", got, r.ID)
		}
	})
}
