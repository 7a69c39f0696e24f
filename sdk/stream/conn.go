// Package stream sends typed protobuf messages over a stream of bytes. It is the
// framing of the client's protocol and of a storage plugin's data socket:
//
//	offset  size  field
//	     0     4  length N of what follows, little-endian, at least 1
//	     4     1  type
//	     5   N-1  the message
package stream

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

const messageHeader = 5

// Sizes of buffers, in bytes. A connection's read buffer begins small and
// grows while the connection is busy.
const (
	minSlab     = 4 << 10
	maxSlab     = 256 << 10
	maxReused   = 1 << 20 // the same, when slabs are used again
	firstGrowth = 1 << 20 // memory taken for a large message before any of it came
	keepOut     = 2 << 20 // a write buffer up to this size is kept
)

// WriteTimeout is how long a peer may take to accept what it is sent.
const WriteTimeout = 30 * time.Second

// Type is the kind of a message.
type Type uint8

// Message is a message to send: a protobuf message with generated codecs.
type Message interface {
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
}

// Unmarshal parses a received message's payload into m, which aliases it
// afterwards. A malformed payload is a bad_message fault.
func Unmarshal(t Type, payload []byte, m interface{ UnmarshalVTUnsafe([]byte) error }) error {
	if err := m.UnmarshalVTUnsafe(payload); err != nil {
		return fault.New(fault.BadMessage, "a message of type %d is not valid protobuf: %w", t, err)
	}
	return nil
}

// Conn sends and receives messages over a stream.
//
// One goroutine at a time may receive. Any may queue, flush and send.
type Conn struct {
	nc net.Conn

	// The reader's own. Messages are parsed where they were read: slab is
	// never written again below end, so payloads stay valid for ever.
	slab       []byte
	start, end int // slab[start:end] is read but not yet received
	limit      int
	next       int  // size of the next slab
	reuse      bool // slabs are written again

	mu       sync.Mutex // guards what follows
	out      []byte     // messages waiting to be written
	spare    []byte     // the write buffer not in use
	flushing bool       // one goroutine is writing; it goes on until out is empty
	idle     sync.Cond  // signalled when it stops
	writeErr error
}

// NewConn returns a Conn over nc, which it closes. Received messages may be
// limit bytes long; see [Conn.SetLimit].
func NewConn(nc net.Conn, limit int) *Conn {
	c := &Conn{nc: nc, limit: limit, next: minSlab}
	c.idle.L = &c.mu
	return c
}

// SetLimit sets how long a received message may be, in bytes. It belongs to
// the receiving goroutine.
func (c *Conn) SetLimit(n int) { c.limit = n }

// Reuse makes a payload valid only until the next Receive that reads from the
// stream, for a receiver that is done with payloads by then: see
// [Conn.Buffered]. Memory is used again instead of taken anew.
func (c *Conn) Reuse() { c.reuse = true }

