package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// FolderChain is a chain in a folder that is looked at. Its methods may be
// called by several goroutines.
type FolderChain struct {
	view  *view
	state storage.State

	mu     sync.Mutex // guards walker
	walker *walker    // where the last Read ended
}

// Open looks at a chain, which the caller closes. It reads the journal, and the
// records of the chain that may be in it as well. A chain that is not there is a
// not_found fault; what a store would not open is a damaged one.
func (f *Folder) Open(ctx context.Context, name chainname.Name) (*FolderChain, error) {
	v, err := f.look(ctx, name, func(_ string, _ int64, err error) error { return err })
	if err != nil {
		return nil, err
	}
	c := &FolderChain{view: v}
	if err := c.measure(ctx); err != nil {
		return nil, v.chain.spoilt(err)
	}
	return c, nil
}

// measure finds out what the chain holds.
func (c *FolderChain) measure(ctx context.Context) error {
	for _, s := range c.view.chain.closed {
		c.state.Events += s.events
		c.state.Bytes += uint64(s.size - segmentHeader)
	}
	c.walker = c.view.walk(c.view.chain.active.first)
	for {
		record, batch, err := c.walker.record()
		c.state.Next = c.walker.next
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = gaveUp(ctx)
		}
		if err != nil {
			return err
		}
		c.state.Events += uint64(batch.Count)
		c.state.Bytes += uint64(len(record))
	}
}

// Close ends the use of the chain.
func (c *FolderChain) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.walker.close()
}

// State describes what the chain holds.
func (c *FolderChain) State() storage.State { return c.state }

// Read is as [storage.Chain]'s.
func (c *FolderChain) Read(ctx context.Context, dst []byte, from event.Seq, maxBytes int, headersOnly bool) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.walker.next > from || c.walker.at < len(c.view.parts) && c.view.parts[c.walker.at].next <= from {
		c.walker.close()
		c.walker = c.view.walk(from)
	}
	start := len(dst)
	for len(dst)-start < maxBytes || len(dst) == start {
		record, batch, err := c.walker.record()
		if err == io.EOF {
			break
		}
		if err == nil && headersOnly && batch.Next() > from {
			batch.Frames, err = appendHeaders(nil, &batch, (*event.Frame).Omit)
		}
		if err == nil {
			err = gaveUp(ctx)
		}
		if err != nil {
			return nil, c.view.chain.spoilt(err)
		}
		if batch.Next() <= from {
			continue
		}
		if len(dst) > start && len(dst)-start+batch.RecordSize() > maxBytes {
			c.walker.unread(record)
			c.walker.next = batch.First
			break
		}
		if headersOnly {
			dst = batch.AppendRecord(dst)
		} else {
			dst = append(dst, record...)
		}
	}
	return dst, nil
}

// GetBlob returns a side blob. See [storage.Chain].
func (c *FolderChain) GetBlob(_ context.Context, name string) ([]byte, error) {
	if !validBlobName(name) {
		return nil, fault.New(fault.BadRequest, "%.80q is not the name of a blob", name)
	}
	path := c.view.chain.path(blobPrefix + name)
	b, err := c.view.chain.store.disk.read(path, blobHeader+storage.MaxBlob)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "chain %q has no blob %q", c.view.chain.name, name)
	}
	if err != nil {
		return nil, c.view.chain.spoilt(ioFault(err, "reading "+path))
	}
	data, err := parseBlob(path, b)
	if err != nil {
		return nil, c.view.chain.spoilt(err)
	}
	return data, nil
}
