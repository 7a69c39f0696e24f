package file

import (
	"math/bits"
	"sync"
)

// buffers keeps the memory of past rounds for the next ones, because fresh
// memory costs page faults and the collector's work at every round.
type buffers struct {
	mu    sync.Mutex    // guards what follows
	spare [64][]*buffer // by the bit length of the capacity less one
	bytes int           // in spare
}

// get returns a buffer without users, of length 0 and at least this capacity.
func (p *buffers) get(size int) *buffer {
	class := bits.Len(uint(max(size, block) - 1))
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.spare[class]); n > 0 {
		b := p.spare[class][n-1]
		p.spare[class] = p.spare[class][:n-1]
		p.bytes -= cap(b.bytes)
		b.bytes = b.bytes[:0]
		return b
	}
	return &buffer{bytes: make([]byte, 0, 1<<class), pool: p}
}

func (p *buffers) put(b *buffer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bytes+cap(b.bytes) > maxSpare {
		return
	}
	class := bits.Len(uint(cap(b.bytes) - 1))
	p.spare[class] = append(p.spare[class], b)
	p.bytes += cap(b.bytes)
}
