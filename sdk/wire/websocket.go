package wire

import (
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/atedb/atedb/sdk/fault"
)

// Sizes of a WebSocket's buffers, in bytes. The read buffer grows while reads
// fill it.
const (
	minReadBuffer = 4 << 10
	maxReadBuffer = 128 << 10
	keepScratch   = 1 << 20 // a quarter of it is sent without being copied
)

// webSocket is the stream of bytes inside a WebSocket's binary messages. The
// library reads and writes the frames' headers; what is done here is to take
// everything that one read of the socket brings, and to send with one write.
//
// One goroutine may read while others write.
type webSocket struct {
	net.Conn

	client bool // which side this is

	// The reader's own.
	state     ws.State // the side, and whether a fragmented message is under way
	buf       []byte
	r, w      int   // buf[r:w] is read and not yet used
	remaining int64 // bytes of the present frame's payload still to come
	mask      [4]byte
	masked    bool
	offset    int // in the present frame's payload, for the mask
	header    [ws.MaxHeaderSize]byte
	ended     bool // the peer has sent a close frame

	mu        sync.Mutex // guards what follows; held while a frame is written
	scratch   []byte
	closeSent bool
}

func newWebSocket(nc net.Conn, state ws.State, received []byte) *webSocket {
	c := &webSocket{Conn: nc, client: state.ClientSide(), state: state, buf: make([]byte, max(minReadBuffer, len(received)))}
	c.w = copy(c.buf, received)
	return c
}

// Upgrade makes a stream of an HTTP request for a WebSocket. It answers the
// request itself, also when it refuses it. A browser's page from another host
// is refused.
func Upgrade(w http.ResponseWriter, r *http.Request) (net.Conn, error) {
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || !strings.EqualFold(u.Host, r.Host) {
			http.Error(w, "This server does not take connections from pages of other hosts.", http.StatusForbidden)
			return nil, fault.New(fault.Denied, "a page from %q asked for a WebSocket of %q", origin, r.Host)
		}
	}
	upgrader := ws.HTTPUpgrader{Protocol: func(p string) bool { return p == Subprotocol }, Timeout: HelloTimeout}
	nc, rw, _, err := upgrader.Upgrade(r, w)
	if err != nil {
		return nil, fault.New(fault.BadMessage, "the request for a WebSocket is malformed: %w", err)
	}
	if err := nc.SetDeadline(time.Time{}); err != nil {
		nc.Close()
		return nil, err
	}
	received, err := rw.Reader.Peek(rw.Reader.Buffered())
	if err != nil {
		nc.Close()
		return nil, err
	}
	return newWebSocket(nc, ws.StateServerSide, received), nil
}

// Read implements net.Conn. It fills p as far as it can without waiting, once
// it has something. A close frame is the end of the stream.
func (c *webSocket) Read(p []byte) (n int, err error) {
	for n < len(p) && !c.ended {
		if c.remaining == 0 {
			if n > 0 && !c.headerBuffered() {
				return n, nil
			}
			if err := c.nextFrame(); err != nil {
				return n, err
			}
			continue
		}
		if c.r == c.w && n > 0 {
			return n, nil
		}
		k, err := c.readPayload(p[n:])
		if err != nil {
			return 0, unexpected(err)
		}
		if c.masked {
			ws.Cipher(p[n:n+k], c.mask, c.offset)
		}
		c.offset += k
		c.remaining -= int64(k)
		n += k
	}
	if n == 0 && c.ended {
		return 0, io.EOF
	}
	return n, nil
}

