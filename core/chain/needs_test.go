package chain

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/storage"
)

// history is events in words, oldest first, from seq 1 on: commits are
// separated by commas, a commit's events by a plus. In brackets stands
// what is more to say of an event: gone, an earlier compaction dropped it; fresh,
// it is from after the cut-off of tombstones; young, from after that of all
// events; opens, it introduces the key that seals its commit.
func history(t *testing.T, words string) []stored {
	t.Helper()
	genesis := stored{Event: compaction.Event{Header: event.Header{Key: []byte(event.GenesisKey)}}}
	events, seq := []stored{genesis}, event.Seq(1)
	for commit := range strings.SplitSeq(words, ", ") {
		first := seq
		for words := range strings.SplitSeq(commit, " + ") {
			what, more, _ := strings.Cut(words, " (")
			e := stored{compaction.Event{Seq: seq, Header: inWords(t, what)}, first, more == "opens)"}
			switch more {
			case "fresh)":
				e.Time = freshTime
			case "young)":
				e.Time = youngTime
			}
			if seq++; more != "gone)" {
				events = append(events, e)
			}
		}
	}
	return events
}

var freshTime, youngTime = time.Unix(100, 0), time.Unix(200, 0)

func inWords(t *testing.T, words string) event.Header {
	t.Helper()
	w := append(strings.Fields(words), "", "", "")
	h := event.Header{Key: []byte(w[1])}
	switch w[0] + " " + w[2] {
	case "put ":
	case "put under":
		h.Parent.Key = []byte(w[3])
	case "top ":
		h.Parent.Top = true
	case "grant to":
		h.Write = writers(w[3])
	case "inherit ":
		h.Write.Kind = event.WriteInherit
	case "close with":
		h.Read = event.ReadAuthority{Kind: event.ReadByKey, Key: event.KeyID([]byte(w[3]))}
	case "open ":
		h.Read.Kind = event.ReadInherit
	case "introduce in":
		h.Key, h.Keys = []byte(w[3]), [][]byte{[]byte(w[1])}
	case "root ":
		h.Key, h.Write = []byte(authority.RootKey), writers(w[1])
	case "end ":
		h.Tombstone = true
	default:
		t.Fatalf("the history says %q", words)
	}
	return h
}

// needsOf has needs see a history, as one of as many strategies looks at it.
func needsOf(mode event.Trust, strategies int, events []stored) *needs {
	end := events[len(events)-1].Seq + 1
	n := newNeeds(mode, strategies, end, end)
	n.buried, n.young = freshTime.Add(-1), youngTime.Add(-1)
	n.seeAll(events)
	return n
}

func (n *needs) seeAll(events []stored) {
	for range n.watch(newestFirst(events)) {
		continue
	}
}

