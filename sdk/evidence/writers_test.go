package evidence

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// by returns a seal of a writer of key 1.
func by(name byte, number, head uint64) *Seal {
	return &Seal{Signer: event.Hash{1}, Writer: Writer{name}, Number: number, Head: merkle.Head{Size: head}}
}

func admit(tb testing.TB, w *Writers, seals ...*Seal) {
	tb.Helper()
	for _, s := range seals {
		if err := w.Admit(s); err != nil {
			tb.Fatalf("number %d of writer %s: %v", s.Number, s.Writer, err)
		}
	}
}

// TestReplayedAtAnotherPosition: a batch that was admitted is refused for ever,
// and so is every number that is not above the writer's last; another writer's,
// and another key's with the same writer, are its own.
func TestReplayedAtAnotherPosition(t *testing.T) {
	w := NewWriters()
	admit(t, w, by(1, 0, 5), by(2, 9, 5), by(1, 3, 6))
	for _, s := range []*Seal{by(1, 3, 6), by(1, 0, 5), by(1, 3, 100), by(1, 2, 100), by(2, 9, 5)} {
		wantFault(t, w.Check(s), fault.BadSeal, "replayed, or out of order")
	}
	other := by(1, 3, 6)
	other.Signer = event.Hash{2}
	admit(t, w, other, by(1, 4, 1), by(1, ^uint64(0), 6), by(2, 10, 6))
	wantFault(t, w.Check(by(1, 0, 7)), fault.BadSeal, "has used 18446744073709551615")
}

// TestForgedSealBurnsNoNumber: to check a seal changes nothing, so that a
// stranger's with a high number does not lock its owner out.
func TestForgedSealBurnsNoNumber(t *testing.T) {
	w := NewWriters()
	if err := w.Check(by(1, 1000, 5)); err != nil {
		t.Fatal(err)
	}
	admit(t, w, by(1, 1, 5))
}

// TestReplayedInOneRound: what is staged counts, and no longer once it is
// discarded, since its batch may then come again.
func TestReplayedInOneRound(t *testing.T) {
	w := NewWriters()
	admit(t, w, by(1, 1, 5))
	before := w.AppendState(nil)
	for range 2 {
		w.Stage(by(1, 2, 6))
		w.Stage(by(1, 3, 6))
		w.Stage(by(2, 1, 6))
		wantFault(t, w.Check(by(1, 3, 6)), fault.BadSeal, "has used 3")
		wantFault(t, w.Check(by(2, 1, 6)), fault.BadSeal, "has used 1")
		w.Discard()
		if !bytes.Equal(w.AppendState(nil), before) {
			t.Error("what was discarded left something")
		}
	}
	w.Stage(by(1, 2, 6))
	w.Settle()
	w.Discard()
	wantFault(t, w.Check(by(1, 2, 6)), fault.BadSeal, "has used 2")
}

// TestFloodOfWriters: the memory stays bounded, no replay gets through because a
// writer was forgotten, and a client that catches up is admitted.
func TestFloodOfWriters(t *testing.T) {
	w := newWriters(10)
	victim := by(1, 7, 50)
	admit(t, w, victim)
	for i := range uint64(200) {
		s := by(2, i, 51+i)
		s.Signer = event.Hash{2, byte(i)}
		admit(t, w, s)
	}
	if w.recent.Len() != 10 || len(w.recent.at) != 10 {
		t.Fatalf("%d and %d writers are remembered", w.recent.Len(), len(w.recent.at))
	}
	wantFault(t, w.Check(victim), fault.Expired, "builds on a chain of 50 events, and at least 241 are needed")
	wantFault(t, w.Check(by(1, 8, 240)), fault.Expired, "catch up with the chain and seal again")
	admit(t, w, by(1, 8, 241))
}

// TestNoReplayEver runs random writers against a small memory, with rounds that
// are settled or discarded and restarts from a snapshot: nothing that was
// admitted is admitted again. What is in the memory is compared with its meaning:
// the writers with the newest heads, and the next head as the floor.
func TestNoReplayEver(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	w := newWriters(8)
	var admitted, staged []*Seal
	newest := make(map[writer]uint64)
	for round := range 2000 {
		before, floor := w.AppendState(nil), w.floor
		for range 1 + random.IntN(5) {
			s := by(byte(random.IntN(20)), uint64(round), uint64(1+round/2+random.IntN(40)))
			if w.Check(s) == nil {
				w.Stage(s)
				staged = append(staged, s)
			}
		}
		if random.IntN(3) == 0 {
			w.Discard()
			if !bytes.Equal(w.AppendState(nil), before) || w.floor != floor {
				t.Fatal("what was discarded left something")
			}
		} else {
			w.Settle()
			for _, s := range staged {
				newest[s.writer()] = max(newest[s.writer()], s.Head.Size)
			}
			admitted = append(admitted, staged...)
		}
		staged = staged[:0]
		for range min(20, len(admitted)) {
			if s := admitted[random.IntN(len(admitted))]; w.Check(s) == nil {
				t.Fatalf("number %d of writer %s was admitted twice", s.Number, s.Writer)
			}
		}
		checkMemory(t, w, newest)
		if round%100 == 0 {
			restored, err := RestoreWriters(w.AppendState(nil))
			if err != nil {
				t.Fatal(err)
			}
			restored.limit = w.limit
			w = restored
		}
	}
	if len(admitted) < 1000 || w.floor == 0 {
		t.Errorf("only %d were admitted, with floor %d: the test shows little", len(admitted), w.floor)
	}
}

