package known

import (
	"bytes"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

const (
	office = "db.example.com:5000"
	mydb   = chainname.Name("example.com/joe/mydb")
)

func print(b byte) identity.Fingerprint {
	return identity.Fingerprint(bytes.Repeat([]byte{b}, 32))
}

func chain(b byte) event.ChainID { return event.ChainID(bytes.Repeat([]byte{b}, 32)) }

func head(size uint64, root byte) merkle.Head {
	return merkle.Head{Size: size, Root: event.Hash(bytes.Repeat([]byte{root}, 32))}
}

func signingKey(b byte) keys.PublicKey {
	key, err := keys.SigningKeyFromSeed(bytes.Repeat([]byte{b}, keys.SigningSeedSize))
	if err != nil {
		panic(err)
	}
	return key.Public()
}

type store interface {
	Hosts
	Heads
	Statements
}

// each runs a test with both implementations.
func each(t *testing.T, test func(t *testing.T, s store)) {
	t.Run("memory", func(t *testing.T) { test(t, new(Memory)) })
	t.Run("folder", func(t *testing.T) { test(t, Folder(t.TempDir()+"/ate")) })
}

func wantErr(t *testing.T, what string, err error, code fault.Code, in ...string) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("%s: %v, want %s", what, err, code)
	}
	for _, s := range in {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%s: %q does not name %s", what, err, s)
		}
	}
}

// TestPins shows that what is pinned is found again, under each spelling of its
// address, and that another server is refused with both fingerprints.
func TestPins(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		want := Host{office, print(1), 128, keys.PublicKey{}}
		lookup := func(want Host) {
			t.Helper()
			got, ok, err := s.Lookup("DB.Example.com:05000")
			if err != nil || !ok || !got.same(want) {
				t.Fatalf("got %+v, %v, %v", got, ok, err)
			}
		}
		pin := func(h Host) {
			t.Helper()
			if err := s.Pin(h); err != nil {
				t.Fatal(err)
			}
		}
		if _, ok, err := s.Lookup(office); ok || err != nil {
			t.Fatalf("found before it was pinned: %v", err)
		}
		pin(want)
		pin(Host{"[::1]:5000", print(2), 0, signingKey(2)})
		lookup(want)
		pin(Host{"DB.EXAMPLE.COM:5000", print(1), 0, keys.PublicKey{}}) // the higher encryption stays
		lookup(want)
		want.MinEncryption, want.SigningKey = 256, signingKey(1)
		pin(want)
		lookup(want)
		pin(Host{office, print(1), 192, keys.PublicKey{}}) // the key stays
		lookup(want)
		wantErr(t, "another server", s.Pin(Host{office, print(3), 256, signingKey(1)}), fault.WrongServer, print(1).String(), print(3).String(), office)
		wantErr(t, "another signing key", s.Pin(Host{office, print(1), 256, signingKey(3)}), fault.WrongServer, signingKey(1).String(), signingKey(3).String())
		lookup(want)
		if got, ok, err := s.Lookup("[::1]:5000"); err != nil || !ok || got.Fingerprint != print(2) {
			t.Errorf("the other server: %+v, %v, %v", got, ok, err)
		}
		wantErr(t, "no fingerprint", s.Pin(Host{Name: "a:1"}), fault.BadRequest)
		wantErr(t, "level", s.Pin(Host{"a:1", print(1), 129, keys.PublicKey{}}), fault.BadRequest)
	})
}

// TestHostileAddresses: an address from a URL or a redirect tries to be another
// line, a comment, a path or another name.
func TestHostileAddresses(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		for _, host := range []string{
			"", ":", "host", "host:", ":5000", "host:0", "host:65536", "host:-1", "host:+1", "host:http", "a:b:1",
			"a\nevil:1", "a\revil:1", "a evil:1", "a\tb:1", "a\x00b:1", "#a:1", "../../a:1", "a/b:1", `a\b:1`, "a\"b:1",
			"dö.example.com:1", "db.example。com:1", "db\u200b.example.com:1", "a:5000 " + print(1).String() + " 0\n#:1",
			strings.Repeat("x", maxAddress) + ":1", "[::1\n]:5000",
		} {
			_, _, err := s.Lookup(host)
			wantErr(t, host, err, fault.BadRequest)
			wantErr(t, host, s.Pin(Host{host, print(1), 128, keys.PublicKey{}}), fault.BadRequest)
			wantErr(t, host, s.Remember(chain(1), mydb, host, head(1, 1)), fault.BadRequest)
			_, _, err = s.ChainOf(host, mydb)
			wantErr(t, host, err, fault.BadRequest)
		}
		for _, name := range []chainname.Name{"", "x", "../../x", "a/b\nchain", "A/b"} {
			wantErr(t, string(name), s.Remember(chain(1), name, office, head(1, 1)), fault.BadName)
		}
		if _, ok, err := s.Last(chain(1)); ok || err != nil {
			t.Errorf("something was remembered: %v", err)
		}
	})
}

// TestHeads: the newest head is remembered; a fork and a replaced chain are
// refused with both heads or ids, and change nothing.
func TestHeads(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		last := func(id event.ChainID, want merkle.Head) {
			t.Helper()
			if got, ok, err := s.Last(id); err != nil || !ok || got != want {
				t.Fatalf("got %s, %v, %v; want %s", got, ok, err, want)
			}
		}
		remember := func(id event.ChainID, name chainname.Name, host string, h merkle.Head) {
			t.Helper()
			if err := s.Remember(id, name, host, h); err != nil {
				t.Fatal(err)
			}
		}
		if _, ok, err := s.Last(chain(1)); ok || err != nil {
			t.Fatal("found before it was seen", err)
		}
		remember(chain(1), mydb, office, head(5, 5))
		remember(chain(1), mydb, office, head(5, 5))
		remember(chain(1), mydb, office, head(3, 3))
		last(chain(1), head(5, 5))
		remember(chain(1), mydb, "DB.example.com:5000", head(7, 7))
		last(chain(1), head(7, 7))

		wantErr(t, "fork", s.Remember(chain(1), mydb, office, head(7, 8)), fault.Forked, head(7, 7).String(), head(7, 8).String())
		wantErr(t, "fork, elsewhere", s.Remember(chain(1), mydb, "other:1", head(7, 8)), fault.Forked, office, "other:1")
		if _, ok, err := s.ChainOf("other:1", mydb); ok || err != nil {
			t.Error("a refused sighting left its name", err)
		}
		wantErr(t, "replaced", s.Remember(chain(2), mydb, office, head(9, 9)), fault.Forked, chain(1).String(), chain(2).String(), string(mydb))
		if _, ok, err := s.Last(chain(2)); ok || err != nil {
			t.Error("a refused sighting left its head", err)
		}
		last(chain(1), head(7, 7))

		remember(chain(2), mydb, "other:1", head(1, 1))
		remember(chain(3), "group/db", office, head(1, 1))
		remember(chain(1), mydb, "moved:1", head(8, 8))
		for at, want := range map[place]event.ChainID{{office, mydb}: chain(1), {"other:1", mydb}: chain(2), {office, "group/db"}: chain(3), {"moved:1", mydb}: chain(1)} {
			if got, ok, err := s.ChainOf(at.host, at.name); err != nil || !ok || got != want {
				t.Errorf("%v: %s, %v, %v", at, got, ok, err)
			}
		}
		last(chain(1), head(8, 8))
	})
}