func newestFirst(events []stored) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		for _, e := range slices.Backward(events) {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// left returns what is left when all that was decided is done.
func (n *needs) left(events []stored) string {
	n.finish()
	set, _, _ := n.dropSet()
	var seqs []event.Seq
	for _, e := range events {
		if !slices.ContainsFunc(set, func(r storage.Range) bool { return e.Seq >= r.First && e.Seq < r.End }) {
			seqs = append(seqs, e.Seq)
		}
	}
	return strings.Trim(fmt.Sprint(seqs), "[]")
}

// TestNeeds gives all events of small histories up with the strongest vote: what
// is left is what has to stay. The genesis is event 0.
func TestNeeds(t *testing.T) {
	for _, c := range []struct{ name, history, centralized, distributed string }{
		{"newest values", "put a, put b, put a, put b, put a", "0 4 5", "0 4 5"},
		{"within a commit", "put a + put b + put a, put b", "0 3 4", "0 3 4"},
		{"young events", "put a, put a (young), put a (young)", "0 2 3", "0 2 3"},

		{"parent", "put p, put a under p, put a", "0 1 2 3", "0 1 2 3"},
		{"parent that changed", "put p, put p, put a under p, put p", "0 3 4", "0 1 3 4"},
		{"parent that changed later", "put p, put a under p, put p, put p", "0 2 4", "0 1 2 4"},
		{"parent whose first event is gone", "put p (gone), put p, put a under p, put p", "0 3 4", "0 2 3 4"},
		{"moved on", "put p, put q, put a under p, put a under q, put a", "0 1 2 4 5", "0 1 2 3 4 5"},
		{"moved to the top", "put p, put a under p, top a, put a", "0 1 3 4", "0 1 2 3 4"},
		{"made at the top and moved", "put p, put a, put a, put a under p", "0 1 4", "0 1 2 4"},
		{"the same, and once more", "put p, put a, put a, put a under p, put a under p, put a", "0 1 5 6", "0 1 2 4 5 6"},

		{"write authority", "put a, grant a to joe, put a", "0 2 3", "0 2 3"},
		{"write authority set anew", "grant a to joe, grant a to ann, put a", "0 2 3", "0 1 2 3"},
		{"write authority given up", "grant a to joe, inherit a, put a", "0 2 3", "0 1 2 3"},
		{"read authority", "close a with k, put a, open a, put a", "0 3 4", "0 1 3 4"},
		{"one of each", "put p, put a under p, grant a to joe, close a with k, put a", "0 1 2 3 4 5", "0 1 2 3 4 5"},
		{"root keys", "root joe, root ann, put a, root eve, put a", "0 4 5", "0 1 2 4 5"},

		{"former life", "put a, put a, end a, put a, put a", "0 3 5", "0 3 5"},
		{"former life with a parent and an authority", "put p, put a under p, grant a to joe, end a, put a", "0 1 4 5", "0 1 2 3 4 5"},
		{"former life of what moved", "put p, put a, put a under p, end a, put a, put a", "0 1 4 6", "0 1 2 3 4 6"},
		{"former life of a parent", "put p, put p, put a under p, end a, end p, put p, put p", "0 4 5 7", "0 1 3 4 5 7"},
		{"both lives of a parent", "put p, put p, put a under p, end a, end p, put p, put p, put a under p, put p", "0 4 5 8 9", "0 1 3 4 5 6 8 9"},

		{"tombstone", "put a, end a, put b", "0 2 3", "0 2 3"},
		{"tombstone alone", "put a (gone), end a, put b", "0 3", "0 3"},
		{"fresh tombstone alone", "put a (gone), end a (fresh), put b", "0 2 3", "0 2 3"},
		{"young tombstone alone", "put a (gone), end a (young), put b", "0 2 3", "0 2 3"},
		{"tombstone alone of a former life", "put a (gone), end a, put a", "0 3", "0 3"},
		{"tombstones of two lives", "put a, end a, put a, end a", "0 2 4", "0 2 4"},
		{"tombstones of two lives, the first gone", "put a (gone), end a, put a, end a", "0 4", "0 4"},
		{"tombstone of a tombstone", "end a, end a, put b", "0 2 3", "0 2 3"},

		{"public key", "introduce joe in a, put a", "0 1 2", "0 1 2"},
		{"public key in a former life", "introduce joe in a, put a, end a, put a", "0 1 3 4", "0 1 3 4"},
		{"public key of the signer", "put a, put a + put b + introduce joe in c (opens) + put b, put a, put b, put c", "0 4 6 7 8", "0 2 3 4 6 7 8"},
		{"public key of the signer, again", "put a + introduce joe in c (opens) + put a + introduce joe in c (opens) + put a, put a", "0 2 4 6", "0 1 2 4 6"},
		{"public key of the signer, in later commits", "put a + introduce joe in c (opens), put a + introduce joe in c (opens), put a + introduce joe in c (opens)", "0 2 5 6", "0 1 2 5 6"},
		{"public key, again", "introduce joe in a, introduce joe in a, introduce ann in a, put a", "0 1 3 4", "0 1 3 4"},
		{"public key of another", "put a, put a + introduce joe in c, put a", "0 3 4", "0 3 4"},
	} {
		for mode, want := range map[event.Trust]string{event.Centralized: c.centralized, event.Distributed: c.distributed} {
			events := history(t, c.history)
			n := needsOf(mode, 1, events)
			for _, e := range events {
				n.vote(0, e.Seq, compaction.ForceDrop)
			}
			if got := n.left(events); got != want {
				t.Errorf("%s, %s trust: of %q are left %s, want %s", c.name, mode, c.history, got, want)
			}
		}
	}
}

// TestNeedsOfTheEnd has what is not in a stored bundle stay, and tombstones that
// no snapshot has seen.
func TestNeedsOfTheEnd(t *testing.T) {
	events := history(t, "put a, put x (gone), end x, put a, put y (gone), end y, put a, put a")
	for _, c := range []struct {
		limit, unsaved event.Seq
		want           string
	}{
		{9, 9, "0 8"}, {8, 9, "0 8"}, {7, 9, "0 7 8"}, {6, 9, "0 6 7 8"}, {4, 9, "0 4 6 7 8"}, {0, 9, "0 1 3 4 6 7 8"},
		{9, 6, "0 6 8"}, {9, 7, "0 8"}, {9, 3, "0 3 6 8"}, {9, 0, "0 3 6 8"},
	} {
		n := newNeeds(event.Centralized, 1, c.limit, 9)
		n.unsaved, n.buried, n.young = c.unsaved, freshTime, youngTime
		n.seeAll(events)
		for _, e := range events {
			n.vote(0, e.Seq, compaction.ForceDrop)
		}
		if got := n.left(events); got != c.want {
			t.Errorf("limit %d, snapshot up to %d: left are %s, want %s", c.limit, c.unsaved, got, c.want)
		}
		if want := uint64(len(events)); c.limit == 9 && n.examined != want {
			t.Errorf("%d examined, want %d", n.examined, want)
		}
	}
}

// TestVotes has two strategies cast every pair of votes on an event that nobody
// needs.
func TestVotes(t *testing.T) {
	weakestFirst := []compaction.Vote{compaction.Silent, compaction.Drop, compaction.Keep, compaction.ForceDrop, compaction.ForceKeep}
	drops := []bool{false, true, false, true, false}
	events := history(t, "put a, put a")
	for i, one := range weakestFirst {
		for k, other := range weakestFirst {
			for name, cast := range map[string]func(*needs){
				"two strategies":            func(n *needs) { n.vote(0, 1, one); n.vote(1, 1, other) },
				"one that changes its mind": func(n *needs) { n.vote(1, 1, one); n.vote(1, 1, other) },
			} {
				n := needsOf(event.Centralized, 2, events)
				cast(n)
				if got, want := n.left(events) == "0 2", drops[max(i, k)]; got != want {
					t.Errorf("%s, %s and %s: dropped %t, want %t", name, one, other, got, want)
				}
			}
		}
	}
}

// TestVotesThatCountForNothing votes on events that are not there, and gives up
// what lives: it is counted who did.
func TestVotesThatCountForNothing(t *testing.T) {
	events := history(t, "put a, put a, put b (gone), put b, end a")
	n := needsOf(event.Centralized, 3, events)
	for _, seq := range []event.Seq{3, 6, 4095, 4096, 1 << 40, 1<<64 - 1} {
		n.vote(0, seq, compaction.ForceDrop)
	}
	n.vote(1, 4, compaction.Drop)
	n.vote(1, 4, compaction.Drop)
	n.vote(1, 2, compaction.ForceDrop)
	n.vote(2, 4, compaction.ForceKeep)
	n.finish()
	set, young, overruled := n.dropSet()
	if !slices.Equal(set, storage.DropSet{{First: 2, End: 3}}) || young != 0 || !slices.Equal(overruled, []uint64{0, 1, 0}) {
		t.Errorf("dropped %v, %d young, overruled %d", set, young, overruled)
	}
}

// TestYoungEventsAreCounted tells how many events a later compaction will drop.
func TestYoungEventsAreCounted(t *testing.T) {
	events := history(t, "put a, put a, put a (young), put a (young), put b (young)")
	n := needsOf(event.Centralized, 1, events)
	for _, e := range events {
		n.vote(0, e.Seq, compaction.Drop)
	}
	n.finish()
	if set, young, _ := n.dropSet(); !slices.Equal(set, storage.DropSet{{First: 1, End: 3}}) || young != 1 {
		t.Errorf("dropped %v, %d young", set, young)
	}
}

// TestPagesKnowWhatIsThere marks events far apart, as old chains have them.
func TestPagesKnowWhatIsThere(t *testing.T) {
	p := pages{strategies: 1, byNumber: make(map[event.Seq]*page)}
	seqs := []event.Seq{1 << 50, 3*pageEvents + 1, 3 * pageEvents, 3*pageEvents - 1, pageEvents, 1, 0}
	for _, seq := range seqs {
		p.add(seq)
	}
	for _, seq := range seqs {
		for _, near := range []event.Seq{seq - 1, seq, seq + 1} {
			if got, want := p.find(near) != nil, slices.Contains(seqs, near); got != want {
				t.Errorf("event %d is known: %t, want %t", near, got, want)
			}
		}
	}
	p.vote(0, pageEvents, compaction.Drop)
	var got []event.Seq
	for seq, m := range p.oldestFirst() {
		if got = append(got, seq); m.given() != (seq == pageEvents) {
			t.Errorf("event %d is given up: %t", seq, m.given())
		}
	}
	if slices.Reverse(seqs); !slices.Equal(got, seqs) {
		t.Errorf("oldest first: %d", got)
	}
}
