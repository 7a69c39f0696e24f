package secrecy

import (
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

func TestKeyringOpensWithAnyOfItsReadKeys(t *testing.T) {
	first, second := keys.NewReadKey(), keys.NewReadKey()
	a, b := NewDataKey(), NewDataKey()
	ring := NewKeyring(testChain, first, second)
	if err := ring.Add(wrapped(t, a, first), wrapped(t, b, second)); err != nil {
		t.Fatal(err)
	}
	for _, k := range []*DataKey{a, b} {
		if got, found := ring.Find(k.ID()); !found || *got.secret() != *k.secret() {
			t.Errorf("found %v, %v; want %v", got, found, k)
		}
	}
	if _, found := ring.Find(NewDataKey().ID()); found {
		t.Error("found a key that nobody added")
	}
	unopenable := wrapped(t, a, keys.NewReadKey())
	if err := ring.Add(unopenable); err != nil {
		t.Errorf("a record of a key that is held was opened again: %v", err)
	}
}

// Records that are not for the user, or damaged, do not keep it from the others,
// and damage is what is reported.
func TestKeyringGoesOnAfterARecordItCannotOpen(t *testing.T) {
	member, mine := keys.NewReadKey(), NewDataKey()
	foreign := wrapped(t, NewDataKey(), keys.NewReadKey())
	damaged := wrapped(t, NewDataKey(), member)
	damaged.Generation++

	ring := NewKeyring(testChain, keys.NewReadKey(), member)
	wantCode(t, "a foreign record", ring.Add(foreign), fault.NoReadKey)
	wantCode(t, "all of them", ring.Add(foreign, damaged, foreign, wrapped(t, mine, member)), fault.Damaged)
	if _, found := ring.Find(mine.ID()); !found {
		t.Error("the last record was not opened")
	}
	if _, found := ring.Find(damaged.ID); found {
		t.Error("the damaged record gave a key")
	}
	wantCode(t, "a keyring without read keys", NewKeyring(testChain).Add(foreign), fault.NoReadKey)
	wantCode(t, "a keyring of another chain", NewKeyring(otherChain, member).Add(wrapped(t, mine, member)), fault.Damaged)
}

// The server answers a question for the new generation's record with the old
// generation's: that opens, but nobody finds the old key under the new id.
func TestServerReplaysTheRecordOfAnOldGeneration(t *testing.T) {
	member, old := keys.NewReadKey(), NewDataKey()
	next := old.Next()
	ring := NewKeyring(testChain, member)
	if err := ring.Add(wrapped(t, old, member)); err != nil {
		t.Fatal(err)
	}
	if _, found := ring.Find(next.ID()); found {
		t.Error("the old key stands for the new one")
	}
	relabelled := wrapped(t, old, member)
	relabelled.ID, relabelled.Generation = next.ID(), 2
	wantCode(t, "relabelled", ring.Add(relabelled), fault.Damaged)
	if _, found := ring.Find(next.ID()); found {
		t.Error("the old key stands for the new one after all")
	}
}

// A flood of records does not take memory without bound, and what was forgotten
// can be added again.
func TestKeyringForgetsWhenItIsFull(t *testing.T) {
	member, mine := keys.NewReadKey(), NewDataKey()
	ring := NewKeyring(testChain, member)
	ring.Put(mine)
	for range MaxKeyring + 10 {
		ring.Put(&DataKey{id: NewDataKey().id})
	}
	if len(ring.data) != MaxKeyring {
		t.Errorf("the keyring holds %d keys, want %d", len(ring.data), MaxKeyring)
	}
	if err := ring.Add(wrapped(t, mine, member)); err != nil {
		t.Error(err)
	}
	if _, found := ring.Find(mine.ID()); !found {
		t.Error("a key that was just added is not there")
	}
	ring.Put(mine)
	if _, found := ring.Find(mine.ID()); !found || len(ring.data) != MaxKeyring {
		t.Error("putting a key again made another one go")
	}
}

func TestKeyringIsUsedByManyAtOnce(t *testing.T) {
	member := keys.NewReadKey()
	ring := NewKeyring(testChain, member)
	records := []Record{wrapped(t, NewDataKey(), member), wrapped(t, NewDataKey(), member)}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, r := range records {
				if err := ring.Add(r); err != nil {
					t.Error(err)
				}
				if _, found := ring.Find(r.ID); !found {
					t.Error("not there")
				}
				ring.Put(NewDataKey())
			}
		})
	}
	group.Wait()
}
