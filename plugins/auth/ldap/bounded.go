package ldap

import (
	"bufio"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// boundedConn is a connection to a directory that may not send more than it was
// asked for: no message larger than MaxReply, and no more than MaxReply for each
// request, of which maxInFlight may be open. Each message must be what RFC 4511,
// 5.1 has: a sequence of definite length, of elements that are nested at most
// maxNesting deep. What breaks this is an error, before memory is taken for it.
//
// One goroutine reads and one writes. Each write must be one request.
type boundedConn struct {
	net.Conn
	timeout   time.Duration // for a write
	in        *bufio.Reader
	message   []byte       // what is left of the message that was checked last
	allowance atomic.Int64 // bytes that may still come
	broken    atomic.Pointer[fault.Error]
}

func newBoundedConn(c net.Conn, timeout time.Duration) *boundedConn {
	return &boundedConn{Conn: c, timeout: timeout, in: bufio.NewReader(c)}
}

// Write sends a request, and allows a reply to it.
func (c *boundedConn) Write(request []byte) (int, error) {
	for {
		now := c.allowance.Load()
		if c.allowance.CompareAndSwap(now, min(now+MaxReply, maxInFlight*MaxReply)) {
			break
		}
	}
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(request)
}

// Read returns bytes of messages that were checked.
func (c *boundedConn) Read(into []byte) (int, error) {
	if len(c.message) == 0 {
		message, err := readMessage(c.in)
		if err == nil && c.allowance.Add(-int64(len(message))) < 0 {
			err = fault.New(fault.BadMessage, "it sends more than %d bytes for a request", MaxReply)
		}
		if err != nil {
			if fault.Is(err, fault.BadMessage) {
				c.broken.CompareAndSwap(nil, fault.From(err))
			}
			return 0, err
		}
		c.message = message
	}
	n := copy(into, c.message)
	c.message = c.message[n:]
	return n, nil
}

// breach returns how the directory broke the bounds, or nil.
func (c *boundedConn) breach() error {
	if broken := c.broken.Load(); broken != nil {
		return broken
	}
	return nil
}

// readMessage reads one message, with its header, and not a byte more.
func readMessage(r io.Reader) ([]byte, error) {
	begin := make([]byte, 2, maxHeader)
	if _, err := io.ReadFull(r, begin); err != nil {
		return nil, err
	}
	if begin[0] != sequence {
		return nil, fault.New(fault.BadMessage, "it sends something that is no LDAP message, beginning with the byte %#02x", begin[0])
	}
	if digits := int(begin[1]) - indefinite; 0 < digits && digits <= maxHeader-2 {
		begin = begin[:2+digits]
		if _, err := io.ReadFull(r, begin[2:]); err != nil {
			return nil, err
		}
	}
	size, header, ok := elementSize(begin)
	if !ok {
		return nil, fault.New(fault.BadMessage, "it sends a message whose length is not written as LDAP has it")
	}
	if size > MaxReply-header {
		return nil, fault.New(fault.BadMessage, "it sends a message of %d bytes; at most %d are allowed", size, MaxReply)
	}
	message := make([]byte, header+size)
	copy(message, begin)
	if _, err := io.ReadFull(r, message[header:]); err != nil {
		return nil, err
	}
	return message, checkElements(message, maxNesting)
}

// The bytes of BER (X.690) that matter here.
const (
	sequence    = 0x30
	constructed = 0x20 // set in the tag of an element that is made of elements
	longTag     = 0x1f // set in one whose number follows, which LDAP never needs
	indefinite  = 0x80
)

// elementSize reads the header of an element: how many bytes its content and
// its header have. It is not ok if more of the header is needed, or if the
// header is none that fits maxHeader bytes.
func elementSize(b []byte) (size, header int, ok bool) {
	if len(b) < 2 {
		return 0, 0, false
	}
	if b[1] < indefinite {
		return int(b[1]), 2, true
	}
	header = 2 + int(b[1]&^indefinite)
	if header == 2 || header > maxHeader || len(b) < header {
		return 0, 0, false
	}
	for _, digit := range b[2:header] {
		size = size<<8 | int(digit)
	}
	return size, header, size >= 0
}

// checkElements checks that b is a row of elements, each whole.
func checkElements(b []byte, depth int) error {
	if depth < 0 {
		return fault.New(fault.BadMessage, "it sends a message with elements nested more than %d deep", maxNesting)
	}
	for len(b) > 0 {
		size, header, ok := elementSize(b)
		if !ok || size > len(b)-header || b[0]&longTag == longTag {
			return fault.New(fault.BadMessage, "it sends a message with an element that is not written as LDAP has it")
		}
		if b[0]&constructed != 0 {
			if err := checkElements(b[header:header+size], depth-1); err != nil {
				return err
			}
		}
		b = b[header+size:]
	}
	return nil
}
