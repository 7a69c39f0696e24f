package storagetest

import (
	"fmt"
	"slices"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

func testOpen(s *suite) {
	_, err := s.store.Open(s.ctx, "g/a", false)
	s.expectCode(err, fault.NotFound, "opening a chain that is not there")
	if names := s.list("", 10); len(names) > 0 {
		s.Fatalf("looking for a chain made %v", names)
	}
	c := s.open("g/a")
	c = s.again(c, "g/a")
	s.expectNext(c, 0)
	if names := s.list("", 10); !slices.Equal(names, []chainname.Name{"g/a"}) {
		s.Fatalf("the store lists %v", names)
	}
}

func testOpenTwice(s *suite) {
	c := s.open("g/a")
	for _, create := range []bool{false, true} {
		if _, err := s.store.Open(s.ctx, "g/a", create); err == nil || fault.CodeOf(err) == fault.Internal {
			s.Fatalf("opening an open chain: %v, want a fault that says so", err)
		}
	}
	s.mustAppend(c, Record(0, 1, 1))
	s.expect(c, Record(0, 1, 1))
	other := s.open("g/b")
	s.expect(other)
}

func testClose(s *suite) {
	c := s.open("g/a")
	s.mustAppend(c, Record(0, 1, 1))
	if err := c.Close(); err != nil {
		s.Fatal(err)
	}
	if _, err := c.Read(s.ctx, nil, 0, 100, false); err == nil {
		s.Fatal("a closed chain can be read")
	}
	if err := s.append(c, Record(1, 1, 1)); err == nil {
		s.Fatal("a closed chain can be appended to")
	}
	for i := range 5 { // what is in memory only, if anything, must not be lost
		c = s.open("g/a")
		s.expect(c, Records(0, i+1, 1, 1))
		s.mustAppend(c, Record(c.State().Next, 1, 1))
		if err := c.Close(); err != nil {
			s.Fatal(err)
		}
	}
}

func (s *suite) list(after chainname.Name, limit int) []chainname.Name {
	s.Helper()
	names, err := s.store.List(s.ctx, after, limit)
	if err != nil {
		s.Fatalf("listing: %v", err)
	}
	return names
}

func testList(s *suite) {
	if names := s.list("", 10); len(names) > 0 {
		s.Fatalf("a new store lists %v", names)
	}
	want := []chainname.Name{
		"a/b", "a/b.c", "a/bc", "a-b/c", "a.com/joe/db", "a.com/joe-x/db", "a.com/joe.x/db", "a.com/joe/db.2",
		"a.b.com/joe/db", "localhost/joe/db", "localhost/joe", "localhost/joe-a", "localhost/joe/db-2", "z/z",
	}
	for i := range 20 {
		want = append(want, chainname.Name(fmt.Sprintf("m%d.org/u/d", i)))
	}
	for _, name := range want {
		c := s.open(name)
		if err := c.Close(); err != nil {
			s.Fatal(err)
		}
	}
	slices.Sort(want)
	for range 2 {
		for _, limit := range []int{1, 2, 3, 7, 1000} {
			var got []chainname.Name
			for after := chainname.Name(""); ; {
				page := s.list(after, limit)
				if len(page) == 0 {
					break
				}
				if len(page) > limit {
					s.Fatalf("List with a limit of %d returned %d", limit, len(page))
				}
				got = append(got, page...)
				after = page[len(page)-1]
			}
			if !slices.Equal(got, want) {
				s.Fatalf("listed by %d: %v\nwant %v", limit, got, want)
			}
		}
		s.reopen()
	}
	if names := s.list("b", 2); !slices.Equal(names, []chainname.Name{"localhost/joe", "localhost/joe-a"}) {
		s.Fatalf("the names after b are %v", names)
	}
}

func testRemove(s *suite) {
	s.expectCode(s.store.Remove(s.ctx, "g/a"), fault.NotFound, "removing a chain that is not there")
	c := s.open("g/a")
	s.mustAppend(c, Records(0, 10, 2, 100))
	if err := c.PutBlob(s.ctx, "blob", []byte("x")); err != nil {
		s.Fatal(err)
	}
	if err := s.store.Remove(s.ctx, "g/a"); err == nil {
		s.Fatal("an open chain could be removed")
	}
	s.expect(c, Records(0, 10, 2, 100))
	for range 2 { // the second time what is removed has just been appended
		if err := c.Close(); err != nil {
			s.Fatal(err)
		}
		if err := s.store.Remove(s.ctx, "g/a"); err != nil {
			s.Fatal(err)
		}
		_, err := s.store.Open(s.ctx, "g/a", false)
		s.expectCode(err, fault.NotFound, "opening a removed chain")
		s.expectCode(s.store.Remove(s.ctx, "g/a"), fault.NotFound, "removing a removed chain")
		s.reopen()
		if names := s.list("", 10); len(names) > 0 {
			s.Fatalf("after the removal there are %v", names)
		}
		c = s.open("g/a")
		s.expect(c)
		s.expectNext(c, 0)
		_, err = c.GetBlob(s.ctx, "blob")
		s.expectCode(err, fault.NotFound, "getting a blob of the chain that was removed")
		s.mustAppend(c, Record(0, 1, 7))
	}
	c = s.again(c, "g/a")
	s.expect(c, Record(0, 1, 7))
}

// testNestedNames has a chain whose name is the beginning of another's.
func testNestedNames(s *suite) {
	outer, inner := s.open("localhost/joe"), s.open("localhost/joe/db")
	s.mustAppend(outer, Record(0, 1, 10))
	s.mustAppend(inner, Record(0, 2, 20))
	outer = s.again(outer, "localhost/joe")
	if !s.place.Persists {
		if err := inner.Close(); err != nil {
			s.Fatal(err)
		}
	}
	if err := outer.Close(); err != nil {
		s.Fatal(err)
	}
	if err := s.store.Remove(s.ctx, "localhost/joe"); err != nil {
		s.Fatal(err)
	}
	s.expect(s.open("localhost/joe/db"), Record(0, 2, 20))
}

func testStats(s *suite) {
	stats, err := s.store.Stats(s.ctx)
	if err != nil || stats.Chains != 0 || stats.OpenChains != 0 || stats.ReadOnly != "" {
		s.Fatalf("a new store's stats: %+v, %v", stats, err)
	}
	a, b := s.open("g/a"), s.open("g/b")
	s.mustAppend(a, Records(0, 100, 10, 100))
	if err := b.Close(); err != nil {
		s.Fatal(err)
	}
	stats, err = s.store.Stats(s.ctx)
	if err != nil || stats.Chains != 2 || stats.OpenChains != 1 || stats.Bytes < a.State().Bytes {
		s.Fatalf("the stats are %+v, %v; want 2 chains, 1 open, and at least %d bytes", stats, err, a.State().Bytes)
	}
}
