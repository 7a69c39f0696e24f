package chain

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// threeVersions is a chain of which events 1 and 2 can be dropped.
func threeVersions(t *testing.T) *fixture {
	f := oldFixture(t)
	for i := range byte(3) {
		f.do(newCommit(1+i, put{"a", "v", false}))
	}
	f.fill(5000)
	return f
}

// TestStrategiesThatFail has nothing dropped, and the strategy named, when one of
// two fails after it gave everything up.
func TestStrategiesThatFail(t *testing.T) {
	all := everywhere(compaction.ForceDrop)
	for name, c := range map[string]struct {
		plan plan
		code fault.Code
	}{
		"at once": {func(context.Context, iter.Seq2[compaction.Event, error], func(event.Seq, compaction.Vote)) error {
			return fault.New(fault.Unavailable, "dead")
		}, fault.Unavailable},
		"in the end": {func(ctx context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
			return errors.Join(all(ctx, events, cast), fault.New(fault.BadMessage, "garbage"))
		}, fault.BadMessage},
		"by hanging": {func(ctx context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
			_ = all(ctx, events, cast)
			<-ctx.Done()
			return ctx.Err()
		}, fault.Internal},
	} {
		f := threeVersions(t)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := f.tryCompact(ctx, all, c.plan, all)
		cancel()
		if !fault.Is(err, c.code) || !containsString(err, "strategy 1") {
			t.Errorf("%s: %v", name, err)
		}
		if f.wantMissing(); f.Compactions() != (Compactions{}) {
			t.Errorf("%s: noted is %+v", name, f.Compactions())
		}
		f.compact(all)
		f.wantMissing(1, 2)
	}
}

