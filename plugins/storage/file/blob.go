package file

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

const (
	blobMagic  = "AteBlob\x00"
	blobHeader = 16
)

// PutBlob implements [storage.Chain].
func (h *handle) PutBlob(ctx context.Context, name string, data []byte) error {
	path, err := h.beginBlob(ctx, name)
	if err != nil {
		return err
	}
	defer h.end()
	if len(data) > storage.MaxBlob {
		return fault.New(fault.TooLarge, "blob %q of chain %q is %d bytes long; at most %d are allowed", name, h.name, len(data), storage.MaxBlob)
	}
	h.blobs.Lock()
	defer h.blobs.Unlock()
	if len(data) > 0 {
		return h.store.disk.write(path, encodeBlob(data))
	}
	if err := h.store.disk.failure(); err != nil {
		return err
	}
	if err := h.store.disk.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ioFault(err, "removing "+path)
	}
	return h.store.disk.syncDir(h.dir)
}

// GetBlob implements [storage.Chain].
func (h *handle) GetBlob(ctx context.Context, name string) ([]byte, error) {
	path, err := h.beginBlob(ctx, name)
	if err != nil {
		return nil, err
	}
	defer h.end()
	b, err := h.store.disk.read(path, blobHeader+storage.MaxBlob)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "chain %q has no blob %q", h.name, name)
	}
	if err != nil {
		return nil, h.spoilt(ioFault(err, "reading "+path))
	}
	data, err := parseBlob(path, b)
	if err != nil {
		return nil, h.spoilt(err)
	}
	return data, nil
}

func (h *handle) beginBlob(ctx context.Context, name string) (path string, err error) {
	if !validBlobName(name) {
		return "", fault.New(fault.BadRequest, "a blob's name has 1 to %d of a to z, 0 to 9, '-' and '.', the last two not at its ends; %.80q is none", storage.MaxBlobName, name)
	}
	return h.path(blobPrefix + name), h.begin(ctx)
}

func validBlobName(name string) bool {
	for i := range len(name) {
		c := name[i]
		inside := i > 0 && i < len(name)-1
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || inside && (c == '-' || c == '.')) {
			return false
		}
	}
	return len(name) > 0 && len(name) <= storage.MaxBlobName
}

func encodeBlob(data []byte) []byte {
	b := make([]byte, 0, blobHeader+len(data))
	b = append(b, blobMagic...)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(data, castagnoli))
	return append(b, data...)
}

func parseBlob(path string, b []byte) ([]byte, error) {
	if len(b) < blobHeader || !bytes.HasPrefix(b, []byte(blobMagic)) {
		return nil, damaged(path, 0, fault.New(fault.Damaged, "it is not a blob"))
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatVersion {
		return nil, laterVersion(path, v)
	}
	if crc32.Checksum(b[blobHeader:], castagnoli) != binary.LittleEndian.Uint32(b[12:]) {
		return nil, damaged(path, blobHeader, fault.New(fault.Damaged, "the data fails its checksum"))
	}
	return b[blobHeader:], nil
}
