package storagetest

import (
	"bytes"
	"fmt"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

func testAppendAndRead(s *suite) {
	c := s.open("g/a")
	s.expect(c)
	s.expectNext(c, 0)
	s.mustAppend(c, Record(0, 1, 100))
	s.expect(c, Record(0, 1, 100))
	s.mustAppend(c, Record(1, 3, 10), Record(4, 1, 0))
	all := [][]byte{Record(0, 1, 100), Record(1, 3, 10), Record(4, 1, 0)}
	s.expect(c, all...)
	s.expectNext(c, 5)
	c = s.again(c, "g/a")
	s.expect(c, all...)
	s.expectNext(c, 5)
	s.mustAppend(c, Record(5, 2, 20))
	s.expect(c, append(all, Record(5, 2, 20))...)
}

func testSequence(s *suite) {
	c := s.open("g/a")
	s.expectCode(s.append(c, Record(1, 1, 1)), fault.OutOfSequence, "appending seq 1 to an empty chain")
	s.mustAppend(c, Record(0, 2, 10), Record(2, 2, 10))
	s.expectCode(s.append(c, Record(5, 1, 10)), fault.OutOfSequence, "leaving a gap")
	s.expectCode(s.append(c, Record(2, 2, 11)), fault.OutOfSequence, "rewriting a record")
	s.expectCode(s.append(c, Record(2, 1, 10)), fault.OutOfSequence, "rewriting a record with a shorter one")
	s.expectCode(s.append(c, Record(3, 1, 10)), fault.OutOfSequence, "appending half of a record")
	s.expectCode(s.append(c, Record(2, 3, 10)), fault.OutOfSequence, "rewriting a record with a longer one")
	s.expectCode(s.append(c, Record(4, 1, 10), Record(6, 1, 10)), fault.OutOfSequence, "a gap within a request")
	s.expectCode(s.append(c, Record(4, 1, 10), Record(4, 1, 10)), fault.OutOfSequence, "a seq twice in a request")
	first := c.State().Next // a store may have kept the first record of those two requests
	if first != 4 && first != 5 {
		s.Fatalf("the next seq is %d, want 4 or 5", first)
	}
	s.mustAppend(c, Record(4, 1, 10))
	c = s.again(c, "g/a")
	s.expect(c, Record(0, 2, 10), Record(2, 2, 10), Record(4, 1, 10))
}

func testAppendAgain(s *suite) {
	c := s.open("g/a")
	s.mustAppend(c, Record(0, 2, 10), Record(2, 3, 10))
	s.mustAppend(c, Record(0, 2, 10), Record(2, 3, 10))
	s.mustAppend(c, Record(2, 3, 10))
	s.expect(c, Record(0, 2, 10), Record(2, 3, 10))
	s.mustAppend(c, Record(2, 3, 10), Record(5, 1, 10))
	all := [][]byte{Record(0, 2, 10), Record(2, 3, 10), Record(5, 1, 10)}
	s.expect(c, all...)
	c = s.again(c, "g/a")
	s.mustAppend(c, all...)
	s.expect(c, all...)
	s.expectCode(s.append(c, Record(2, 3, 10), Record(5, 1, 9)), fault.OutOfSequence, "another record behind one that is held")
	s.mustAppend(c, all[1], all[2], Record(6, 1, 7))
	s.expect(c, append(all, Record(6, 1, 7))...)
	s.expectNext(c, 7)
}

func testKeepsNoSlices(s *suite) {
	c := s.open("g/a")
	buf := Record(0, 3, 50)
	s.mustAppend(c, buf)
	clear(buf)
	s.expect(c, Record(0, 3, 50))
	got := s.readAll(c, 0)
	clear(got)
	s.expect(c, Record(0, 3, 50))
}

func testRefusesDamage(s *suite) {
	c := s.open("g/a")
	s.mustAppend(c, Record(0, 1, 10))
	good := Record(1, 2, 10)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		if err := s.append(c, bad); err == nil {
			s.Fatalf("a record with byte %d changed was accepted", i)
		}
	}
	s.expectCode(s.append(c, good[:len(good)-1]), fault.Damaged, "appending a record that is cut short")
	s.expectCode(s.append(c, good[:5]), fault.Damaged, "appending a record without its header")
	for name, frames := range map[string][]byte{
		"an event that is cut short":     Frame(1, 10)[:20],
		"bytes after the last event":     append(Frame(1, 10), 1, 2, 3),
		"an event without a header":      event.AppendFrame(nil, nil, []byte("data")),
		"an event with another's length": append([]byte{0xff, 0xff, 0, 0}, Frame(1, 10)[4:]...),
	} {
		b := Batch(1, 1, 10)
		b.Frames = frames
		if err := s.append(c, b.AppendRecord(nil)); err == nil {
			s.Fatalf("%s was accepted", name)
		}
	}
	s.expect(c, Record(0, 1, 10))
	s.mustAppend(c, good)
	c = s.again(c, "g/a")
	s.expect(c, Record(0, 1, 10), good)
}

