package file

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

// recordSize is that of the records of which all benchmarks speak.
const recordSize = 1 << 10

// records returns n records of 1 KiB, from a seq on, in b's memory.
func kibRecords(b []byte, first event.Seq, n int, frames []byte) []byte {
	batch := event.Batch{Count: 1, Frames: frames}
	b = b[:0]
	for i := range n {
		batch.First = first + event.Seq(i)
		b = batch.AppendRecord(b)
	}
	return b
}

func kibFrames() []byte {
	empty := event.Batch{Count: 1, Frames: storagetest.Frame(0, 0)}
	return storagetest.Frame(0, recordSize-empty.RecordSize())
}

func openBench(b *testing.B) *Store {
	s := open(b, Options{Path: b.TempDir()})
	b.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return s
}

func openChain(b *testing.B, s *Store, name chainname.Name) storage.Chain {
	c, err := s.Open(b.Context(), name, true)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// BenchmarkAppend appends rounds of 800 records to one chain.
func BenchmarkAppend(b *testing.B) {
	const n = 800
	s := openBench(b)
	c := openChain(b, s, "bench/one")
	frames := kibFrames()
	buf := make([]byte, 0, n*recordSize)
	var making time.Duration
	for next := event.Seq(0); b.Loop(); next += n {
		start := time.Now()
		buf = kibRecords(buf, next, n, frames)
		making += time.Since(start)
		if err := s.Append([]storage.AppendRequest{{Chain: c, Records: buf}})[0]; err != nil {
			b.Fatal(err)
		}
	}
	spent := b.Elapsed() - making
	b.ReportMetric(float64(b.N*n)/spent.Seconds(), "records/s")
	b.SetBytes(n * recordSize)
}

// BenchmarkAppendManyChains appends rounds of 2,000 records to 10,000 chains,
// one record to each chain in turn.
func BenchmarkAppendManyChains(b *testing.B) {
	const chains, n = 10_000, 2_000
	s := openBench(b)
	handles := make([]storage.Chain, chains)
	var making sync.WaitGroup
	for first := range 16 {
		making.Go(func() {
			for i := first; i < chains; i += 16 {
				handles[i] = openChain(b, s, chainname.Name(fmt.Sprintf("bench/c%d", i)))
			}
		})
	}
	making.Wait()
	frames := kibFrames()
	buf := make([]byte, 0, n*recordSize)
	round := make([]storage.AppendRequest, n)
	var spent time.Duration
	turn := 0
	run := func() {
		buf = buf[:0]
		for i := range round {
			at := len(buf)
			batch := event.Batch{First: event.Seq(turn / (chains / n)), Count: 1, Frames: frames}
			buf = batch.AppendRecord(buf)
			round[i] = storage.AppendRequest{Chain: handles[turn%(chains/n)*n+i], Records: buf[at:]}
		}
		turn++
		start := time.Now()
		for _, err := range s.Append(round) {
			if err != nil {
				b.Fatal(err)
			}
		}
		spent += time.Since(start)
	}
	for range 100 { // until the chains have their files
		run()
	}
	spent = 0
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(b.N*n)/spent.Seconds(), "records/s")
}

// BenchmarkAppendAlone appends one record at a time and, in turn with it,
// writes and syncs as many bytes to a file that was written before: the least
// that a durable append can cost here.
func BenchmarkAppendAlone(b *testing.B) {
	s := openBench(b)
	c := openChain(b, s, "bench/one")
	bare := openBare(b)
	frames := kibFrames()
	var buf []byte
	var ours, theirs []time.Duration
	for next := event.Seq(0); b.Loop(); next++ {
		buf = kibRecords(buf, next, 1, frames)
		start := time.Now()
		if err := s.Append([]storage.AppendRequest{{Chain: c, Records: buf}})[0]; err != nil {
			b.Fatal(err)
		}
		ours = append(ours, time.Since(start))
		start = time.Now()
		bare.write(b, buf)
		theirs = append(theirs, time.Since(start))
	}
	a, d := median(ours), median(theirs)
	b.ReportMetric(float64(a.Nanoseconds())/1e3, "append-p50-µs")
	b.ReportMetric(float64(d.Nanoseconds())/1e3, "bare-p50-µs")
	b.ReportMetric(float64(a)/float64(d), "ratio")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// bareFile is a file that has been written to its end.
type bareFile struct {
	f      vfs.File
	offset int64
}

const bareSize = 64 << 20

func openBare(b *testing.B) *bareFile {
	f, err := vfs.Default.Create(filepath.Join(b.TempDir(), "bare"), vfs.WriteCategoryUnspecified)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	if _, err := f.Write(make([]byte, bareSize)); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	return &bareFile{f: f}
}

func (f *bareFile) write(b *testing.B, data []byte) {
	if _, err := f.f.WriteAt(data, f.offset); err != nil {
		b.Fatal(err)
	}
	if err := f.f.SyncData(); err != nil {
		b.Fatal(err)
	}
	if f.offset += int64(len(data)+block-1) / block * block; f.offset > bareSize-1<<20 {
		f.offset = 0
	}
}

// BenchmarkBare writes and syncs as many bytes as a round of BenchmarkAppend
// to a file that was written before: what the disk can do.
func BenchmarkBare(b *testing.B) {
	bare := openBare(b)
	data := make([]byte, 800*recordSize)
	for b.Loop() {
		bare.write(b, data)
	}
	b.ReportMetric(float64(b.N*800)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkRead reads a chain of 200,000 records by 1 MiB.
func BenchmarkRead(b *testing.B) {
	const n = 200_000
	s := openBench(b)
	c := openChain(b, s, "bench/one")
	frames := kibFrames()
	for next := event.Seq(0); next < n; next += 1000 {
		if err := s.Append([]storage.AppendRequest{{Chain: c, Records: kibRecords(nil, next, 1000, frames)}})[0]; err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		for from := event.Seq(0); from < n; {
			records, err := c.Read(b.Context(), nil, from, 1<<20, false)
			if err != nil {
				b.Fatal(err)
			}
			if from, err = lastNext(records); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "records/s")
}
