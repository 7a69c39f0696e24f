package file

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atedb/atedb/sdk/fault"
)

const (
	formatVersion = 1 // of every file; each has its own copy
	journalMagic  = "AteJourn"
	journalHeader = 44 // bytes; the header has a block to itself

	stateLive = 1 // the file holds rounds from the one in its header on
	stateFree = 2 // it holds none; rounds from the one in its header on are elsewhere
)

// journal is where appends become durable: files of a fixed size, written to
// the end once before their first use and then used in turn, because a sync
// of blocks that were written before need not wait for the file system.
type journal struct {
	disk   *disk
	dir    string
	store  uint64 // the store's id
	size   int64  // bytes of a new file
	limit  int    // files
	rounds uint64 // the number of the next round; only appends use it

	writing sync.Mutex // held while a round is written, or what is behind a file's last one; before mu

	mu      sync.Mutex // guards what follows
	live    []*journalFile
	free    []*journalFile
	files   uint64 // the number of the newest file
	current *journalFile
}

// journalFile is one file of the journal.
type journalFile struct {
	file  vfs.File
	path  string
	size  int64
	first uint64 // live: its first round
	next  uint64 // live and no longer current: the round after its last
	end   int64  // where the next round goes, or would; guarded by writing
	stale int64  // from end up to here may be what was written before; guarded by writing
}

func encodeJournalHeader(state uint32, store, round uint64, size int64) []byte {
	h := make([]byte, 0, block)
	h = append(h, journalMagic...)
	h = binary.LittleEndian.AppendUint32(h, formatVersion)
	h = binary.LittleEndian.AppendUint32(h, state)
	h = binary.LittleEndian.AppendUint64(h, store)
	h = binary.LittleEndian.AppendUint64(h, round)
	h = binary.LittleEndian.AppendUint64(h, uint64(size))
	h = binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
	return h[:block]
}

// parseJournalHeader checks the header at the start of b.
func parseJournalHeader(path string, b []byte, store uint64) (state uint32, round uint64, size int64, err error) {
	if len(b) < journalHeader || !bytes.HasPrefix(b, []byte(journalMagic)) {
		return 0, 0, 0, damaged(path, 0, fault.New(fault.Damaged, "it is not a journal file"))
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v > formatVersion {
		return 0, 0, 0, laterVersion(path, v)
	}
	if crc32.Checksum(b[:40], castagnoli) != binary.LittleEndian.Uint32(b[40:]) {
		return 0, 0, 0, damaged(path, 0, fault.New(fault.Damaged, "the header fails its checksum"))
	}
	if got := binary.LittleEndian.Uint64(b[16:]); got != store {
		return 0, 0, 0, fault.New(fault.Damaged, "%s belongs to another store (%#x, this is %#x); put back the journal that belongs here", path, got, store)
	}
	state, round, size = binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint64(b[24:]), int64(binary.LittleEndian.Uint64(b[32:]))
	if state != stateLive && state != stateFree {
		return 0, 0, 0, damaged(path, 12, fault.New(fault.Damaged, "state %d is unknown", state))
	}
	return state, round, size, nil
}

// fits reports whether a round of size bytes can be written now.
func (j *journal) fits(size int64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.current != nil && j.current.end+size <= j.current.size || len(j.free) > 0 && block+size <= j.free[0].size
}

// write makes a round durable, for which there must be room. b holds the
// round, padded to whole blocks. rolled says that another file is in use from
// now on.
func (j *journal) write(b []byte) (rolled bool, err error) {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	f := j.current
	if rolled = f == nil || f.end+int64(len(b)) > f.size; rolled {
		f = j.free[0]
	}
	j.mu.Unlock()

	if err := j.disk.failure(); err != nil {
		return false, err
	}
	offset := f.end
	if rolled {
		offset = block
		if _, err := f.file.WriteAt(encodeJournalHeader(stateLive, j.store, j.rounds, f.size), 0); err != nil {
			return false, ioFault(err, "writing "+f.path)
		}
	}
	f.stale = max(f.stale, offset+int64(len(b)))
	if _, err := f.file.WriteAt(b, offset); err != nil {
		// The same round goes to the same place when it is tried again.
		return false, ioFault(err, "writing "+f.path)
	}
	if err := j.disk.sync(f.file, f.path); err != nil {
		return false, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if rolled {
		if j.current != nil {
			j.current.next = j.rounds
		}
		f.first = j.rounds
		j.free = j.free[1:]
		j.live = append(j.live, f)
		j.current = f
	}
	f.end = offset + int64(len(b))
	j.rounds++
	return rolled, nil
}

// reclaimable reports whether there are files that no round goes to any more.
func (j *journal) reclaimable() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.live) > 1 || len(j.live) == 1 && j.live[0] != j.current
}

