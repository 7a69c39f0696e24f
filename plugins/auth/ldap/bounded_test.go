package ldap

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/atedb/atedb/sdk/fault"
)

// A directory may send MaxReply for each request, at most for those that may be
// open at once, and nothing unasked.
func TestAllowance(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	go io.Copy(io.Discard, theirs)
	c := newBoundedConn(ours, time.Second)
	for range 3 * maxInFlight {
		if _, err := c.Write([]byte("request")); err != nil {
			t.Fatal(err)
		}
	}
	message := append([]byte{0x30, 0x83, 7, 0xff, 0xfb, 0x04, 0x83, 7, 0xff, 0xf6}, make([]byte, MaxReply-10)...)
	go func() {
		for range maxInFlight + 1 {
			_, _ = theirs.Write(message)
		}
	}()
	got, err := io.Copy(io.Discard, c)
	if got != maxInFlight*MaxReply || !fault.Is(err, fault.BadMessage) || c.breach() == nil {
		t.Errorf("%d bytes came, and %v; want %d", got, err, maxInFlight*MaxReply)
	}
	unasked := newBoundedConn(ours, time.Second)
	go func() { _, _ = theirs.Write([]byte{0x30, 0}) }()
	if n, err := unasked.Read(make([]byte, 10)); n != 0 || !fault.Is(err, fault.BadMessage) {
		t.Errorf("unasked, %d bytes came, and %v", n, err)
	}
}

// Active Directory writes lengths in more bytes than it needs.
func TestLongLengths(t *testing.T) {
	message := []byte{0x30, 0x84, 0, 0, 0, 9, 0x02, 1, 7, 0x65, 0x84, 0, 0, 0, 0}
	got, err := readMessage(bytes.NewReader(append(message, 0x30)))
	if err != nil || !bytes.Equal(got, message) {
		t.Errorf("the message is %x, %v", got, err)
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add([]byte{0x30, 0x84, 0, 0, 0, 9, 0x02, 1, 7, 0x65, 0x84, 0, 0, 0, 0})
	f.Add([]byte{0x30, 12, 0x02, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0})
	f.Add([]byte{0x30, 0x80, 0, 0})
	f.Add([]byte{0x30, 4, 0x3f, 0x81, 0x01, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		message, err := readMessage(r)
		if err != nil {
			return
		}
		if len(message)+r.Len() != len(b) || !bytes.HasPrefix(b, message) {
			t.Fatalf("%x was read of %x, and %d bytes are left", message, b, r.Len())
		}
		// The library reads the same message, or none.
		rest := bytes.NewReader(message)
		if _, err := ber.ReadPacket(rest); err == nil && rest.Len() != 0 {
			t.Errorf("of %x, the library leaves %d bytes", message, rest.Len())
		}
	})
}