// checkMemory compares the memory with the newest head of each writer ever.
func checkMemory(t *testing.T, w *Writers, newest map[writer]uint64) {
	t.Helper()
	var heads []uint64
	for _, head := range newest {
		heads = append(heads, head)
	}
	slices.Sort(heads)
	var floor uint64
	if forgotten := len(heads) - w.limit; forgotten > 0 {
		floor, heads = heads[forgotten-1], heads[forgotten:]
	}
	var got []uint64
	for i, l := range w.recent.lasts {
		got = append(got, l.head)
		if w.recent.at[l.writer] != i {
			t.Fatalf("writer %s is not where the index says", l.name)
		}
	}
	slices.Sort(got)
	if w.floor != floor || !slices.Equal(got, heads) {
		t.Fatalf("remembered heads %v over floor %d; want %v over %d", got, w.floor, heads, floor)
	}
}

// TestDamagedState: a state is read back as it was, and anything else is refused.
func TestDamagedState(t *testing.T) {
	w := newWriters(2)
	admit(t, w, by(1, 1, 5), by(3, 2, 6), by(2, 3, 7), by(4, 3, 8))
	state := w.AppendState([]byte("before"))[len("before"):]
	restored, err := RestoreWriters(state)
	if err != nil {
		t.Fatal(err)
	}
	if again := restored.AppendState(nil); !bytes.Equal(again, state) || len(state) != stateHeader+2*lastSize {
		t.Errorf("a state of %d bytes became %x", len(state), again)
	}
	wantFault(t, restored.Check(by(4, 3, 8)), fault.BadSeal, "has used 3")
	wantFault(t, restored.Check(by(1, 1, 5)), fault.Expired, "builds on a chain of 5")

	future := slices.Clone(state)
	future[0] = 2
	one, two := state[stateHeader:stateHeader+lastSize], state[stateHeader+lastSize:]
	for what, test := range map[string]struct {
		state []byte
		says  string
	}{
		"future version":   {future, "is of version 2; this program knows version 1"},
		"nothing":          {nil, "has 0 bytes"},
		"cut header":       {state[:stateHeader-1], "has 12 bytes"},
		"cut writer":       {state[:len(state)-1], "says that it has 2 in 127 bytes"},
		"trailing byte":    {append(slices.Clone(state), 0), "says that it has 2 in 129 bytes"},
		"too many writers": {slices.Concat(state[:9], []byte{255, 255, 255, 255}, one, two), "says that it has 4294967295"},
		"reordered":        {slices.Concat(state[:stateHeader], two, one), "out of order"},
		"one twice":        {slices.Concat(state[:stateHeader], one, one), "out of order"},
		"under the floor":  {slices.Concat(state[:1], []byte{9, 0, 0, 0, 0, 0, 0, 0}, state[9:]), "out of order"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := RestoreWriters(test.state)
			wantFault(t, err, fault.Damaged, test.says)
		})
	}
}

// FuzzRestoreWriters: what is accepted is written as it was read.
func FuzzRestoreWriters(f *testing.F) {
	w := newWriters(2)
	admit(f, w, by(1, 1, 5), by(3, 2, 6), by(2, 3, 7))
	f.Add(w.AppendState(nil))
	f.Add(NewWriters().AppendState(nil))
	f.Fuzz(func(t *testing.T, state []byte) {
		w, err := RestoreWriters(state)
		if err != nil {
			if !fault.Is(err, fault.Damaged) {
				t.Errorf("another fault: %v", err)
			}
		} else if !bytes.Equal(w.AppendState(nil), state) {
			t.Error("a state is not written as it was read")
		}
	})
}

// TestGapInTheLogIsNoWayBack rebuilds the memory from a log that has lost
// batches: none of those comes back, whoever stands in the log is remembered, and
// the memory survives its own saving.
func TestGapInTheLogIsNoWayBack(t *testing.T) {
	w := NewWriters()
	seal := func(writer byte, number, head uint64) *Seal {
		return &Seal{Writer: Writer{writer}, Number: number, Head: merkle.Head{Size: head}}
	}
	w.Replay(seal(1, 1, 5))
	w.RaiseFloor(20)
	w.Replay(seal(2, 7, 10)) // stands after the gap, and built on what is before it
	w.Replay(seal(3, 7, 25))
	again, err := RestoreWriters(w.AppendState(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []*Writers{w, again} {
		for what, s := range map[string]*Seal{"the gap's": seal(4, 1, 19), "one from before it": seal(1, 2, 5), "one at its end": seal(4, 1, 20)} {
			if err := w.Check(s); !fault.Is(err, fault.Expired) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := w.Check(seal(3, 7, 26)); !fault.Is(err, fault.BadSeal) {
			t.Errorf("a replayed one: %v", err)
		}
		if err := w.Check(seal(3, 8, 26)); err != nil {
			t.Error(err)
		}
	}
}
