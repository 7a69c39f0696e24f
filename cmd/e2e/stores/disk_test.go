package stores

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/atedb/atedb/core/chain/modeltest"
	"github.com/atedb/atedb/plugins/storage/file"
	"github.com/atedb/atedb/plugins/storage/memory"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// files is a disk with a store of storage-file on it. A kill is a loss of power
// before one of the store's operations on the file system: of what was not synced
// any part is left.
type files struct {
	modeltest.Watch
	fs    *vfs.MemFS
	store *file.Store // nil if none is open
}

func newFiles() *files { return &files{fs: vfs.NewCrashableMem()} }

// Open implements modeltest.Disk.
func (d *files) Open() (modeltest.Log, error) {
	if d.store == nil {
		watched := errorfs.Wrap(d.fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
				d.Changing()
			}
			return nil
		}))
		var err error
		if d.store, err = file.Open(file.Options{
			Path: "/data", FS: watched, SegmentSize: 64 << 10, JournalSegmentSize: 512 << 10, JournalSegmentsMax: 3,
		}); err != nil {
			return nil, err
		}
	}
	return openIn(d.store)
}

func openIn(store storage.Store) (modeltest.Log, error) {
	c, err := store.Open(context.Background(), modeltest.Name, true)
	if err != nil {
		return nil, err
	}
	return modeltest.Stored{Chain: c, Store: store}, nil
}

// Copy implements modeltest.Disk.
func (d *files) Copy() modeltest.Disk {
	percent := []int{0, 50, 100}[rand.IntN(3)]
	return &files{fs: d.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(rand.Uint64(), 0))})}
}

// Close implements modeltest.Disk.
func (d *files) Close() error {
	if d.store == nil {
		return nil
	}
	err := d.store.Shutdown(context.Background())
	d.store = nil
	return err
}

// ram is a store of storage-memory. A kill is one of the daemon, before one of
// its calls: the plugin's process lives on.
type ram struct {
	modeltest.Watch
	store *memory.Store
	log   modeltest.Log // the open one
	blobs map[string]bool
}

func newRAM() *ram { return &ram{store: memory.New(), blobs: make(map[string]bool)} }

// Open implements modeltest.Disk.
func (d *ram) Open() (modeltest.Log, error) {
	log, err := openIn(d.store)
	if err != nil {
		return nil, err
	}
	d.log = noting{log, d.blobs}
	return modeltest.Watched{Log: d.log, Watch: &d.Watch}, nil
}

// noting notes which blobs there are.
type noting struct {
	modeltest.Log
	blobs map[string]bool
}

// PutBlob implements chain.Log.
func (n noting) PutBlob(ctx context.Context, name string, data []byte) error {
	n.blobs[name] = true
	return n.Log.PutBlob(ctx, name, data)
}

// Close implements modeltest.Disk.
func (d *ram) Close() error { return nil }

// Copy implements modeltest.Disk. A store takes no records with a gap before
// them, so gaps are filled first, and what fills them is dropped.
func (d *ram) Copy() modeltest.Disk {
	copied := newRAM()
	log, err := copied.Open()
	if err == nil {
		err = d.copyRecords(log)
	}
	for name := range d.blobs {
		data, getErr := d.log.GetBlob(context.Background(), name)
		if getErr == nil {
			getErr = log.PutBlob(context.Background(), name, data)
		}
		if !fault.Is(getErr, fault.NotFound) {
			err = errors.Join(err, getErr)
		}
	}
	if err = errors.Join(err, log.Close()); err != nil {
		panic(err)
	}
	return copied
}

func (d *ram) copyRecords(to modeltest.Log) error {
	ctx, next := context.Background(), event.Seq(0)
	var gaps storage.DropSet
	fill := func(until event.Seq) error {
		if next < until {
			gaps = append(gaps, storage.Range{First: next, End: until})
		}
		for next < until {
			batch := event.Batch{First: next, Count: int(min(until-next, event.MaxBatchEvents))}
			for range batch.Count {
				batch.Frames = event.AppendFrame(batch.Frames, []byte{1}, nil)
			}
			if err := to.Append(batch.AppendRecord(nil)); err != nil {
				return err
			}
			next = batch.Next()
		}
		return nil
	}
	for {
		records, err := d.log.Read(ctx, nil, next, 1<<20, false)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			break
		}
		for b, err := range event.Records(records) {
			if err == nil {
				err = fill(b.First)
			}
			if err == nil {
				err = to.Append(b.AppendRecord(nil))
			}
			if err != nil {
				return err
			}
			next = b.Next()
		}
	}
	if err := fill(d.log.State().Next); err != nil {
		return err
	}
	_, err := to.Drop(ctx, gaps)
	return err
}
