package file

import (
	"container/list"
	"errors"
	"io/fs"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// files keeps the most recently used segments open, and knows which of them
// have bytes that are not yet durable.
type files struct {
	disk  *disk
	root  vfs.File // the store's folder, open for as long as the store is: see syncAll
	limit int      // files open at the same time, except for those in use

	mu      sync.Mutex // guards what follows
	open    map[string]*openFile
	opening map[*openFile]bool  // by somebody who will put them into open, unless they are gone by then
	recent  *list.List          // of *openFile, the last used first
	dirty   map[*openFile]bool  // written since they were last synced
	folders map[string]vfs.File // whose entries may not be durable, by their paths
	more    bool                // there is more to sync, but it is not open any more
}

// openFile is a file in use or kept open.
type openFile struct {
	vfs.File
	path  string
	users int
	gone  bool // removed: to be closed, not kept, and not worth a sync
	place *list.Element
}

func newFiles(d *disk, root vfs.File) *files {
	return &files{
		disk: d, root: root, limit: openLimit(),
		open: make(map[string]*openFile), opening: make(map[*openFile]bool), recent: list.New(),
		dirty: make(map[*openFile]bool), folders: make(map[string]vfs.File),
	}
}

// acquire opens a file, which must be there. The caller releases it. The error
// is the file system's.
func (c *files) acquire(path string) (*openFile, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.open[path]; f != nil {
		f.users++
		c.recent.MoveToFront(f.place)
		return f, nil
	}
	f := &openFile{path: path, users: 1}
	c.opening[f] = true
	c.mu.Unlock()
	err := f.openIn(c.disk)
	c.mu.Lock()
	delete(c.opening, f)
	if err != nil {
		return nil, err
	}
	if f.gone {
		f.Close()
		_ = c.disk.Remove(path) // opening may have made it anew; an error says that it has not
		return nil, fs.ErrNotExist
	}
	if other := c.open[path]; other != nil { // somebody was faster
		f.Close()
		other.users++
		return other, nil
	}
	f.place = c.recent.PushFront(f)
	c.open[path] = f
	if err := c.evict(); err != nil {
		f.users--
		return nil, err
	}
	return f, nil
}

// openIn opens for writing too: the active segment is read and written through
// the same file.
func (f *openFile) openIn(d *disk) (err error) {
	if _, err = d.Stat(f.path); err != nil {
		return err // OpenReadWrite would make the file
	}
	f.File, err = d.OpenReadWrite(f.path, vfs.WriteCategoryUnspecified)
	return err
}

// evict closes the files that were not used for longest.
func (c *files) evict() error {
	for e := c.recent.Back(); e != nil && len(c.open) > c.limit; {
		f := e.Value.(*openFile)
		e = e.Prev()
		if f.users > 0 {
			continue
		}
		if c.dirty[f] {
			if !c.canSyncAll() {
				if err := c.disk.sync(f, f.path); err != nil {
					return err
				}
			} else {
				c.more = true
			}
		}
		c.forget(f)
	}
	return nil
}

func (c *files) forget(f *openFile) {
	delete(c.open, f.path)
	delete(c.dirty, f)
	c.recent.Remove(f.place)
	f.Close()
}

// release ends a use.
func (c *files) release(f *openFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.users--; f.users > 0 {
		return
	}
	if f.gone {
		f.Close()
	} else {
		_ = c.evict() // disk keeps the failure of a sync
	}
}

// wrote notes that f has bytes to sync.
func (c *files) wrote(f *openFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !f.gone {
		c.dirty[f] = true
	}
}

// doubt notes that a folder, which is open, has entries that may not be durable.
// It is closed when it has been synced.
func (c *files) doubt(dir vfs.File, path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.folders) >= manySyncs && c.canSyncAll() {
		c.more = true
		dir.Close()
		return
	}
	if before := c.folders[path]; before != nil {
		before.Close() // it is the same one, or was removed since
	}
	c.folders[path] = dir
}

// remove deletes a file. Who still reads it may go on; then it is closed, or else
// its space would not be free.
func (c *files) remove(path string) error {
	err := c.disk.Remove(path)
	if c.disown(path) {
		_ = c.disk.Remove(path) // it may have been opened, and so made anew, a moment ago
	}
	return err
}

// disown sees to it that a file which was removed is not kept open. It reports
// whether it was.
func (c *files) disown(path string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for f := range c.opening {
		if f.path == path {
			f.gone = true
		}
	}
	f := c.open[path]
	switch {
	case f == nil:
		return false
	case f.users == 0:
		c.forget(f)
	default:
		f.gone = true
		delete(c.open, f.path)
		delete(c.dirty, f)
		c.recent.Remove(f.place)
	}
	return true
}

// sync makes everything that was written durable, and what is in doubt.
func (c *files) sync() error {
	if err := c.disk.failure(); err != nil {
		return err // what could not be synced is not among the dirty any more
	}
	dirty, folders, all := c.takeDirty()
	defer func() {
		for _, f := range dirty {
			c.release(f)
		}
		for _, dir := range folders {
			dir.Close()
		}
	}()
	if all {
		return c.syncAll()
	}
	for path, dir := range folders {
		if err := c.disk.syncOpenDir(dir, path); err != nil {
			return err
		}
	}
	var group sync.WaitGroup
	errs := make([]error, syncsAtOnce)
	for i := range errs {
		group.Go(func() {
			for n := i; n < len(dirty) && errs[i] == nil; n += syncsAtOnce {
				errs[i] = c.disk.sync(dirty[n], dirty[n].path)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// spread reports whether very many files have to be synced.
func (c *files) spread() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.dirty) > manySyncs
}

// takeDirty takes the files that are to be synced, for use, and the folders, to be
// closed. It says whether to sync the whole file system instead.
func (c *files) takeDirty() (dirty []*openFile, folders map[string]vfs.File, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for f := range c.dirty {
		f.users++
		dirty = append(dirty, f)
	}
	all = c.canSyncAll() && (c.more || len(dirty) > manySyncs)
	clear(c.dirty)
	folders, c.folders = c.folders, make(map[string]vfs.File)
	c.more = false
	return dirty, folders, all
}

// closeAll closes the files. None may be in use.
func (c *files) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.open {
		c.forget(f)
	}
	for _, dir := range c.folders {
		dir.Close()
	}
}
