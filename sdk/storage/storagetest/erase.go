package storagetest

import (
	"math/rand/v2"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Erased returns what an erasure leaves of records of which none grows over the
// limit: the same events, of which those in the set have a hash in the place of
// their data.
func Erased(records []byte, set storage.DropSet) []byte {
	var all []byte
	for batch, err := range event.Records(records) {
		if err != nil {
			panic(err)
		}
		erased := batch
		erased.Frames = nil
		seq := batch.First
		for frame, err := range batch.Events() {
			if err != nil {
				panic(err)
			}
			if len(frame.Data) > 0 && Contains(set, seq) {
				erased.Frames = frame.Omit(erased.Frames)
			} else {
				erased.Frames = frame.Append(erased.Frames)
			}
			seq++
		}
		all = erased.AppendRecord(all)
	}
	return all
}

func (s *suite) mustErase(c storage.Chain, set storage.DropSet) storage.Erased {
	s.Helper()
	erased, err := c.Erase(s.ctx, set)
	if err != nil {
		s.Fatalf("erasing: %v", err)
	}
	return erased
}

func testErase(s *suite) {
	c := s.open("g/a")
	records := join([][]byte{Records(0, 4, 5, 50), Record(20, 2, 0), Record(22, 3, 50), Records(25, 3, 10, 50)})
	s.mustAppend(c, records)
	set := storage.DropSet{{First: 2, End: 3}, {First: 5, End: 10}, {First: 19, End: 22}, {First: 50, End: 70}}
	want := Erased(records, set)
	erased := s.mustErase(c, set)
	if erased.Events != 12 || erased.Bytes != int64(len(records)-len(want)) {
		s.Fatalf("erased %+v, want 12 events and %d bytes", erased, len(records)-len(want))
	}
	s.expect(c, want)
	s.expectNext(c, 55)
	if again := s.mustErase(c, set); again != (storage.Erased{}) {
		s.Fatalf("erasing again erased %+v", again)
	}
	s.mustErase(c, nil)
	s.mustAppend(c, Record(55, 2, 50)) // its seqs stood in the set
	s.expect(c, want, Record(55, 2, 50))
	c = s.again(c, "g/a")
	s.expect(c, want, Record(55, 2, 50))
	s.expectNext(c, 57)
}

// testEraseSmall erases data that is shorter than a hash. A record that would
// grow over the limit is cut in two.
func testEraseSmall(s *suite) {
	c := s.open("g/a")
	header := event.Header{Key: []byte("k"), Type: string(make([]byte, 1740))}
	encoded, err := header.Encode()
	if err != nil {
		s.Fatal(err)
	}
	batch := event.Batch{Count: event.MaxBatchEvents}
	for range batch.Count {
		batch.Frames = event.AppendFrame(batch.Frames, encoded, []byte("12345"))
	}
	if size := batch.RecordSize(); size > event.MaxRecord || size+batch.Count*27 <= event.MaxRecord {
		s.Fatalf("a record of %d bytes shows nothing", size)
	}
	s.mustAppend(c, batch.AppendRecord(nil), Record(event.MaxBatchEvents, 1, 3))
	erased := s.mustErase(c, storage.DropSet{{First: 0, End: event.MaxBatchEvents + 1}})
	if erased.Events != event.MaxBatchEvents+1 || erased.Bytes >= 0 {
		s.Fatalf("erased %+v", erased)
	}
	c = s.again(c, "g/a")
	seq := event.Seq(0)
	for b, err := range event.Records(s.readAll(c, 0)) {
		if err != nil || b.First != seq || seq < event.MaxBatchEvents && b.Offset != int(seq) {
			s.Fatalf("a record begins at %d with offset %d, %v; %d is due", b.First, b.Offset, err, seq)
		}
		for f, err := range b.Events() {
			if err != nil || !f.Omitted || f.DataLen > 5 {
				s.Fatalf("event %d has its data: %v, %v", seq, f, err)
			}
			seq++
		}
	}
	s.expectNext(c, seq)
}

func testEraseBadSets(s *suite) {
	c := s.open("g/a")
	s.mustAppend(c, Records(0, 4, 2, 20))
	for _, set := range []storage.DropSet{{{First: 1, End: 1}}, {{First: 1, End: 4}, {First: 3, End: 5}}} {
		_, err := c.Erase(s.ctx, set)
		s.expectCode(err, fault.BadRequest, "a set that is out of order")
	}
	s.expect(c, Records(0, 4, 2, 20))
}

// testEraseRepeatedly compares a chain with a model over many erasures and
// drops.
func testEraseRepeatedly(s *suite) {
	rng := rand.New(rand.NewPCG(3, 2))
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
		if rng.IntN(3) == 0 {
			s.mustDrop(c, set)
			model = Survivors(model, func(seq event.Seq) bool { return !Contains(set, seq) })
		} else {
			s.mustErase(c, set)
			model = Erased(model, set)
		}
		s.expect(c, model)
		if rng.IntN(5) == 0 {
			next := c.State().Next
			c = s.again(c, "g/a")
			s.expect(c, model)
			s.expectNext(c, next)
		}
	}
}

// testEraseWhileInUse appends, reads and erases at the same time.
func testEraseWhileInUse(s *suite) {
	c := s.open("g/a")
	const n = 200
	s.mustAppend(c, Records(0, n, 2, 200))
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 100 {
			if err := s.append(c, Record(event.Seq(2*n+i), 1, 200)); err != nil {
				s.Errorf("appending during erasures: %v", err)
				return
			}
		}
	})
	wg.Go(func() {
		for range 20 {
			next := event.Seq(0)
			for batch, err := range event.Records(s.tryReadAll(c)) {
				if err != nil || batch.First != next {
					s.Errorf("reading during erasures: seq %d where %d is due, %v", batch.First, next, err)
					return
				}
				next = batch.Next()
			}
		}
	})
	var set storage.DropSet
	for at := event.Seq(0); at < 2*n; at += 40 {
		set = append(set, storage.Range{First: at, End: at + 21})
		if _, err := c.Erase(s.ctx, set[len(set)-1:]); err != nil {
			s.Errorf("erasing: %v", err)
		}
	}
	wg.Wait()
	want := join([][]byte{Erased(Records(0, n, 2, 200), set), Records(2*n, 100, 1, 200)})
	s.expect(c, want)
	c = s.again(c, "g/a")
	s.expect(c, want)
}
