package ldap

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/atedb/atedb/sdk/fault"
)

// A directory may send MaxReply for each request, at most for those that may be
// open at once, and nothing unasked.
func TestAllowance(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	if err := ours.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
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

// FuzzReplies lets a directory answer a search with anything: the plugin takes
// it, and takes nothing that was not asked for.
func FuzzReplies(f *testing.F) {
	entry := []byte{0x30, 33, 0x02, 1, 1, 0x64, 28, 4, 4, 'd', 'c', '=', 'x', 0x30, 20, 0x30, 18, 4, 11, 'd', 'e', 's', 'c', 'r', 'i', 'p', 't', 'i', 'o', 'n', 0x31, 3, 4, 1, 'k'}
	end := []byte{0x30, 12, 0x02, 1, 1, 0x65, 7, 0x0a, 1, 0, 4, 0, 4, 0}
	for _, reply := range [][]byte{end, append(entry, end...), {0x30, 5, 0x02, 1, 1, 0x64, 0}, {0x30, 5, 0x02, 1, 1, 0x79, 0}, {0x30, 12, 0x02, 1, 1, 0x65, 7, 0x0a, 1, 10, 4, 0, 4, 0}} {
		f.Add(reply)
	}
	base, err := parseDN("dc=x")
	if err != nil {
		f.Fatal(err)
	}
	q := query{where: "user_base", base: base, text: "dc=x", filter: "(mail=x)", attribute: "description"}
	f.Fuzz(func(t *testing.T, reply []byte) {
		connect := func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				if _, err := theirs.Read(make([]byte, 1024)); err == nil {
					_, _ = theirs.Write(reply)
				}
			}()
			return ours, nil
		}
		p := &pool{dialer: dialer{timeout: time.Second, connect: connect}, timeout: time.Second, log: hclog.NewNullLogger(), now: time.Now}
		defer p.close()
		found, err := newDirectory(p, time.Second).search(t.Context(), q)
		if err != nil && !fault.Is(err, fault.Unavailable) && !errors.Is(err, errNoBase) || len(found) > maxEntries {
			t.Errorf("%x is %d entries, %v", reply, len(found), err)
		}
		for _, e := range found {
			if !e.dn.EqualFold(base) {
				t.Errorf("%x is the entry %v", reply, e.dn)
			}
		}
	})
}
