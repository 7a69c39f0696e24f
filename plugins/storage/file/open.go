package file

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

const (
	formatMagic = "AteStore"
	formatSize  = 24
)

// Open opens the store in options.Path, which is made if there is none, and
// brings chains' files up to date from the journal if need be. Shutdown
// closes it.
func Open(options Options) (*Store, error) {
	s := New()
	return s, s.open(context.Background(), options)
}

func (s *Store) open(ctx context.Context, options Options) error {
	s.calls.Lock()
	defer s.calls.Unlock()
	if s.status.Load() != statusNew {
		return fault.New(fault.BadRequest, "storage is configured already")
	}
	s.options = options.withDefaults()
	s.log = s.options.Logger
	s.disk = &disk{FS: s.options.FS}
	s.folders = &folders{disk: s.disk, root: s.options.Path, durable: make(map[string]struct{})}
	s.buffers = new(buffers)
	s.chains = make(map[chainname.Name]*chain)
	s.progress = sync.NewCond(&s.mu)
	s.kick, s.stop = make(chan struct{}, 1), make(chan struct{})
	if err := s.start(ctx); err != nil {
		s.close()
		return err
	}
	s.status.Store(statusOpen)
	return nil
}

func (s *Store) start(ctx context.Context) error {
	id, err := s.openFolder()
	if err != nil {
		return err
	}
	s.journal = &journal{
		disk: s.disk, dir: s.disk.PathJoin(s.options.Path, journalFolder), store: id,
		size: s.options.JournalSegmentSize, limit: s.options.JournalSegmentsMax, rounds: 1,
	}
	if err := s.recover(ctx); err != nil {
		return err
	}
	if s.journal.current == nil && s.journal.spare() == 0 {
		if err := s.journal.grow(); err != nil && !isFull(err) {
			return err
		}
	}
	s.writer.Go(s.writeBehind)
	if len(s.pending) > 0 || s.journal.spare() == 0 {
		s.wake()
	}
	return nil
}

// openFolder makes the store's folder what it must be, takes its lock, and
// returns the store's id.
func (s *Store) openFolder() (id uint64, err error) {
	root := s.options.Path
	if root == "" {
		return 0, fault.New(fault.BadConfig, "storage has no folder: set path")
	}
	if _, err := s.disk.Stat(s.disk.PathJoin(root, formatName)); err != nil {
		if err := s.makeRoot(root); err != nil {
			return 0, err
		}
	}
	lock, err := s.lockFolder(s.disk.PathJoin(root, lockName))
	if failed := new(fs.PathError); errors.As(err, &failed) {
		return 0, ioFault(err, "locking folder "+root)
	}
	if err != nil {
		return 0, fault.New(fault.Unavailable, "folder %s is locked by another process: stop it, or use another folder: %w", root, err)
	}
	s.release = append(s.release, lock)
	dir, err := s.disk.OpenDir(root)
	if err != nil {
		return 0, ioFault(err, "opening folder "+root)
	}
	s.release = append(s.release, dir)
	s.segments = newFiles(s.disk, dir)
	for _, folder := range []string{journalFolder, chainsFolder} {
		if err := s.folders.makeDurable(s.disk.PathJoin(root, folder)); err != nil {
			return 0, err
		}
	}
	return s.openFormat()
}

// lockFolder takes the store's lock. A process that was killed while it waited
// for the disk holds it until the disk has answered, so whoever finds it taken
// tries again for a while.
func (s *Store) lockFolder(path string) (io.Closer, error) {
	for until := time.Now().Add(s.options.lockPatience); ; time.Sleep(lockPause) {
		lock, err := s.disk.Lock(path)
		if err == nil || errors.As(err, new(*fs.PathError)) || time.Now().After(until) {
			return lock, err
		}
	}
}

// makeRoot makes a folder and those above it that are missing, durably. Those that
// are there may be of a process that ended before they were durable, so they are
// made that too, where this process may and the file system can.
func (s *Store) makeRoot(path string) error {
	above := s.disk.PathDir(path)
	if above == path {
		return nil
	}
	if err := s.makeRoot(above); err != nil {
		return err
	}
	if _, err := s.disk.Stat(path); err == nil {
		if dir, err := s.disk.OpenDir(above); err == nil {
			_ = dir.Sync()
			dir.Close()
		}
		return nil
	}
	if err := s.disk.MkdirAll(path, 0o700); err != nil {
		return ioFault(err, "making folder "+path)
	}
	return s.disk.syncDir(above)
}

// openFormat returns the store's id from the FORMAT file, which it makes if
// the store is new.
func (s *Store) openFormat() (id uint64, err error) {
	path := s.disk.PathJoin(s.options.Path, formatName)
	b, err := s.disk.read(path, formatSize)
	switch {
	case err == nil:
		return parseFormat(path, b)
	case !errors.Is(err, fs.ErrNotExist):
		return 0, ioFault(err, "reading "+path)
	}
	for _, folder := range []string{journalFolder, chainsFolder} {
		dir := s.disk.PathJoin(s.options.Path, folder)
		if entries, err := s.disk.List(dir); err != nil || len(entries) > 0 {
			return 0, fault.New(fault.Damaged, "%s is missing although %s is not empty; put it back, or use another folder", path, dir)
		}
	}
	id = randomID()
	return id, s.disk.write(path, encodeFormat(id))
}

func encodeFormat(id uint64) []byte {
	b := append(make([]byte, 0, formatSize), formatMagic...)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint64(b, id)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func parseFormat(path string, b []byte) (id uint64, err error) {
	if len(b) < formatSize || !bytes.HasPrefix(b, []byte(formatMagic)) {
		return 0, damaged(path, 0, fault.New(fault.Damaged, "it does not say that this is a store of AteDB"))
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v > formatVersion {
		return 0, laterVersion(path, v)
	}
	id = binary.LittleEndian.Uint64(b[12:])
	if !bytes.Equal(b, encodeFormat(id)) {
		return 0, damaged(path, 0, fault.New(fault.Damaged, "it fails its checksum"))
	}
	return id, nil
}
