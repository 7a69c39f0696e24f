package authserver

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

// dropAll is a compaction strategy that wants nothing kept.
type dropAll struct{}

func (dropAll) Rules(context.Context) (compaction.Rules, error) { return compaction.Rules{}, nil }

func (dropAll) Plan(_ context.Context, _ compaction.Chain, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		cast(e.Seq, compaction.ForceDrop)
	}
	return nil
}

// compact drops all of the accounts that core lets go, and opens them anew.
func (w *world) compact() {
	w.tb.Helper()
	w.pass(time.Minute)
	done, err := w.store.Chain().Compact(w.tb.Context(), chain.Compaction{Strategies: []chain.Strategy{{Name: "all", Strategy: dropAll{}}}})
	check(w.tb, err)
	if done.Dropped == 0 {
		w.tb.Error("the compaction dropped nothing")
	}
	w.open()
}

// line returns the statements of a name from a number to the newest, which the
// server shows page by page, and proves.
func (w *world) line(name string, object []byte, from uint64) []account.Signed {
	w.tb.Helper()
	var line []account.Signed
	for {
		found, err := w.connect().lookFrom(name, 0, from+uint64(len(line)))
		check(w.tb, err)
		head, newest := verifyFound(w.tb, w, found)
		for _, e := range found.Earlier {
			frame, _, err := event.CutFrame(e.Frame)
			check(w.tb, err)
			check(w.tb, merkle.CheckInclusion(hashes(e.Inclusion), head, e.Seq, frame.Leaf(event.ChainID(found.ChainId))))
			header, err := event.DecodeHeader(frame.Header)
			check(w.tb, err)
			if want := authserver.EarlierKey(object, from+uint64(len(line))); string(header.Key) != string(want) {
				w.tb.Fatalf("the object is %s; want %s", header.Key, want)
			}
			signed, err := account.ParseSigned(frame.Data)
			check(w.tb, err)
			line = append(line, signed)
		}
		if len(found.Earlier) < authserver.MaxEarlier {
			return append(line, newest)
		}
	}
}

// rotate has a person take new keys.
func (w *world) rotate(p *peer, who *person) error {
	w.tb.Helper()
	next, err := keys.NewIdentity(string(who.name))
	check(w.tb, err)
	advert, err := account.NextAdvert(who.advert, who.id, next, w.now())
	check(w.tb, err)
	if err := p.put(who.vault, &advert); err != nil {
		return err
	}
	who.id, who.advert = next, advert
	return nil
}

// TestHistoryOfUser proves that all adverts of a user stay, over a compaction and a
// restart, and that each is there once.
func TestHistoryOfUser(t *testing.T) {
	const rotations = 2*authserver.MaxEarlier + 3
	w, alice := newWorld(t, "alice", "bob"), *cast()["alice"]
	first := alice.advert
	p := w.loginAs(&alice)
	for range rotations {
		check(t, w.rotate(p, &alice))
	}
	w.compact()
	line := w.line(string(alice.name), authserver.UserKey(string(alice.name)), 1)
	if len(line) != rotations {
		t.Fatalf("after %d rotations the server shows %d adverts behind the first", rotations, len(line))
	}
	for i, before := range append([]account.Signed{first}, line[:len(line)-1]...) {
		if _, err := account.CheckAdvert(&before, line[i]); err != nil {
			t.Fatal(err)
		}
	}
	for from, want := range map[uint64]int{0: 0, rotations - 1: 1, rotations: 0, 1 << 63: 0, 1<<64 - 1: 0} {
		found, err := w.connect().lookFrom(string(alice.name), 0, from)
		check(t, err)
		if len(found.Earlier) != want {
			t.Errorf("from number %d there are %d earlier adverts; want %d", from, len(found.Earlier), want)
		}
	}
	for _, name := range []string{"bob@example.com", "nobody@example.com"} {
		found, err := w.connect().lookFrom(name, 0, 1)
		check(t, err)
		if len(found.Earlier) > 0 {
			t.Errorf("%s has %d earlier adverts", name, len(found.Earlier))
		}
	}
}

