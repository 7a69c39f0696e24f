package storagetest

import (
	"bytes"
	"math/rand/v2"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Contains reports whether a drop set has a seq.
func Contains(set storage.DropSet, seq event.Seq) bool {
	for _, r := range set {
		if r.First <= seq && seq < r.End {
			return true
		}
	}
	return false
}

func (s *suite) mustDrop(c storage.Chain, set storage.DropSet) storage.Dropped {
	s.Helper()
	dropped, err := c.Drop(s.ctx, set)
	if err != nil {
		s.Fatalf("dropping: %v", err)
	}
	return dropped
}

func testDrop(s *suite) {
	c := s.open("g/a")
	records := join([][]byte{Records(0, 4, 5, 50), Record(20, 1, 50), Records(21, 3, 10, 50)})
	s.mustAppend(c, records)
	set := storage.DropSet{{First: 2, End: 3}, {First: 5, End: 10}, {First: 13, End: 16}, {First: 19, End: 21}, {First: 45, End: 51}}
	want := Survivors(records, func(seq event.Seq) bool { return !Contains(set, seq) })
	dropped := s.mustDrop(c, set)
	if dropped.Events != 17 || dropped.Bytes != uint64(len(records)-len(want)) {
		s.Fatalf("dropped %+v, want 17 events and %d bytes", dropped, len(records)-len(want))
	}
	s.expect(c, want)
	s.expectNext(c, 51)
	for from := range event.Seq(52) {
		got, err := c.Read(s.ctx, nil, from, 1, false)
		if err != nil {
			s.Fatal(err)
		}
		if !bytes.Equal(got, holding(want, from)) {
			s.Fatalf("Read(%d) after the drop: %s", from, describe(got))
		}
	}
	s.mustAppend(c, Record(51, 2, 50))
	c = s.again(c, "g/a")
	s.expect(c, want, Record(51, 2, 50))
	s.expectNext(c, 53)
	s.expectCode(s.append(c, Record(50, 1, 50)), fault.OutOfSequence, "appending a seq that was dropped")
}

// holding returns the first record with an event at or after from.
func holding(records []byte, from event.Seq) []byte {
	for batch := range event.Records(records) {
		if batch.Next() > from {
			return batch.AppendRecord(nil)
		}
	}
	return nil
}

func testDropAll(s *suite) {
	c := s.open("g/a")
	s.mustAppend(c, Records(0, 10, 3, 100))
	if dropped := s.mustDrop(c, storage.DropSet{{First: 0, End: 30}}); dropped.Events != 30 {
		s.Fatalf("dropped %+v, want 30 events", dropped)
	}
	s.expect(c)
	s.expectNext(c, 30)
	c = s.again(c, "g/a")
	s.expect(c)
	s.expectNext(c, 30)
	s.expectCode(s.append(c, Record(0, 1, 1)), fault.OutOfSequence, "beginning anew after a drop")
	s.mustAppend(c, Record(30, 1, 1))
	c = s.again(c, "g/a")
	s.expect(c, Record(30, 1, 1))
}

func testDropAbsent(s *suite) {
	c := s.open("g/a")
	if dropped := s.mustDrop(c, storage.DropSet{{First: 0, End: 1 << 40}}); dropped.Events != 0 {
		s.Fatalf("dropped %+v of an empty chain", dropped)
	}
	s.expectNext(c, 0)
	s.mustAppend(c, Records(0, 4, 2, 20))
	s.mustDrop(c, storage.DropSet{{First: 2, End: 4}})
	if dropped := s.mustDrop(c, storage.DropSet{{First: 2, End: 4}, {First: 8, End: 100}}); dropped != (storage.Dropped{}) {
		s.Fatalf("dropping what is not there dropped %+v", dropped)
	}
	if dropped := s.mustDrop(c, nil); dropped != (storage.Dropped{}) {
		s.Fatalf("dropping nothing dropped %+v", dropped)
	}
	s.mustAppend(c, Record(8, 1, 20)) // its seq stood in the last set but one
	if dropped := s.mustDrop(c, storage.DropSet{{First: 1, End: 5}}); dropped.Events != 2 {
		s.Fatalf("dropped %+v, want 2 events", dropped)
	}
	set := storage.DropSet{{First: 1, End: 5}}
	want := Survivors(Records(0, 4, 2, 20), func(seq event.Seq) bool { return !Contains(set, seq) })
	s.expect(c, want, Record(8, 1, 20))
}

func testDropBadSets(s *suite) {
	c := s.open("g/a")
	s.mustAppend(c, Records(0, 4, 2, 20))
	for _, set := range []storage.DropSet{
		{{First: 1, End: 1}}, {{First: 3, End: 2}}, {{First: 1, End: 4}, {First: 3, End: 5}}, {{First: 4, End: 5}, {First: 1, End: 2}},
	} {
		_, err := c.Drop(s.ctx, set)
		s.expectCode(err, fault.BadRequest, "a drop set that is out of order")
	}
	s.expect(c, Records(0, 4, 2, 20))
}

// testDropRepeatedly compares a chain with a model over many drops.
func testDropRepeatedly(s *suite) {
	rng := rand.New(rand.NewPCG(1, 2))
	c := s.open("g/a")
	var model []byte
	for range 30 {
		for range rng.IntN(6) {
			r := Record(c.State().Next, 1+rng.IntN(6), rng.IntN(400))
			s.mustAppend(c, r)
			model = append(model, r...)
		}
		var set storage.DropSet
		for at := event.Seq(rng.IntN(10)); at < c.State().Next; {
			end := at + 1 + event.Seq(rng.IntN(4))
			set = append(set, storage.Range{First: at, End: end})
			at = end + event.Seq(rng.IntN(15))
		}
		s.mustDrop(c, set)
		model = Survivors(model, func(seq event.Seq) bool { return !Contains(set, seq) })
		s.expect(c, model)
		if rng.IntN(5) == 0 {
			next := c.State().Next
			c = s.again(c, "g/a")
			s.expect(c, model)
			s.expectNext(c, next)
		}
	}
}

// testDropWhileInUse appends, reads and drops at the same time.
func testDropWhileInUse(s *suite) {
	c := s.open("g/a")
	const n = 400
	s.mustAppend(c, Records(0, n, 2, 200))
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 200 {
			if err := s.append(c, Record(event.Seq(2*n+i), 1, 200)); err != nil {
				s.Errorf("appending during drops: %v", err)
				return
			}
		}
	})
	wg.Go(func() {
		for range 40 {
			last := event.Seq(0)
			for batch, err := range event.Records(s.tryReadAll(c)) {
				if err != nil || batch.First < last {
					s.Errorf("reading during drops: seq %d after %d, %v", batch.First, last, err)
					return
				}
				last = batch.Next()
			}
		}
	})
	for at := event.Seq(0); at < 2*n; at += 40 {
		if _, err := c.Drop(s.ctx, storage.DropSet{{First: at, End: at + 21}}); err != nil {
			s.Errorf("dropping: %v", err)
		}
	}
	wg.Wait()
	want := Survivors(Records(0, n, 2, 200), func(seq event.Seq) bool { return seq%40 >= 21 })
	want = append(want, Records(2*n, 200, 1, 200)...)
	s.expect(c, want)
	c = s.again(c, "g/a")
	s.expect(c, want)
}

// tryReadAll is readAll for other goroutines than the test's.
func (s *suite) tryReadAll(c storage.Chain) (all []byte) {
	from := event.Seq(0)
	for {
		records, err := c.Read(s.ctx, nil, from, 5000, false)
		if err != nil {
			s.Errorf("reading from %d: %v", from, err)
		}
		if err != nil || len(records) == 0 {
			return all
		}
		for batch := range event.Records(records) {
			from = batch.Next()
		}
		all = append(all, records...)
	}
}
