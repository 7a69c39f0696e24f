package chain

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
)

// forceful votes to drop everything.
type forceful struct{}

func (forceful) Plan(_ context.Context, _ compaction.Chain, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		cast(e.Seq, compaction.ForceDrop)
	}
	return nil
}

// TestEndsLive ends what a strategy gives up that may, the parents too if nothing
// is left under them, and neither what is locked, or has others under it, nor
// anything for a strategy that may not.
func TestEndsLive(t *testing.T) {
	for may, want := range map[bool]uint64{false: 0, true: 4} {
		f := newFixture(t)
		f.do(newCommit(1, put{"a", "1", false}, put{"b", "1", false}, put{"parent", "1", false}, put{"parent that stays", "1", false}))
		f.do(withHeader(2, event.Header{Key: []byte("child"), Parent: event.Parent{Key: []byte("parent")}}, "x"))
		f.do(withHeader(5, event.Header{Key: []byte("locked"), Parent: event.Parent{Key: []byte("parent that stays")}}, "x"))
		f.do(newCommit(3, put{"a", "2", false}))
		f.do(newCommit(4, put{"last", "1", false})) // which no compaction looks at
		if err := f.Lock(&LockRequest{Session: 7, Key: []byte("locked"), Granted: func() {}}); err != nil {
			t.Fatal(err)
		}
		now := time.Now().Add(time.Hour)
		f.now = func() time.Time { return now }
		result, err := f.Compact(t.Context(), Compaction{Strategies: []Strategy{{Name: "s", EndsLive: may, Strategy: forceful{}}}})
		if err != nil || result.Ended != want {
			t.Fatalf("may %t: %+v, %v", may, result, err)
		}
		if overruled := len(result.Overruled) > 0; overruled == may {
			t.Errorf("may %t: overruled %v", may, result.Overruled)
		}
		for key, there := range map[string]bool{"a": !may, "b": !may, "locked": true, "child": !may, "parent": !may, "parent that stays": true, "last": true} {
			if got := len(f.Newest([][]byte{[]byte(key)})) == 1; got != there {
				t.Errorf("may %t: object %s there %t", may, key, got)
			}
		}
		f.open() // as it was stored
		if got := len(f.Newest([][]byte{[]byte("b")})) == 1; got != !may {
			t.Errorf("may %t: after opening again, b there %t", may, got)
		}
	}
}

// TestEndsAll ends all that is given up, of however many bytes, and says of none
// of it that it was kept, whichever strategy wanted it dropped beside the one that
// may.
func TestEndsAll(t *testing.T) {
	f := newFixture(t)
	const objects = 7
	for i := range byte(objects) {
		f.do(newCommit(i, put{fmt.Sprint(i), strings.Repeat("x", 3<<20), false}))
	}
	f.do(newCommit(99, put{"last", "1", false}))
	now := time.Now().Add(time.Hour)
	f.now = func() time.Time { return now }
	read := 0
	pace := func(_ context.Context, bytes int) error { read += bytes; return nil }
	result, err := f.Compact(t.Context(), Compaction{Strategies: []Strategy{{Name: "may", EndsLive: true, Strategy: forceful{}}, {Name: "may not", Strategy: forceful{}}}, Pace: pace})
	if err != nil || result.Ended != objects || len(result.Overruled) > 0 {
		t.Fatalf("%+v, %v", result, err)
	}
	if read < 2*objects*3<<20 { // to plan, and to end
		t.Errorf("it was paced by %d bytes", read)
	}
	if n := f.Objects(); n != 2 { // genesis and the last
		t.Errorf("%d objects live", n)
	}
}

// TestEndsInFewRounds ends many objects in few rounds: a client's commit would wait
// for all of them.
func TestEndsInFewRounds(t *testing.T) {
	f := newFixture(t)
	const objects = 2 * endsAtOnce
	f.fill(objects)
	f.do(newCommit(99, put{"last", "1", false}))
	now := time.Now().Add(time.Hour)
	f.now = func() time.Time { return now }
	before := f.log.Appends()
	result, err := f.Compact(t.Context(), Compaction{Strategies: []Strategy{{Name: "s", EndsLive: true, Strategy: forceful{}}}})
	if err != nil || result.Ended < objects-1 {
		t.Fatalf("%+v, %v", result, err)
	}
	if rounds := f.log.Appends() - before; rounds > 6 {
		t.Errorf("%d objects were ended in %d rounds", result.Ended, rounds)
	}
}
