package file

import (
	"sync"

	"github.com/atedb/atedb/sdk/chainname"
)

// Names of files and folders. In a chain's folder they are in capitals, which
// no part of a chain's name has, because one chain's folder may stand inside
// another's.
const (
	lockName      = "LOCK"
	formatName    = "FORMAT"
	journalFolder = "journal"
	chainsFolder  = "db"

	manifestName  = "CHAIN"
	segmentPrefix = "SEGMENT-"
	blobPrefix    = "BLOB-"
	salvageName   = "SALVAGE"
	newSuffix     = ".NEW" // a file that is still being written
)

// folders makes and removes the folders of chains.
type folders struct {
	disk *disk
	root string

	mu      sync.Mutex          // held while folders are made or removed
	durable map[string]struct{} // folders whose entry in the one above is known to be synced
}

// chain returns the folder of a chain.
func (f *folders) chain(name chainname.Name) string {
	return f.disk.PathJoin(f.root, chainsFolder, string(name))
}

// make makes a folder under root. Those above it are durable when it returns;
// its own entry is so after [disk.syncDir] of the one above.
func (f *folders) make(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.makeDurable(f.disk.PathDir(path)); err != nil {
		return err
	}
	if err := f.disk.MkdirAll(path, 0o700); err != nil {
		return ioFault(err, "making folder "+path)
	}
	return nil
}

func (f *folders) makeDurable(path string) error {
	if _, ok := f.durable[path]; ok || len(path) <= len(f.root) {
		return nil
	}
	above := f.disk.PathDir(path)
	if err := f.makeDurable(above); err != nil {
		return err
	}
	if err := f.disk.MkdirAll(path, 0o700); err != nil {
		return ioFault(err, "making folder "+path)
	}
	if err := f.disk.syncDir(above); err != nil {
		return err
	}
	f.durable[path] = struct{}{}
	return nil
}

// syncNearest makes durable that a folder is not there or, if it is, its entries.
func (f *folders) syncNearest(path string) error {
	for {
		if _, err := f.disk.Stat(path); err == nil || len(path) <= len(f.root) {
			return f.disk.syncDir(path)
		}
		path = f.disk.PathDir(path)
	}
}

// removeEmpty removes a chain's folder and those above it that hold nothing
// else. What cannot be removed is left: an empty folder harms nobody.
func (f *folders) removeEmpty(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for limit := len(f.disk.PathJoin(f.root, chainsFolder)); len(path) > limit; path = f.disk.PathDir(path) {
		if entries, err := f.disk.List(path); err != nil || len(entries) > 0 {
			return
		}
		if f.disk.Remove(path) != nil {
			return
		}
		delete(f.durable, path)
	}
}