type foreignChain struct{ storage.Chain }

func testForeignChain(s *suite) {
	if err := s.append(foreignChain{}, Record(0, 1, 1)); err == nil {
		s.Fatal("an append to a chain that the store did not open succeeded")
	}
}

// testRound appends to several chains in a round, of which some are refused.
func testRound(s *suite) {
	const n = 20
	chains := make([]storage.Chain, n)
	round := make([]storage.AppendRequest, n)
	for i := range chains {
		chains[i] = s.open(numbered(i))
		round[i] = storage.AppendRequest{Chain: chains[i], Records: Record(0, i+1, 30)}
		switch i % 5 {
		case 3:
			round[i].Records = Record(7, 1, 30)
		case 4:
			round[i].Records = round[i].Records[:9]
		}
	}
	for i, err := range s.store.Append(round) {
		if bad := i%5 >= 3; bad != (err != nil) {
			s.Errorf("request %d: %v", i, err)
		}
	}
	s.reopenAll(chains)
	for i, c := range chains {
		if i%5 >= 3 {
			s.expect(c)
		} else {
			s.expect(c, Record(0, i+1, 30))
		}
	}
}

func numbered(i int) chainname.Name {
	return chainname.Name(fmt.Sprintf("example.com/user-%d/db%d", i%7, i))
}

// reopenAll is again for the chains of numbered names.
func (s *suite) reopenAll(chains []storage.Chain) {
	s.Helper()
	for _, c := range chains {
		if err := c.Close(); err != nil {
			s.Fatal(err)
		}
	}
	s.reopen()
	for i := range chains {
		chains[i] = s.open(numbered(i))
	}
}

// testManyChains has many rounds to many chains.
func testManyChains(s *suite) {
	const n, rounds = 100, 20
	chains := make([]storage.Chain, n)
	for i := range chains {
		chains[i] = s.open(numbered(i))
	}
	for r := range rounds {
		var round []storage.AppendRequest
		for i, c := range chains {
			if (r+i)%3 > 0 {
				round = append(round, storage.AppendRequest{Chain: c, Records: Record(c.State().Next, 1+r%3, 100)})
			}
		}
		for _, err := range s.store.Append(round) {
			if err != nil {
				s.Fatal(err)
			}
		}
	}
	s.reopenAll(chains)
	for i, c := range chains {
		var want []byte
		next := event.Seq(0)
		for r := range rounds {
			if (r+i)%3 > 0 {
				want = append(want, Record(next, 1+r%3, 100)...)
				next += event.Seq(1 + r%3)
			}
		}
		s.expect(c, want)
	}
}

// testLargeRecords has the largest event there is, and a request of the
// largest size.
func testLargeRecords(s *suite) {
	c := s.open("g/a")
	large := Record(0, 1, event.MaxData)
	s.mustAppend(c, large)
	s.mustAppend(c, Record(1, 1, 10))
	var request []byte
	next := event.Seq(2)
	for {
		r := Record(next, 2, 600_000)
		if len(request)+len(r) > storage.MaxAppend {
			break
		}
		request, next = append(request, r...), next+2
	}
	s.mustAppend(c, request)
	c = s.again(c, "g/a")
	s.expect(c, large, Record(1, 1, 10), request)
	got, err := c.Read(s.ctx, nil, 0, 100, false)
	if err != nil || !bytes.Equal(got, large) {
		s.Fatalf("reading a record larger than asked for: %d bytes, %v", len(got), err)
	}
}
