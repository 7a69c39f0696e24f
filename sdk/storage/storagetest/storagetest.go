// Package storagetest is what every storage backend must pass: one test for
// each promise of the storage contract.
//
// A backend's own test is a few lines:
//
//	func TestStore(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) storagetest.Place {
//			dir := t.TempDir()
//			return storagetest.Place{Open: ..., Close: ..., Persists: true}
//		})
//	}
package storagetest

import (
	"context"
	"testing"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Place is somewhere that a store keeps chains, empty to begin with.
type Place struct {
	// Open opens the store. After Close it is called again for the same place.
	Open func(t *testing.T) storage.Store
	// Close ends the use of a store, as when its process is stopped.
	Close func(t *testing.T, s storage.Store)
	// Persists says that a store which is opened again has what it had.
	Persists bool
}

// Factory makes a fresh place. It cleans up with t.Cleanup.
type Factory func(t *testing.T) Place

// Run runs the suite, on the stores themselves and across the process boundary
// in both of its forms. Each test gets a place of its own.
func Run(t *testing.T, factory Factory) {
	t.Run("Direct", func(t *testing.T) { run(t, factory) })
	t.Run("DataSocket", func(t *testing.T) { run(t, remote(factory, true)) })
	t.Run("GRPC", func(t *testing.T) { run(t, remote(factory, false)) })
}

func run(t *testing.T, make Factory) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"Open", testOpen},
		{"OpenTwice", testOpenTwice},
		{"Close", testClose},
		{"AppendAndRead", testAppendAndRead},
		{"AppendRefusesGapsAndRewrites", testSequence},
		{"AppendAgain", testAppendAgain},
		{"AppendKeepsNoSlices", testKeepsNoSlices},
		{"AppendRefusesDamage", testRefusesDamage},
		{"AppendForeignChain", testForeignChain},
		{"Round", testRound},
		{"ManyChains", testManyChains},
		{"LargeRecords", testLargeRecords},
		{"ReadLimits", testReadLimits},
		{"ReadFromTheMiddle", testReadMiddle},
		{"ReadIntoMemoryInUse", testReadInto},
		{"ReadHeadersOnly", testHeadersOnly},
		{"ReadHeadersUnhashed", testUnhashedHeaders},
		{"Drop", testDrop},
		{"DropAll", testDropAll},
		{"DropAbsent", testDropAbsent},
		{"DropRefusesBadSets", testDropBadSets},
		{"DropRepeatedly", testDropRepeatedly},
		{"DropWhileInUse", testDropWhileInUse},
		{"Erase", testErase},
		{"EraseSmallData", testEraseSmall},
		{"EraseRefusesBadSets", testEraseBadSets},
		{"EraseAndDropRepeatedly", testEraseRepeatedly},
		{"EraseWhileInUse", testEraseWhileInUse},
		{"Blobs", testBlobs},
		{"List", testList},
		{"Remove", testRemove},
		{"NestedNames", testNestedNames},
		{"Stats", testStats},
		{"Concurrency", testConcurrency},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &suite{T: t, place: make(t), ctx: t.Context()}
			s.store = s.place.Open(t)
			defer func() { s.place.Close(t, s.store) }()
			test.run(s)
		})
	}
}

// suite is one test's place with the store that is open in it.
type suite struct {
	*testing.T
	ctx   context.Context
	place Place
	store storage.Store
}

// reopen closes the store and opens it again, if it persists. Chains must be
// opened anew; it reports whether that is so.
func (s *suite) reopen() bool {
	s.Helper()
	if !s.place.Persists {
		return false
	}
	s.place.Close(s.T, s.store)
	s.store = s.place.Open(s.T)
	return true
}

// open opens a chain, making it if there is none.
func (s *suite) open(name chainname.Name) storage.Chain {
	s.Helper()
	c, err := s.store.Open(s.ctx, name, true)
	if err != nil {
		s.Fatalf("opening %s: %v", name, err)
	}
	return c
}

// again returns the chain after a restart of a store that persists, or else
// after having been closed and opened.
func (s *suite) again(c storage.Chain, name chainname.Name) storage.Chain {
	s.Helper()
	if err := c.Close(); err != nil {
		s.Fatalf("closing %s: %v", name, err)
	}
	s.reopen()
	c, err := s.store.Open(s.ctx, name, false)
	if err != nil {
		s.Fatalf("opening %s again: %v", name, err)
	}
	return c
}

func (s *suite) append(c storage.Chain, records ...[]byte) error {
	return s.store.Append([]storage.AppendRequest{{Chain: c, Records: join(records)}})[0]
}

func (s *suite) mustAppend(c storage.Chain, records ...[]byte) {
	s.Helper()
	if err := s.append(c, records...); err != nil {
		s.Fatalf("appending: %v", err)
	}
}

// readAll reads a chain from a seq to its end, by pieces of a small size.
func (s *suite) readAll(c storage.Chain, from event.Seq) []byte {
	s.Helper()
	var all []byte
	for {
		records, err := c.Read(s.ctx, nil, from, 3000, false)
		if err != nil {
			s.Fatalf("reading from %d: %v", from, err)
		}
		if len(records) == 0 {
			return all
		}
		for batch, err := range event.Records(records) {
			if err != nil {
				s.Fatalf("reading from %d: %v", from, err)
			}
			from = max(from+1, batch.Next())
		}
		all = append(all, records...)
	}
}

// expect checks that a chain holds exactly these records.
func (s *suite) expect(c storage.Chain, records ...[]byte) {
	s.Helper()
	want := join(records)
	if got := s.readAll(c, 0); string(got) != string(want) {
		s.Fatalf("the chain holds %s\nwant %s", describe(got), describe(want))
	}
	state := c.State()
	events := uint64(0)
	for batch := range event.Records(want) {
		events += uint64(batch.Count)
	}
	if state.Events != events || state.Bytes != uint64(len(want)) {
		s.Fatalf("the state is %+v, want %d events and %d bytes", state, events, len(want))
	}
}

func (s *suite) expectNext(c storage.Chain, next event.Seq) {
	s.Helper()
	if got := c.State().Next; got != next {
		s.Fatalf("the next seq is %d, want %d", got, next)
	}
}

func (s *suite) expectCode(err error, code fault.Code, doing string) {
	s.Helper()
	if !fault.Is(err, code) {
		s.Fatalf("%s: %v, want a fault with code %s", doing, err, code)
	}
}
