package accounts

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
)

var self = sync.OnceValue(newIdentity)

func newIdentity() *identity.Private {
	id, err := identity.New()
	if err != nil {
		panic(err)
	}
	return id
}

func open(tb testing.TB, log *chaintest.Log) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), options(tb, log, self()))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func options(tb testing.TB, log *chaintest.Log, id *identity.Private) Options {
	return Options{
		Log: log, Identity: id,
		OnFail: func(err error) { tb.Error(err) }, OnProblem: func(err error) { tb.Error(err) },
	}
}

// TestReopen proves that everything that is put is there after the store was
// opened anew, and nothing that was not.
func TestReopen(t *testing.T) {
	log := &chaintest.Log{}
	s := open(t, log)
	joe := &User{Advert: []byte("advert"), Vault: []byte("vault"), Created: time.UnixMilli(1700000000123), TOTPStep: 7}
	must(t, s.Update(t.Context(), func(x *Tx) error {
		x.PutAdvert("joe", joe, nil)
		x.PutVault("joe", joe)
		x.PutGroup("writers", &Group{Statement: []byte("statement"), Roster: []byte("roster")}, nil)
		x.PutMembership("joe", &Membership{Created: 3, Groups: []string{"writers", "painters"}})
		return nil
	}))
	failure := errors.New("changed my mind")
	if err := s.Update(t.Context(), func(x *Tx) error { x.PutAdvert("eve", joe, nil); return failure }); err != failure {
		t.Errorf("an update that fails returns %v", err)
	}
	id := s.ChainID()
	must(t, s.Close(t.Context()))
	s = open(t, log)
	if s.ChainID() != id {
		t.Error("the store that was opened anew is another chain")
	}
	must(t, s.Look(t.Context(), func(x *Tx) error {
		u, err := x.User("joe")
		must(t, err)
		if !bytes.Equal(u.Advert, joe.Advert) || !bytes.Equal(u.Vault, joe.Vault) || !u.Created.Equal(joe.Created) || u.TOTPStep != 7 {
			t.Errorf("the user is %+v", u)
		}
		g, err := x.Group("writers")
		must(t, err)
		m, err := x.Membership("joe")
		must(t, err)
		if string(g.Statement) != "statement" || string(g.Roster) != "roster" || m.Created != 3 || strings.Join(m.Groups, " ") != "writers painters" {
			t.Errorf("the group is %+v and the membership %+v", g, m)
		}
		for _, name := range []string{"eve", "jo", "joe ", ""} {
			if u, err := x.User(name); name != "" && (err != nil || u != nil || x.HasUser(name)) {
				t.Errorf("the user %q is %v, %v", name, u, err)
			}
		}
		if _, known, err := x.UserOrDecoy("eve"); known || err != nil {
			t.Errorf("a user who does not exist is known: %v", err)
		}
		return nil
	}))
}

// TestAnotherIdentity proves that a server does not take over the accounts of
// another one.
func TestAnotherIdentity(t *testing.T) {
	log := &chaintest.Log{}
	open(t, log)
	_, err := Open(t.Context(), options(t, log, newIdentity()))
	if !fault.Is(err, fault.BadConfig) {
		t.Errorf("opening the accounts with another identity: %v", err)
	}
}

// TestAllOrNothing proves that an update whose storing fails leaves nothing, also
// after a crash.
func TestAllOrNothing(t *testing.T) {
	log := &chaintest.Log{}
	s := open(t, log)
	log.OnAppend = func([]byte) (int, error) { return 0, fault.New(fault.DiskFull, "full") }
	joe := &User{Advert: []byte("a"), Vault: []byte("v")}
	err := s.Update(t.Context(), func(x *Tx) error {
		x.PutAdvert("joe", joe, nil)
		x.PutVault("joe", joe)
		return nil
	})
	if !fault.Is(err, fault.DiskFull) {
		t.Errorf("an update on a full disk: %v", err)
	}
	log.OnAppend = nil
	for range 2 {
		must(t, s.Look(t.Context(), func(x *Tx) error {
			if u, err := x.User("joe"); err != nil || u != nil || x.HasUser("joe") {
				t.Errorf("the user is %v, %v", u, err)
			}
			return nil
		}))
		s = open(t, log)
	}
}

