package file

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atedb/atedb/sdk/fault"
)

// ioFault makes the fault of a failed file operation. doing says what was
// being done, as in "writing db/a/b/SEGMENT-1".
func ioFault(err error, doing string) error {
	switch {
	case fault.CodeOf(err) != fault.Internal:
		return err // says all this already
	case isFull(err):
		return fault.New(fault.DiskFull, "%s: the disk is full; make space: %w", doing, err)
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Unavailable, "%s: give the server's user access to it: %w", doing, err)
	}
	return fault.New(fault.Unavailable, "%s: %w", doing, err)
}

func isFull(err error) bool {
	return vfs.IsNoSpaceError(err) || errors.Is(err, syscall.EDQUOT) || fault.Is(err, fault.DiskFull)
}

// damaged makes the fault of bytes in a file that are not what was written.
func damaged(path string, offset int64, cause error) error {
	return fault.New(fault.Damaged, "%s is damaged at offset %d: %s", path, offset, fault.From(cause).Reason)
}

// laterVersion makes the fault of a file that a later release wrote.
func laterVersion(path string, got uint32) error {
	return fault.New(fault.Unsupported, "%s has format version %d, this release reads up to %d; use the release that wrote it, or a later one", path, got, formatVersion)
}

// gaveUp returns a fault if the caller no longer waits for an answer.
func gaveUp(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fault.New(fault.Unavailable, "the call was given up: %w", err)
	}
	return nil
}