// TestStrategyThatHidesThatItsTimeIsOver votes, hangs and says that all is well.
func TestStrategyThatHidesThatItsTimeIsOver(t *testing.T) {
	f := threeVersions(t)
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := f.tryCompact(ctx, func(ctx context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
		err := everywhere(compaction.ForceDrop)(ctx, events, cast)
		cancel()
		return err
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	f.wantMissing()
}

// TestStrategyThatStopsEarly has what it did not look at stay, and be looked at
// for what others need: the only event that gives a its parent.
func TestStrategyThatStopsEarly(t *testing.T) {
	f := oldFixture(t)
	f.do(newCommit(1, put{"p", "v", false}))
	f.do(withHeader(2, event.Header{Key: []byte("a"), Parent: event.Parent{Key: []byte("p")}}, ""))
	for i := range byte(3) {
		f.do(newCommit(3+i, put{"a", "v", false}))
	}
	f.fill(5000)
	first := func(until event.Seq, then compaction.Vote) plan {
		return func(_ context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
			for seq := range until { // before they are shown, votes do not count
				cast(seq, compaction.ForceDrop)
			}
			for e, err := range events {
				if cast(e.Seq, then); e.Seq == until {
					return err
				}
			}
			return nil
		}
	}
	c := f.compact(first(4, compaction.ForceDrop), first(4900, compaction.ForceKeep))
	if f.wantMissing(4); c.Examined != 4999 {
		t.Errorf("%d examined", c.Examined)
	}
	f.compact(first(5, compaction.Keep), everywhere(compaction.Drop))
	f.wantMissing(3, 4)
}

// TestOneCompactionAtATime refuses another one that comes during one, and takes
// it afterwards.
func TestOneCompactionAtATime(t *testing.T) {
	f := threeVersions(t)
	f.compact(func(context.Context, iter.Seq2[compaction.Event, error], func(event.Seq, compaction.Vote)) error {
		if _, err := f.Compact(t.Context(), Compaction{}); !fault.Is(err, fault.Overloaded) {
			t.Errorf("got %v", err)
		}
		return nil
	})
	f.wantMissing()
	f.compact(everywhere(compaction.Drop))
	f.wantMissing(1, 2)
}

// TestKillDuringACompaction kills the daemon at each thing that a compaction
// stores, before and after it is stored: what was dropped, if anything, was
// noted before, and the chain that is opened from what is left is the same.
func TestKillDuringACompaction(t *testing.T) {
	steps := 0
	for kill := 0; kill <= steps; kill++ {
		f := threeVersions(t)
		f.upkeep.running.Wait()
		head := f.Head()
		at := 0
		var killed *chaintest.Log
		step := func() {
			if at++; at-1 == kill {
				killed = f.log.Copy()
			}
		}
		f.log.OnPutBlob = func(_ context.Context, name string, _ []byte) (bool, error) { step(); return true, nil }
		f.log.OnDrop = func(set storage.DropSet) (bool, error) {
			if !slices.Equal(set, storage.DropSet{{First: 1, End: 3}}) || f.Compactions().Dropped != 3 {
				t.Errorf("the drop is of %v, and %+v is noted", set, f.Compactions())
			}
			step()
			return true, nil
		}
		f.compact(everywhere(compaction.Drop))
		if killed == nil {
			killed = f.log.Copy()
		}
		f.log.OnPutBlob, f.log.OnDrop = nil, nil
		steps, f.log = at, killed
		f.open()
		root, err := f.merkle.RootAt(t.Context(), head.Size)
		if err != nil || root != head.Root || len(f.missing(5000)) > 0 && f.Compactions().Dropped != 3 {
			t.Errorf("killed at step %d: head %s, noted %+v, dropped %d", kill, f.Head(), f.Compactions(), f.missing(5000))
		}
		f.verify()
		f.setClock(time.Now().Add(3 * time.Hour))
		f.compact(everywhere(compaction.Drop))
		if gone := f.missing(5000); !slices.Equal(gone, []event.Seq{1, 2}) {
			t.Errorf("killed at step %d: dropped are %d", kill, gone)
		}
	}
	if steps < 4 {
		t.Errorf("%d steps: the test sees too little", steps)
	}
}

// TestStorageThatFails has nothing dropped that could not be noted, and a drop
// that failed be noted all the same. The chain goes on, and so does the next
// compaction.
func TestStorageThatFails(t *testing.T) {
	full := fault.New(fault.DiskFull, "no space")
	for name, fail := range map[string]func(*chaintest.Log){
		"noting": func(l *chaintest.Log) {
			l.OnPutBlob = func(context.Context, string, []byte) (bool, error) { return false, full }
		},
		"dropping": func(l *chaintest.Log) { l.OnDrop = func(storage.DropSet) (bool, error) { return false, full } },
	} {
		f := threeVersions(t)
		f.upkeep.running.Wait()
		fail(f.log)
		if _, err := f.tryCompact(t.Context(), everywhere(compaction.Drop)); !fault.Is(err, fault.DiskFull) {
			t.Errorf("%s: %v", name, err)
		}
		next := event.Seq(5000)
		if f.wantMissing(); name == "dropping" {
			next += ownEvents
		}
		if name == "dropping" && f.Compactions().Dropped != 3 {
			t.Errorf("noted is %+v", f.Compactions())
		}
		f.want(f.do(newCommit(9, put{"b", "v", false})), next, next+1)
		f.log.OnPutBlob, f.log.OnDrop = nil, nil
		f.compact(everywhere(compaction.Drop))
		if gone := f.missing(5000); !slices.Equal(gone, []event.Seq{1, 2}) {
			t.Errorf("%s: dropped are %d", name, gone)
		}
	}
}

// TestResentAfterItWasDropped sends commits again from before a compaction. While
// they are known they are answered as before; later, those of which anything is
// left are, whole; of the others nobody can say.
func TestResentAfterItWasDropped(t *testing.T) {
	f := oldFixture(t)
	puts := func(n int, last string) []put {
		return append(slices.Repeat([]put{{"a", "v", false}}, n-1), put{last, "v", false})
	}
	f.do(newCommit(1, puts(3, "a")...))                          // 1-3: nothing stays
	f.do(newCommit(2, append(puts(2, "b"), puts(2, "a")...)...)) // 4-7: 5 stays
	f.do(newCommit(3, puts(2, "a")...))                          // 8, 9: 9 stays
	f.fill(5000)
	resend := func(id byte, from event.Seq, puts ...put) Result {
		c := newCommit(id, puts...)
		c.Resent, c.ResentFrom = true, from
		return f.do(c)
	}
	again := []func() Result{
		func() Result { return resend(1, 1, puts(3, "a")...) },
		func() Result { return resend(2, 1, append(puts(2, "b"), puts(2, "a")...)...) },
		func() Result { return resend(3, 8, puts(2, "a")...) },
	}
	f.compact(everywhere(compaction.ForceDrop))
	f.wantMissing(1, 2, 3, 4, 6, 7, 8)
	for i, want := range []span{{1, 4}, {4, 8}, {8, 10}} {
		f.want(again[i](), want.first, want.next)
	}
	f.refuse(resend(4, 8, put{"new", "v", false}), fault.Expired)
	f.open()
	f.refuse(again[0](), fault.Expired)
	f.want(again[1](), 4, 8)
	f.want(again[2](), 8, 10)
	f.refuse(resend(4, 8, put{"new", "v", false}), fault.Expired)
	f.want(resend(5, 9, put{"new", "v", false}), 5002, 5003) // from after all that was dropped: it cannot have been stored
	f.save()
	f.open() // and when the log has to be searched
	f.want(again[1](), 4, 8)
	f.want(again[2](), 8, 10)
}

// TestCompactionsBlob opens chains with what is noted of their compactions
// damaged, or of a later version: that is said once, and anything may have been
// dropped. The next compaction makes it anew.
func TestCompactionsBlob(t *testing.T) {
	resum := func(b []byte) []byte {
		n := len(b) - 4
		return binary.LittleEndian.AppendUint32(b[:n], crc32.Checksum(b[:n], castagnoli))
	}
	for name, c := range map[string]struct {
		spoil func([]byte) []byte
		bad   bool
		want  event.Seq
	}{
		"whole":          {func(b []byte) []byte { return b }, false, 3},
		"missing":        {func([]byte) []byte { return nil }, false, 0},
		"flipped bit":    {func(b []byte) []byte { b[8] ^= 1; return b }, true, 5002},
		"cut short":      {func(b []byte) []byte { return b[:len(b)-1] }, true, 5002},
		"a byte":         {func([]byte) []byte { return []byte{1} }, true, 5002},
		"longer":         {func(b []byte) []byte { return resum(append(b, 0)) }, true, 5002},
		"future version": {func(b []byte) []byte { b[7]++; return resum(b) }, true, 5002},
		"another blob":   {func(b []byte) []byte { b[3] = 'X'; return resum(b) }, true, 5002},
	} {
		f := threeVersions(t)
		f.compact(everywhere(compaction.Drop))
		f.putBlob(compactionsBlob, c.spoil(f.blob(compactionsBlob)))
		var problems []error
		f.onProblem = func(err error) { problems = append(problems, err) }
		now := f.now()
		f.open()
		if c := f.Compactions(); c.Forgotten != c.ForgottenAt || (c.Forgotten == c.Dropped && c.Dropped > 0) != (len(problems) > 0) {
			t.Errorf("%s: tombstones: %+v", name, c)
		}
		if got := f.Compactions().Dropped; len(problems) > 1 || (len(problems) == 1) != c.bad || got != c.want {
			t.Errorf("%s: dropped up to %d, want %d; reported %v", name, got, c.want, problems)
		}
		f.onProblem = nil
		f.setClock(now)
		f.compact(everywhere(compaction.Drop))
		f.open()
	}
}
