package pqnoise

import (
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// Sizes of a connection's buffers, in bytes. The read buffer grows while reads
// fill it.
const (
	maxBatch      = 4 * MaxFrame // of plaintext whose frames are written to the socket at once
	minReadBuffer = 4 << 10
	maxReadBuffer = 4 * (MaxFrame + overhead)
)

// Conn is the encrypted stream over a connection. Closing it without
// [Conn.CloseWrite] looks to the peer like a stream that was cut off.
//
// One goroutine may read while others write.
type Conn struct {
	net.Conn

	// The reader's own.
	receive cipherState
	in      []byte
	r, w    int    // in[r:w] is read from the socket and not yet opened
	plain   []byte // opened and not yet read; part of in
	readErr error  // how the stream ended

	mu       sync.Mutex // guards what follows; held while frames are written
	send     cipherState
	out      []byte
	writeErr error // net.ErrClosed after the close frame
}

// NewConn returns the stream of a session over nc, from which nothing beyond
// the handshake has been read. It owns nc.
func NewConn(nc net.Conn, s *Session) *Conn { return newConn(nc, s, defaultLimits) }

func newConn(nc net.Conn, s *Session, l limits) *Conn {
	return &Conn{
		Conn:    nc,
		receive: newCipherState(s.level, s.receive, defaultLimits, newGCM),
		send:    newCipherState(s.level, s.send, l, newGCM),
	}
}

// Read implements net.Conn. It fills p as far as it can without waiting, once
// it has something. It returns io.EOF after the peer's close frame, and
// io.ErrUnexpectedEOF if the stream ends without one. Nothing is returned of a
// frame that is not the next one of the peer.
func (c *Conn) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(c.plain) > 0 {
			k := copy(p[n:], c.plain)
			c.plain = c.plain[k:]
			n += k
			continue
		}
		t, size, whole, err := c.nextFrame()
		if err == nil && !whole {
			if n > 0 {
				return n, nil
			}
			err = c.fill(size)
		} else if err == nil {
			var k int
			k, err = c.open(t, size, p[n:])
			n += k
		}
		if err != nil {
			if n > 0 {
				return n, nil // the error comes again
			}
			return 0, err
		}
	}
	return n, nil
}

// nextFrame looks at the next frame's header. If the frame is not wholly read
// yet, size is how many bytes are needed to go on.
func (c *Conn) nextFrame() (t frameType, size int, whole bool, err error) {
	if c.readErr != nil {
		return 0, 0, false, c.readErr
	}
	have := c.in[c.r:c.w]
	if len(have) < headerSize {
		return 0, headerSize, false, nil
	}
	t, n, err := parseHeader(have)
	if err != nil {
		c.readErr = err
		return 0, 0, false, err
	}
	if len(have) < n+overhead {
		return 0, n + overhead, false, nil
	}
	return t, n, true, nil
}

// open decrypts the next frame: into p if there is room, and in place if not.
// It returns how many bytes of p it filled.
func (c *Conn) open(t frameType, n int, p []byte) (int, error) {
	frame := c.in[c.r : c.r+n+overhead]
	dst := p
	if len(p) < n {
		dst = frame[headerSize:]
	}
	if err := c.receive.open(dst, frame, t, n); err != nil {
		c.readErr = err
		return 0, err
	}
	c.r += len(frame)
	if t == frameClose {
		c.readErr = io.EOF
		return 0, io.EOF
	}
	if len(p) < n {
		c.plain = dst[:n]
		return 0, nil
	}
	return n, nil
}

// fill reads once from the socket, having made room for size bytes from r on.
// An error may pass, as a deadline's does.
func (c *Conn) fill(size int) error {
	have := c.in[c.r:c.w]
	full := c.w == len(c.in) && len(c.in) < maxReadBuffer
	switch {
	case len(c.in) < size || full:
		in := make([]byte, min(max(minReadBuffer, size, 2*len(c.in)), maxReadBuffer))
		c.r, c.w, c.in = 0, copy(in, have), in
	case len(c.in)-c.w < len(c.in)/2: // what is left of a frame is less than a quarter
		c.r, c.w = 0, copy(c.in, have)
	}
	n, err := c.Conn.Read(c.in[c.w:])
	c.w += n
	if n > 0 {
		return nil
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Write implements net.Conn. Large writes become several frames, and several
// frames one write to the socket. No later write succeeds after an error.
func (c *Conn) Write(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for len(p) > 0 {
		if c.writeErr != nil {
			return n, c.writeErr
		}
		batch := p[:min(len(p), maxBatch)]
		c.sealBatch(batch, now)
		if err := c.flush(); err != nil {
			return n, err
		}
		n += len(batch)
		p = p[len(batch):]
	}
	return n, c.writeErr
}

// sealBatch puts the frames of p into out.
func (c *Conn) sealBatch(p []byte, now time.Time) {
	c.out = slices.Grow(c.out[:0], len(p)+(len(p)+MaxFrame-1)/MaxFrame*overhead)
	for len(p) > 0 {
		n := min(len(p), MaxFrame)
		if c.send.expired(n, now) {
			c.out = c.send.seal(c.out, frameRekey, nil)
		}
		c.out = c.send.seal(c.out, frameData, p[:n])
		p = p[n:]
	}
}

// flush writes out to the socket.
func (c *Conn) flush() error {
	if _, err := c.Conn.Write(c.out); err != nil {
		c.writeErr = err
	}
	return c.writeErr
}

// CloseWrite tells the peer that nothing more will come, after which only
// reading is possible. Then it ends that direction of the connection below,
// where that can be done.
func (c *Conn) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writeErr == net.ErrClosed {
		return nil
	}
	if c.writeErr != nil {
		return c.writeErr
	}
	c.out = c.send.seal(c.out[:0], frameClose, nil)
	if err := c.flush(); err != nil {
		return err
	}
	c.writeErr = net.ErrClosed
	if below, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return below.CloseWrite()
	}
	return nil
}
