package storagetest

import (
	"bytes"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/storage"
)

func testReadLimits(s *suite) {
	c := s.open("g/a")
	one := len(Record(0, 1, 100))
	s.mustAppend(c, Records(0, 10, 1, 100))
	check := func() {
		s.Helper()
		for _, test := range []struct {
			from     event.Seq
			maxBytes int
			want     int // records
		}{
			{0, one, 1}, {0, 2*one - 1, 1}, {0, 2 * one, 2}, {0, 1, 1}, {0, 0, 1}, {3, 4 * one, 4}, {8, 1 << 20, 2}, {9, 1, 1}, {10, 1 << 20, 0}, {1 << 60, 1 << 20, 0},
		} {
			got, err := c.Read(s.ctx, nil, test.from, test.maxBytes, false)
			want := Records(test.from, test.want, 1, 100)
			if err != nil || !bytes.Equal(got, want) {
				s.Fatalf("Read(%d, %d): %s, %v\nwant %s", test.from, test.maxBytes, describe(got), err, describe(want))
			}
		}
	}
	check()
	c = s.again(c, "g/a")
	check()
	s.mustAppend(c, Records(10, 10, 1, 100))
	got, err := c.Read(s.ctx, nil, 5, 10*one, false) // what was there before and what is new
	if want := Records(5, 10, 1, 100); err != nil || !bytes.Equal(got, want) {
		s.Fatalf("Read: %s, %v", describe(got), err)
	}
}

// testReadInto reads into memory that has something in it, with room behind
// that and without.
func testReadInto(s *suite) {
	c := s.open("g/a")
	s.mustAppend(c, Records(0, 10, 1, 100))
	records := Records(3, 4, 1, 100)
	for round := range 2 {
		for _, room := range []int{0, 1, len(records), 1 << 20} {
			for _, headersOnly := range []bool{false, true} {
				want, err := c.Read(s.ctx, nil, 3, len(records), headersOnly)
				if err != nil {
					s.Fatal(err)
				}
				dst := append(make([]byte, 0, 5+room), "first"...)
				got, err := c.Read(s.ctx, dst, 3, len(records), headersOnly)
				if err != nil || string(got) != "first"+string(want) {
					s.Fatalf("Read behind 5 bytes with room for %d in round %d: %q, %v", room, round, got, err)
				}
			}
		}
		if got, err := c.Read(s.ctx, []byte("first"), 10, 1, false); err != nil || string(got) != "first" {
			s.Fatalf("Read behind the end: %q, %v", got, err)
		}
		c = s.again(c, "g/a")
	}
}

func testReadMiddle(s *suite) {
	c := s.open("g/a")
	s.mustAppend(c, Record(0, 5, 10), Record(5, 5, 10), Record(10, 5, 2000))
	for round := range 2 {
		for from := range event.Seq(15) {
			got, err := c.Read(s.ctx, nil, from, 1, false)
			first := from / 5 * 5
			size := 10
			if first == 10 {
				size = 2000
			}
			if err != nil || !bytes.Equal(got, Record(first, 5, size)) {
				s.Fatalf("Read(%d) in round %d: %s, %v", from, round, describe(got), err)
			}
		}
		c = s.again(c, "g/a")
	}
}

func testHeadersOnly(s *suite) {
	c := s.open("g/a")
	s.mustAppend(c, Records(0, 20, 5, 1000))
	bare := func(first event.Seq) []byte {
		b := Batch(first, 5, 1000)
		full := b
		b.Frames = nil
		for f := range full.Events() {
			b.Frames = f.Omit(b.Frames)
		}
		return b.AppendRecord(nil)
	}
	var all []byte
	for first := event.Seq(0); first < 100; first += 5 {
		all = append(all, bare(first)...)
	}
	for range 2 {
		got, err := c.Read(s.ctx, nil, 0, 1<<20, true)
		if err != nil || !bytes.Equal(got, all) {
			s.Fatalf("reading headers only: %s, %v", describe(got), err)
		}
		got, err = c.Read(s.ctx, nil, 7, 2*len(bare(5)), true)
		if want := append(bare(5), bare(10)...); err != nil || !bytes.Equal(got, want) {
			s.Fatalf("reading two records' headers: %s, %v", describe(got), err)
		}
		if got, err = c.Read(s.ctx, nil, 99, 1, true); err != nil || !bytes.Equal(got, bare(95)) {
			s.Fatalf("reading one record's headers: %s, %v", describe(got), err)
		}
		if got, err = c.Read(s.ctx, nil, 100, 1<<20, true); err != nil || len(got) > 0 {
			s.Fatalf("reading headers behind the end: %s, %v", describe(got), err)
		}
		c = s.again(c, "g/a")
	}
}

// testUnhashedHeaders compares headers without hashes with those that have them,
// where a store offers them.
func testUnhashedHeaders(s *suite) {
	c := s.open("g/a")
	reader, ok := c.(storage.HeaderReader)
	if !ok {
		return
	}
	s.mustAppend(c, Records(0, 20, 5, 1000))
	for from := range event.Seq(101) {
		for _, maxBytes := range []int{0, 700, 1 << 20} {
			got, err := reader.ReadHeaders(s.ctx, []byte("first"), from, maxBytes)
			want, wantErr := c.Read(s.ctx, []byte("first"), from, maxBytes, true)
			if err != nil || wantErr != nil || string(got[:5]) != "first" || !bytes.Equal(bare(got[5:]), bare(want[5:])) {
				s.Fatalf("headers from %d on, at most %d bytes: %s, %v, with hashes %s, %v", from, maxBytes, describe(got[5:]), err, describe(want[5:]), wantErr)
			}
		}
	}
}

// bare returns records without the hashes that stand in the place of data.
func bare(records []byte) (out []byte) {
	for b := range event.Records(records) {
		full := b
		b.Frames = nil
		for f := range full.Events() {
			b.Frames = event.AppendFrame(b.Frames, f.Header, []byte{byte(f.DataLen), byte(f.DataLen >> 8)})
		}
		out = b.AppendRecord(out)
	}
	return out
}
