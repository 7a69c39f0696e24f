package static

import (
	"io"
	"os"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// MaxFile is the largest owners file, in bytes.
const MaxFile = 8 << 20

// readOwners reads an owners file, and returns what the file was like before
// the reading: a later change shows as a difference.
func readOwners(path string) (owners, os.FileInfo, error) {
	// A pipe would block when it is opened, so this comes before.
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fault.New(fault.BadConfig, "reading the owners file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, info, fault.New(fault.BadConfig, "the owners file %s is not a regular file", path)
	}
	text, err := readAll(path)
	if err != nil {
		return nil, info, err
	}
	parsed, err := parseOwners("the owners file "+path, text)
	return parsed, info, err
}

func readAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading the owners file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading the owners file: %w", err)
	}
	if len(text) > MaxFile {
		return nil, fault.New(fault.BadConfig, "the owners file %s is larger than %d bytes", path, MaxFile)
	}
	return text, nil
}

// changed reports whether the file differs from what it was like: another file
// under the name, another size or another time of change. It is also true of a
// file that is not there any more, or is again; nil is the info of none.
func changed(was, is os.FileInfo) bool {
	if was == nil || is == nil {
		return was != is
	}
	return !os.SameFile(was, is) || was.Size() != is.Size() || !was.ModTime().Equal(is.ModTime())
}

// checkInterval is the least time between two looks at the owners file.
const checkInterval = time.Second

// reload looks whether the file has changed, at most once in checkInterval,
// and takes it if it is good. One goroutine does this; others go on with the
// owners that there are.
func (r *Resolver) reload() {
	if r.config.file == "" || !r.reloading.TryLock() {
		return
	}
	defer r.reloading.Unlock()
	now := r.now()
	if now.Sub(r.checked) < checkInterval {
		return
	}
	r.checked = now
	if info, _ := os.Stat(r.config.file); !changed(r.info, info) { // nil after an error
		return
	}
	parsed, info, err := readOwners(r.config.file)
	r.info = info
	if err != nil {
		r.log.Warn("the changed owners file cannot be used; the owners from before stay", "error", err)
		return
	}
	r.owners.Store(&parsed)
	r.log.Info("the owners file was read again", "path", r.config.file, "owners", len(parsed))
}
