package accounts

import (
	"sync"

	"github.com/atedb/atedb/sdk/event"
)

// cache keeps public events that were read lately: an event never changes. What
// was not read while half of its room was filled goes. Private ones are not kept,
// so that it takes the same time to look at any user who logs in.
type cache struct {
	mu   sync.Mutex // guards what follows
	new  map[event.Seq][]byte
	old  map[event.Seq][]byte
	size int // bytes in new
}

// get returns an event's frame, which must not be changed, or nil.
func (c *cache) get(seq event.Seq) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	frame, ok := c.new[seq]
	if !ok {
		if frame, ok = c.old[seq]; ok {
			c.putLocked(seq, frame)
		}
	}
	return frame
}

// put keeps an event's frame.
func (c *cache) put(seq event.Seq, frame []byte) {
	if len(frame) > maxCached {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putLocked(seq, frame)
}

func (c *cache) putLocked(seq event.Seq, frame []byte) {
	if c.new == nil || c.size > cacheSize/2 {
		c.old, c.new, c.size = c.new, make(map[event.Seq][]byte), 0
	}
	if _, ok := c.new[seq]; !ok {
		c.new[seq] = frame
		c.size += len(frame)
	}
}