// TestUpdateSeesOthers proves that an update that others overtake looks again.
func TestUpdateSeesOthers(t *testing.T) {
	s := open(t, &chaintest.Log{})
	add := func(name string) func(*Tx) error {
		return func(x *Tx) error {
			m, err := x.Membership("joe")
			m.Groups = append(m.Groups, name)
			x.PutMembership("joe", m)
			return err
		}
	}
	calls := 0
	must(t, s.Update(t.Context(), func(x *Tx) error {
		if err := add("second")(x); err != nil {
			return err
		}
		if calls++; calls == 1 {
			must(t, s.Update(t.Context(), add("first")))
		}
		return nil
	}))
	must(t, s.Look(t.Context(), func(x *Tx) error {
		m, err := x.Membership("joe")
		if strings.Join(m.Groups, " ") != "first second" || calls != 2 {
			t.Errorf("after %d calls the groups are %v, %v", calls, m.Groups, err)
		}
		return nil
	}))
	err := s.Update(t.Context(), func(x *Tx) error {
		must(t, s.Update(t.Context(), add("again")))
		return add("never")(x)
	})
	if err != nil { // the inner update comes before the outer looks, so it is not overtaken
		t.Error(err)
	}
	err = s.Update(t.Context(), func(x *Tx) error {
		err := add("never")(x)
		must(t, s.Update(t.Context(), add("always")))
		return err
	})
	if !fault.Is(err, fault.Overloaded) {
		t.Errorf("an update that is always overtaken: %v", err)
	}
}

// TestFutureRecord proves that a record of a later version is refused as such, and
// one that is cut short as damaged.
func TestFutureRecord(t *testing.T) {
	s := open(t, &chaintest.Log{})
	for _, c := range []struct {
		record []byte
		code   fault.Code
	}{
		{append([]byte{2}, make([]byte, 40)...), fault.Unsupported},
		{[]byte{1, 2, 3}, fault.Damaged},
		{seal([]byte{1, 0, 0, 0}, []byte("writers")), fault.Damaged},
	} {
		must(t, s.Update(t.Context(), func(x *Tx) error { x.put(memberships, "joe", c.record); return nil }))
		err := s.Look(t.Context(), func(x *Tx) error { _, err := x.Membership("joe"); return err })
		if !fault.Is(err, c.code) {
			t.Errorf("the record %x: %v; want %s", c.record, err, c.code)
		}
	}
}

// TestCacheForgets proves that the cache's size is bounded, and that what is read
// again and again stays.
func TestCacheForgets(t *testing.T) {
	var c cache
	c.put(0, make([]byte, 1000))
	c.put(1, make([]byte, maxCached+1))
	if c.get(1) != nil {
		t.Error("an event that is too large is kept")
	}
	for seq := range event.Seq(2000) {
		c.put(10+seq, make([]byte, maxCached))
		if c.get(0) == nil {
			t.Fatal("an event that is read all the time is forgotten")
		}
	}
	if n := (len(c.new) + len(c.old)) * maxCached; n > cacheSize+2*maxCached {
		t.Errorf("the cache holds %d bytes", n)
	}
	if c.get(10) != nil {
		t.Error("an event that nobody read is kept")
	}
}

// FuzzMembership proves that what is decoded is encoded again as it was.
func FuzzMembership(f *testing.F) {
	s := open(f, &chaintest.Log{})
	f.Add([]byte{1, 0, 0, 0})
	f.Add(append([]byte{1, 0, 0, 0}, "writers\npainters\n"...))
	f.Add([]byte("\x01\x00\x00\x00\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		ctx := context.Background()
		if len(body) > 1000 || s.Update(ctx, func(x *Tx) error { x.put(memberships, "joe", seal(body)); return nil }) != nil {
			return
		}
		var m *Membership
		if err := s.Look(ctx, func(x *Tx) (err error) { m, err = x.Membership("joe"); return err }); err != nil {
			return
		}
		must(t, s.Update(ctx, func(x *Tx) error { x.PutMembership("joe", m); return nil }))
		must(t, s.Look(ctx, func(x *Tx) error {
			data, err := x.get(keyOf(memberships, "joe"))
			if err == nil && !bytes.Equal(data[0][recordHead:], body) {
				t.Errorf("%q becomes %q", body, data[0][recordHead:])
			}
			return err
		}))
	})
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