// SetReadDeadline makes a Receive fail after t; zero is never.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.nc.SetReadDeadline(t) }

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// CloseWrite tells the peer that nothing more will come, where the transport
// can. Receiving goes on.
func (c *Conn) CloseWrite() error {
	if w, ok := c.nc.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// Close closes the connection. Pending and later calls fail.
func (c *Conn) Close() error { return c.nc.Close() }

// Receive returns the next message's type and payload. The payload is the
// caller's to keep. It returns io.EOF when the peer closed the stream between
// two messages, and a fault when a message is over the limit or malformed.
func (c *Conn) Receive() (Type, []byte, error) {
	if err := c.fill(messageHeader); err != nil {
		return 0, nil, err
	}
	n := int64(binary.LittleEndian.Uint32(c.slab[c.start:]))
	if n < 1 {
		return 0, nil, fault.New(fault.BadMessage, "a message has no type")
	}
	if n > int64(c.limit) {
		return 0, nil, fault.New(fault.TooLarge, "a message is %d bytes long; at most %d are allowed here", n, c.limit)
	}
	size := 4 + int(n)
	if err := c.fill(size); err != nil {
		return 0, nil, err
	}
	message := c.slab[c.start : c.start+size : c.start+size]
	c.start += size
	return Type(message[4]), message[messageHeader:], nil
}

// Buffered reports whether a whole message has been read already, so that
// Receive will not wait.
func (c *Conn) Buffered() bool {
	have := c.slab[c.start:c.end]
	return len(have) >= messageHeader && int64(len(have)) >= 4+int64(binary.LittleEndian.Uint32(have))
}

// fill reads until slab[start:] holds size bytes. At the end of the stream it
// returns io.EOF if it holds none, and io.ErrUnexpectedEOF if it holds some.
func (c *Conn) fill(size int) error {
	for c.end-c.start < size {
		c.makeRoom(size)
		n, err := c.nc.Read(c.slab[c.end:])
		if n == len(c.slab)-c.end && (c.next < maxSlab || c.reuse && c.next < maxReused) {
			c.next *= 2 // busy: read more at a time
		}
		c.end += n
		if err != nil && c.end-c.start < size {
			if err == io.EOF && c.end > c.start {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// makeRoom takes a new slab unless the present one can take more of a message
// of size bytes. A large message's slab grows as its bytes come, so that a
// length alone costs little.
func (c *Conn) makeRoom(size int) {
	if c.end < len(c.slab) && (c.start == 0 || c.start+size <= len(c.slab)) {
		return
	}
	have := c.slab[c.start:c.end]
	if c.reuse && max(size, c.next) <= len(c.slab) && len(c.slab) <= keepOut {
		c.start, c.end = 0, copy(c.slab, have)
		return
	}
	slab := make([]byte, max(c.next, min(size, max(2*len(have), firstGrowth))))
	c.start, c.end = 0, copy(slab, have)
	c.slab = slab
}

// Queue adds a message to those waiting to be written and returns how many
// bytes wait. It never blocks on the network.
func (c *Conn) Queue(t Type, m Message) int {
	size := m.SizeVT()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = binary.LittleEndian.AppendUint32(c.out, uint32(1+size))
	c.out = append(c.out, byte(t))
	at := len(c.out)
	c.out = grow(c.out, size)
	if _, err := m.MarshalToSizedBufferVT(c.out[at:]); err != nil && c.writeErr == nil {
		c.writeErr = fault.New(fault.Internal, "encoding a message of type %d: %w", t, err)
	}
	return len(c.out)
}

// Flush writes what waits. If another goroutine is writing, that one takes it
// along and Flush returns at once. It returns the first error that writing
// met; the connection is of no use after one.
func (c *Conn) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flushing {
		return c.writeErr
	}
	c.flushing = true
	for len(c.out) > 0 && c.writeErr == nil {
		b := c.out
		c.out = c.spare[:0]
		c.mu.Unlock()
		err := c.nc.SetWriteDeadline(time.Now().Add(WriteTimeout))
		if err == nil {
			_, err = c.nc.Write(b)
		}
		c.mu.Lock()
		if c.spare = b[:0]; cap(b) > keepOut {
			c.spare = nil
		}
		if c.writeErr == nil {
			c.writeErr = err
		}
	}
	c.flushing = false
	c.idle.Broadcast()
	return c.writeErr
}

// Drain flushes and waits until everything queued so far is written, also what
// another goroutine is writing.
func (c *Conn) Drain() error {
	err := c.Flush()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.flushing {
		c.idle.Wait()
	}
	if c.writeErr != nil {
		return c.writeErr
	}
	return err
}

// Send queues a message and flushes.
func (c *Conn) Send(t Type, m Message) error {
	c.Queue(t, m)
	return c.Flush()
}

// IsClosed reports whether an error of Receive or Flush says no more than that
// the connection ended.
func IsClosed(err error) bool {
	var refusal *fault.Error
	if errors.As(err, &refusal) {
		return false
	}
	var netErr net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &netErr)
}

func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b[:len(b)+n]
	}
	return append(b, make([]byte, n)...)
}