// readPayload reads some of the present frame's payload: from the buffer, or
// past it if much is to come.
func (c *webSocket) readPayload(p []byte) (int, error) {
	p = p[:min(int64(len(p)), c.remaining)]
	if c.r == c.w {
		if len(p) >= len(c.buf) {
			return c.Conn.Read(p)
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.buf[c.r:c.w])
	c.r += n
	return n, nil
}

// headerBuffered reports whether the next frame's header can be read without
// waiting.
func (c *webSocket) headerBuffered() bool {
	have := c.buf[c.r:c.w]
	if len(have) < 2 {
		return false
	}
	size := 2
	switch have[1] & 0x7f {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if have[1]&0x80 != 0 {
		size += 4
	}
	return len(have) >= size
}

// nextFrame reads the next frame's header, and deals with the frame if it is
// a control frame.
func (c *webSocket) nextFrame() error {
	if c.r == c.w {
		if err := c.fill(); err != nil {
			return err
		}
	}
	h, err := ws.ReadHeaderBuffer(bufferReader{c}, c.header[:])
	if err != nil {
		return unexpected(err)
	}
	if err := ws.CheckHeader(h, c.state); err != nil {
		return fault.New(fault.BadMessage, "a malformed WebSocket frame: %w", err)
	}
	if h.OpCode == ws.OpText {
		return fault.New(fault.BadMessage, "a WebSocket text message; the protocol is binary")
	}
	c.remaining, c.mask, c.masked, c.offset = h.Length, h.Mask, h.Masked, 0
	if !h.OpCode.IsControl() {
		c.state = c.state.Clear(ws.StateFragmented)
		if !h.Fin {
			c.state = c.state.Set(ws.StateFragmented)
		}
		return nil
	}
	payload := make([]byte, h.Length) // at most 125 bytes, as CheckHeader made sure
	if _, err := io.ReadFull(bufferReader{c}, payload); err != nil {
		return unexpected(err)
	}
	if h.Masked {
		ws.Cipher(payload, h.Mask, 0)
	}
	c.remaining = 0
	switch h.OpCode {
	case ws.OpPing:
		if err := c.writeFrame(ws.OpPong, payload); err != net.ErrClosed { // else we have said that nothing more comes
			return err
		}
	case ws.OpClose:
		c.ended = true
		c.CloseWrite() // the answer, unless we began; the peer may have gone already
	}
	return nil
}

// fill reads once from the socket into the empty buffer.
func (c *webSocket) fill() error {
	if c.w == len(c.buf) && len(c.buf) < maxReadBuffer && c.w > 0 {
		c.buf = make([]byte, 2*len(c.buf)) // the last read filled it
	}
	c.r, c.w = 0, 0
	n, err := c.Conn.Read(c.buf)
	c.w = n
	if n > 0 {
		return nil
	}
	return err
}

// bufferReader reads from a webSocket's buffer.
type bufferReader struct{ *webSocket }

func (b bufferReader) Read(p []byte) (int, error) {
	if b.r == b.w {
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.buf[b.r:b.w])
	b.r += n
	return n, nil
}

// Write implements net.Conn: p is one message, sent with one write unless it is
// large and would have to be copied for that.
func (c *webSocket) Write(p []byte) (int, error) {
	if err := c.writeFrame(ws.OpBinary, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *webSocket) writeFrame(op ws.OpCode, payload []byte) error {
	h := ws.Header{Fin: true, OpCode: op, Length: int64(len(payload))}
	if c.client {
		h.Masked = true
		rand.Read(h.Mask[:])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closeSent {
		return net.ErrClosed
	}
	c.closeSent = op == ws.OpClose
	frame := appender{c.scratch[:0]}
	if err := ws.WriteHeader(&frame, h); err != nil {
		return err
	}
	if !h.Masked && len(payload) >= keepScratch/4 {
		_, err := (&net.Buffers{frame.b, payload}).WriteTo(c.Conn)
		return err
	}
	start := len(frame.b)
	frame.b = append(frame.b, payload...)
	if h.Masked {
		ws.Cipher(frame.b[start:], h.Mask, 0)
	}
	if c.scratch = frame.b; cap(c.scratch) > keepScratch {
		c.scratch = nil
	}
	_, err := c.Conn.Write(frame.b)
	return err
}

// appender is a writer to a slice.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// CloseWrite sends a close frame, after which only reading is possible. What
// the peer has sent until it answers can still be read.
func (c *webSocket) CloseWrite() error {
	err := c.writeFrame(ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))
	if err == net.ErrClosed {
		return nil
	}
	return err
}

// unexpected turns the end of the stream inside a frame into an error of its
// own.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