// TestHistoryOfGroup is the same for groups, whose rosters do not stay.
func TestHistoryOfGroup(t *testing.T) {
	w := withGroup(t)
	check(t, w.change("bob", "bob", w.add("mallory", group.Contributor)))
	check(t, w.change("alice", "alice", w.remove("bob")))
	check(t, w.change("alice", "alice", w.remove("mallory")))
	w.compact()
	line := w.line("writers", authserver.GroupKey("writers"), 1)
	if len(line) != 6 {
		t.Fatalf("after 6 changes the server shows %d statements behind the first", len(line))
	}
	for i := range line[1:] {
		if _, err := group.CheckStatement(&line[i], line[i+1]); err != nil {
			t.Error(err)
		}
	}
	rosters := 0
	for batch, err := range event.Records(w.log.Records()) {
		check(t, err)
		for frames := batch.Frames; len(frames) > 0; {
			var f event.Frame
			f, frames, err = event.CutFrame(frames)
			check(t, err)
			if header, err := event.DecodeHeader(f.Header); err == nil && header.Type == "ate-roster-v1" {
				rosters++
			}
		}
	}
	if rosters != 1 {
		t.Errorf("the log has %d rosters after it was compacted", rosters)
	}
}

// TestHistoryFromBefore: accounts of a server that kept the newest alone lack what
// was replaced then, and have all from there on.
func TestHistoryFromBefore(t *testing.T) {
	w, alice := newWorld(t, "alice"), *cast()["alice"]
	next, err := keys.NewIdentity(string(alice.name))
	check(t, err)
	for range 3 {
		alice.advert, err = account.NextAdvert(alice.advert, alice.id, next, w.now())
		check(t, err)
		alice.id = next
		check(t, w.store.Update(t.Context(), func(tx *accounts.Tx) error {
			tx.PutAdvert(string(alice.name), &accounts.User{Advert: alice.advert.Encode()}, nil)
			return nil
		}))
	}
	p := w.loginAs(&alice)
	for range 2 {
		check(t, w.rotate(p, &alice))
	}
	for from, want := range map[uint64]int{1: 0, 2: 0, 3: 2, 4: 1} {
		found, err := w.connect().lookFrom(string(alice.name), 0, from)
		check(t, err)
		if len(found.Earlier) != want {
			t.Errorf("from number %d there are %d earlier adverts; want %d", from, len(found.Earlier), want)
		}
	}
}

// TestFloodOfChanges: the attack is to fill the server with what it keeps for ever.
func TestFloodOfChanges(t *testing.T) {
	w := withGroup(t)
	alice, bob := *cast()["alice"], *cast()["bob"]
	for range changeRate.Burst {
		w.changes.Take(string(alice.name), w.now())
	}
	p := w.loginAs(&alice)
	wantCode(t, "new keys", w.rotate(p, &alice), fault.Overloaded)
	wantCode(t, "a change of a group", w.change("alice", "alice", w.add("mallory", group.Observer)), fault.Overloaded)
	check(t, p.put(withLocksOf(t, alice.vault, bob.vault), nil)) // a new passphrase, which takes the old one's place
	check(t, w.rotate(w.loginAs(&bob), &bob))
	w.pass(changeRate.Every)
	check(t, w.change("bob", "bob", w.add("mallory", group.Observer)))
}

// BenchmarkLookBack measures looking for a user with a page of earlier adverts.
func BenchmarkLookBack(b *testing.B) {
	w, alice := newWorld(b, "alice"), *cast()["alice"]
	p := w.loginAs(&alice)
	for range authserver.MaxEarlier + 1 {
		check(b, w.rotate(p, &alice))
	}
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		found, err := p.lookFrom(string(alice.name), 2, 1)
		if err != nil || len(found.Earlier) != authserver.MaxEarlier {
			b.Fatal(len(found.Earlier), err)
		}
		size = found.SizeVT()
	}
	b.ReportMetric(float64(size), "bytes/answer")
}