// reclaim frees the files of which all rounds come before the given one,
// durably and oldest first.
func (j *journal) reclaim(before uint64) error {
	for {
		j.mu.Lock()
		if len(j.live) == 0 || j.live[0] == j.current || j.live[0].next > before {
			j.mu.Unlock()
			return nil
		}
		f := j.live[0]
		j.mu.Unlock()
		if err := j.markFree(f, before); err != nil {
			return err
		}
		j.writing.Lock()
		f.end = block
		j.mu.Lock()
		j.live = j.live[1:]
		if f.size == j.size {
			j.free = append(j.free, f)
		}
		j.mu.Unlock()
		j.writing.Unlock()
		if f.size != j.size { // the configured size has changed since
			f.file.Close()
			if err := j.disk.Remove(f.path); err != nil {
				return ioFault(err, "removing "+f.path)
			}
		}
	}
}

func (j *journal) markFree(f *journalFile, round uint64) error {
	if err := j.disk.failure(); err != nil {
		return err
	}
	if _, err := f.file.WriteAt(encodeJournalHeader(stateFree, j.store, round, f.size), 0); err != nil {
		return ioFault(err, "writing "+f.path)
	}
	return j.disk.sync(f.file, f.path)
}

// retire ends the use of the current file, so that it can be reclaimed. No
// append may be under way.
func (j *journal) retire() {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.current != nil {
		j.current.next = j.rounds
		j.current = nil
	}
}

// grow adds a free file, if the limit allows one more.
func (j *journal) grow() error {
	j.mu.Lock()
	if len(j.live)+len(j.free) >= j.limit {
		j.mu.Unlock()
		return nil
	}
	j.files++
	path := j.disk.PathJoin(j.dir, fmt.Sprintf("JOURNAL-%06d", j.files))
	j.mu.Unlock()
	f, err := j.prepare(path)
	if err != nil {
		j.disk.Remove(path + newSuffix)
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.free = append(j.free, f)
	return nil
}

// prepare makes a free file and writes it to the end.
func (j *journal) prepare(path string) (*journalFile, error) {
	file, err := j.disk.create(path + newSuffix)
	if err != nil {
		return nil, err
	}
	f := &journalFile{file: file, path: path, size: j.size, end: block}
	if err := j.fill(f); err != nil {
		file.Close()
		return nil, err
	}
	if err := j.disk.Rename(path+newSuffix, path); err != nil {
		file.Close()
		return nil, ioFault(err, "renaming "+path+newSuffix)
	}
	if err := j.disk.syncDir(j.dir); err != nil {
		file.Close()
		return nil, err
	}
	return f, nil
}

func (j *journal) fill(f *journalFile) error {
	chunk := make([]byte, min(f.size, 1<<20))
	copy(chunk, encodeJournalHeader(stateFree, j.store, 0, f.size))
	for offset := int64(0); offset < f.size; offset += int64(len(chunk)) {
		if _, err := f.file.Write(chunk[:min(int64(len(chunk)), f.size-offset)]); err != nil {
			return ioFault(err, "writing "+f.path)
		}
		if offset == 0 {
			clear(chunk[:block])
		}
	}
	return j.disk.sync(f.file, f.path)
}

// spare returns how many files are free.
func (j *journal) spare() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.free)
}

// low reports whether it is time to reclaim files.
func (j *journal) low() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.free) <= (len(j.live)+len(j.free))/4
}

// mayGrow reports whether there may be more files.
func (j *journal) mayGrow() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.live)+len(j.free) < j.limit
}

// usage returns how many bytes the files take.
func (j *journal) usage() (bytes uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, files := range [][]*journalFile{j.live, j.free} {
		for _, f := range files {
			bytes += uint64(f.size)
		}
	}
	return bytes
}

func (j *journal) close() {
	for _, files := range [][]*journalFile{j.live, j.free} {
		for _, f := range files {
			f.file.Close()
		}
	}
}
