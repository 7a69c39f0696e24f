package memory

import (
	"bytes"
	"context"
	"sort"
	"sync"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// chain is a chain, open or not.
type chain struct {
	store *Store
	name  chainname.Name
	open  bool // guarded by the store's mu

	rewriting sync.Mutex // held by the drop or erasure under way, before mu

	mu      sync.RWMutex // guards what follows
	records []record     // in order of seq; not changed in place
	size    size         // of records
	next    event.Seq
	blobs   map[string][]byte
}

// record is a record with what its batch says of its seqs.
type record struct {
	first, next event.Seq
	data        []byte
}

// size is how much records hold.
type size struct{ events, bytes uint64 }

func (s *size) add(r record) {
	s.events += uint64(r.next - r.first)
	s.bytes += uint64(len(r.data))
}

// memory returns how many bytes the chain takes.
func (c *chain) memory() (bytes uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	bytes = c.size.bytes
	for name, data := range c.blobs {
		bytes += uint64(len(name) + len(data))
	}
	return bytes
}

// State implements [storage.Chain].
func (c *chain) State() storage.State {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return storage.State{Next: c.next, Events: c.size.events, Bytes: c.size.bytes}
}

// append adds the records that are not held yet, all or none of them.
func (c *chain) append(records []byte) error {
	if len(records) == 0 {
		return fault.New(fault.BadRequest, "an append to chain %q has no records", c.name)
	}
	if len(records) > storage.MaxAppend {
		return fault.New(fault.TooLarge, "an append to chain %q has %d bytes; at most %d are allowed", c.name, len(records), storage.MaxAppend)
	}
	parsed, err := parse(records)
	if err != nil {
		return fault.New(fault.CodeOf(err), "chain %q: an append is refused: %s", c.name, fault.From(err).Reason)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	expected := min(c.next, parsed[0].first)
	held := 0
	for _, r := range parsed {
		if r.first != expected {
			return fault.New(fault.OutOfSequence, "chain %q: an append has seq %d where %d is next", c.name, r.first, expected)
		}
		if r.first < c.next {
			if !c.holds(r) {
				return fault.New(fault.OutOfSequence, "chain %q: an append has another record for seq %d than the one that is held", c.name, r.first)
			}
			held++
		}
		expected = r.next
	}
	for _, r := range parsed[held:] {
		c.add(record{r.first, r.next, bytes.Clone(r.data)})
	}
	return nil
}

func (c *chain) add(r record) {
	c.records = append(c.records, r)
	c.next = r.next
	c.size.add(r)
}

// parse checks records and cuts them apart.
func parse(records []byte) ([]record, error) {
	var parsed []record
	for rest := records; len(rest) > 0; {
		batch, after, err := event.CutRecord(rest)
		if err != nil {
			return nil, err
		}
		for _, err := range batch.Events() {
			if err != nil {
				return nil, err
			}
		}
		parsed = append(parsed, record{batch.First, batch.Next(), rest[:len(rest)-len(after)]})
		rest = after
	}
	return parsed, nil
}

// find returns the index of the first record with an event at or after seq.
func (c *chain) find(seq event.Seq) int {
	return sort.Search(len(c.records), func(i int) bool { return c.records[i].next > seq })
}

func (c *chain) holds(r record) bool {
	i := c.find(r.first)
	return i < len(c.records) && bytes.Equal(c.records[i].data, r.data)
}

// Read implements [storage.Chain].
func (h *handle) Read(_ context.Context, dst []byte, from event.Seq, maxBytes int, headersOnly bool) ([]byte, error) {
	if err := h.begin(); err != nil {
		return nil, err
	}
	defer h.calls.RUnlock()
	h.mu.RLock()
	records := h.records[h.find(from):]
	h.mu.RUnlock()
	out := dst
	for _, r := range records {
		data := r.data
		if headersOnly {
			var err error
			if data, err = withoutData(data); err != nil {
				return nil, err
			}
		}
		if read := len(out) - len(dst); read > 0 && read+len(data) > maxBytes {
			break
		}
		out = append(out, data...)
	}
	return out, nil
}

// withoutData makes a record anew without its events' data.
func withoutData(data []byte) ([]byte, error) {
	batch, _, err := event.CutRecord(data)
	if err != nil {
		return nil, err
	}
	bare := batch
	bare.Frames = nil
	for frame, err := range batch.Events() {
		if err != nil {
			return nil, err
		}
		bare.Frames = frame.Omit(bare.Frames)
	}
	return bare.AppendRecord(nil), nil
}

// PutBlob implements [storage.Chain].
func (h *handle) PutBlob(_ context.Context, name string, data []byte) error {
	if err := h.begin(); err != nil {
		return err
	}
	defer h.calls.RUnlock()
	if err := checkBlobName(name); err != nil {
		return err
	}
	if len(data) > storage.MaxBlob {
		return fault.New(fault.TooLarge, "blob %q of chain %q is %d bytes long; at most %d are allowed", name, h.name, len(data), storage.MaxBlob)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(data) == 0 {
		delete(h.blobs, name)
	} else {
		h.blobs[name] = bytes.Clone(data)
	}
	return nil
}

// GetBlob implements [storage.Chain].
func (h *handle) GetBlob(_ context.Context, name string) ([]byte, error) {
	if err := h.begin(); err != nil {
		return nil, err
	}
	defer h.calls.RUnlock()
	if err := checkBlobName(name); err != nil {
		return nil, err
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	data, ok := h.blobs[name]
	if !ok {
		return nil, fault.New(fault.NotFound, "chain %q has no blob %q", h.name, name)
	}
	return bytes.Clone(data), nil
}

func checkBlobName(name string) error {
	for i := range len(name) {
		c := name[i]
		inside := i > 0 && i < len(name)-1
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || inside && (c == '-' || c == '.')) {
			name = ""
			break
		}
	}
	if name == "" || len(name) > storage.MaxBlobName {
		return fault.New(fault.BadRequest, "a blob's name has 1 to %d of a to z, 0 to 9, '-' and '.', the last two not at its ends", storage.MaxBlobName)
	}
	return nil
}
