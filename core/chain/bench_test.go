package chain

import (
	"context"
	"encoding/binary"
	"testing"
	"time"
	"unsafe"

	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/sdk/event"
)

// benchmarkChain is a chain whose log keeps nothing but snapshots.
func benchmarkChain(tb testing.TB, log *chaintest.Log) *Chain {
	if err := Create(log, event.NewGenesis(testName, event.Centralized, nil), time.Now()); err != nil {
		tb.Fatal(err)
	}
	c, err := openChain(tb, log)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func openChain(tb testing.TB, log *chaintest.Log) (*Chain, error) {
	return Open(context.Background(), testName, Options{
		Log: log, Publisher: &discard{}, Trust: event.Centralized,
		OnFail: func(err error) { tb.Error(err) }, OnProblem: func(err error) { tb.Error(err) },
	})
}

type discard struct{}

func (*discard) Publish([]byte, event.Seq) {}

// kilobyte is a commit of one event of 1 KiB of data, of object i.
func kilobyte(i uint64) *Commit {
	key := binary.BigEndian.AppendUint64([]byte("object: "), i)
	header, err := (&event.Header{Key: key}).Encode()
	if err != nil {
		panic(err)
	}
	c := &Commit{Count: 1, Frames: event.AppendFrame(nil, header, make([]byte, 1<<10)), Answer: func(*Commit, Result) {}}
	binary.LittleEndian.PutUint64(c.ID[:], i+1)
	return c
}

// BenchmarkRound measures rounds of 100 commits of one event of 1 KiB each: all
// that a chain does, without storage. Its parts follow.
func BenchmarkRound(b *testing.B) {
	log := &chaintest.Log{}
	c := benchmarkChain(b, log)
	log.OnAppend = func([]byte) (int, error) { return 0, nil }
	log.OnPutBlob = func(context.Context, string, []byte) (bool, error) { return false, nil }
	const round = 100
	commits := make([]*Commit, round)
	for i := range commits {
		commits[i] = kilobyte(uint64(i))
	}
	b.ReportAllocs()
	id := uint64(0)
	for range b.N / round {
		for _, commit := range commits {
			id++
			binary.LittleEndian.PutUint64(commit.ID[:], id)
		}
		c.Commit(commits...)
	}
	c.upkeep.running.Wait()
}

// BenchmarkLeaf measures the hash of an event of 1 KiB.
func BenchmarkLeaf(b *testing.B) {
	c := benchmarkChain(b, &chaintest.Log{})
	f, _, err := event.CutFrame(kilobyte(1).Frames)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f.Leaf(c.id)
	}
}

// BenchmarkHead measures what the Merkle tree and its head cost an event in
// rounds of 100 commits.
func BenchmarkHead(b *testing.B) {
	c := benchmarkChain(b, &chaintest.Log{})
	leaf := []event.Hash{{1}}
	for i := range b.N {
		if c.merkle.Append(leaf...); i%100 == 99 {
			c.merkle.Head()
		}
		if i%4096 == 0 {
			if err := c.merkle.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkOpen measures opening a chain of a million objects from its snapshot.
func BenchmarkOpen(b *testing.B) {
	log := &chaintest.Log{}
	c := benchmarkChain(b, log)
	var next event.Seq = 1
	for i := range byte(100) {
		commit := bulk(i, 10_000)
		commit.Answer = func(_ *Commit, r Result) { next = r.Next }
		c.Commit(commit)
	}
	if err := c.Close(b.Context()); err != nil || next != 1_000_001 {
		b.Fatal(next, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c, err := openChain(b, log)
		if err != nil || c.Objects() != 1_000_001 {
			b.Fatal(err)
		}
	}
}

// BenchmarkSnapshot measures how long the leader is held up by the snapshot of a
// million objects.
func BenchmarkSnapshot(b *testing.B) {
	log := &chaintest.Log{}
	c := benchmarkChain(b, log)
	for i := range byte(100) {
		commit := bulk(i, 10_000)
		commit.Answer = func(*Commit, Result) {}
		c.Commit(commit)
	}
	c.upkeep.running.Wait()
	for b.Loop() {
		c.snapshot(c.Next())
	}
}

// TestCommitsAreCheap bounds the memory of a commit of one event. A session has
// thousands of them unanswered.
func TestCommitsAreCheap(t *testing.T) {
	if size := unsafe.Sizeof(Commit{}); size > 384 {
		t.Errorf("a commit takes %d bytes", size)
	}
	log := &chaintest.Log{}
	c := benchmarkChain(t, log)
	log.OnAppend = func([]byte) (int, error) { return 0, nil }
	const round = 100
	commits := make([]*Commit, round)
	for i := range commits {
		commits[i] = kilobyte(uint64(i))
	}
	id := uint64(0)
	perRound := testing.AllocsPerRun(50, func() {
		for _, commit := range commits {
			id++
			binary.LittleEndian.PutUint64(commit.ID[:], id)
		}
		c.Commit(commits...)
	})
	if perRound > round/2 { // the race detector's pools forget on purpose
		t.Errorf("a round of %d commits takes %.0f allocations", round, perRound)
	}
	single := testing.AllocsPerRun(200, func() {
		id++
		binary.LittleEndian.PutUint64(commits[0].ID[:], id)
		c.Commit(commits[0])
	})
	if single > 5 {
		t.Errorf("a commit alone takes %.0f allocations", single)
	}
}
