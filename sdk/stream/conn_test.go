package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

const (
	testType  Type = 4
	testLimit      = 20 << 20
)

// halfConn is a net.Conn that reads from one place and writes to another.
type halfConn struct {
	net.Conn
	io.Reader
}

func (h halfConn) Read(p []byte) (int, error) { return h.Reader.Read(p) }

func receiver(r io.Reader) *Conn {
	return NewConn(halfConn{Reader: r}, testLimit)
}

func encode(t Type, payload []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(1+len(payload)))
	return append(append(b, byte(t)), payload...)
}

func TestReceiveKeepsPayloadsValid(t *testing.T) {
	var sent [][]byte
	var raw []byte
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		size := rng.IntN(2000)
		if i%500 == 0 {
			size = 3 << 20
		}
		payload := bytes.Repeat([]byte{byte(i)}, size)
		sent = append(sent, payload)
		raw = append(raw, encode(testType, payload)...)
	}
	for name, r := range map[string]io.Reader{
		"whole":  bytes.NewReader(raw),
		"halves": iotest.HalfReader(bytes.NewReader(raw)),
		"eof":    iotest.DataErrReader(bytes.NewReader(raw)),
	} {
		c := receiver(r)
		var got [][]byte
		for range sent {
			typ, payload, err := c.Receive()
			if err != nil || typ != testType {
				t.Fatalf("%s: message %d: type %d, %v", name, len(got), typ, err)
			}
			got = append(got, payload)
		}
		for i := range sent {
			if !bytes.Equal(got[i], sent[i]) {
				t.Fatalf("%s: message %d changed after it was received", name, i)
			}
		}
		if _, _, err := c.Receive(); err != io.EOF {
			t.Errorf("%s: at the end: %v, want io.EOF", name, err)
		}
	}
}

func TestReceiveRefuses(t *testing.T) {
	over := binary.LittleEndian.AppendUint32(nil, testLimit+1)
	for _, test := range []struct {
		name string
		raw  []byte
		code fault.Code
		err  error
	}{
		{"no type", []byte{0, 0, 0, 0, 0}, fault.BadMessage, nil},
		{"over the limit", append(over, 4), fault.TooLarge, nil},
		{"all ones", bytes.Repeat([]byte{0xff}, 100), fault.TooLarge, nil},
		{"cut in the header", []byte{5, 0, 0}, "", io.ErrUnexpectedEOF},
		{"cut in the payload", []byte{5, 0, 0, 0, 4, 1}, "", io.ErrUnexpectedEOF},
	} {
		_, _, err := receiver(bytes.NewReader(test.raw)).Receive()
		if test.code != "" && !fault.Is(err, test.code) || test.err != nil && !errors.Is(err, test.err) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestAnnouncedLengthTakesLittleMemory(t *testing.T) {
	c := receiver(bytes.NewReader(encode(testType, make([]byte, testLimit-1))[:100]))
	if _, _, err := c.Receive(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if len(c.slab) > firstGrowth {
		t.Errorf("%d bytes taken for a message of which 100 bytes came", len(c.slab))
	}
}

func TestQueueAndFlushFromManyGoroutines(t *testing.T) {
	a, b := net.Pipe()
	from, to := NewConn(a, testLimit), NewConn(b, testLimit)
	const senders, each = 8, 500
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				if err := from.Send(testType, &wirepb.Ping{Id: uint64(s*each + i)}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	go func() { wg.Wait(); from.Flush(); from.Close() }()
	last := make(map[uint64]uint64)
	count := 0
	for {
		typ, payload, err := to.Receive()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var ping wirepb.Ping
		if err := Unmarshal(typ, payload, &ping); err != nil {
			t.Fatal(err)
		}
		sender, i := ping.Id/each, ping.Id%each
		if i != last[sender] {
			t.Fatalf("sender %d: message %d came when %d was due", sender, i, last[sender])
		}
		last[sender]++
		count++
	}
	if count != senders*each {
		t.Errorf("%d messages came, want %d", count, senders*each)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(encode(testType, []byte{8, 1}))
	f.Add(bytes.Repeat([]byte{1, 0, 0, 0, 9}, 10))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := receiver(bytes.NewReader(raw))
		for {
			typ, payload, err := c.Receive()
			if err != nil {
				return
			}
			for _, m := range []interface{ UnmarshalVTUnsafe([]byte) error }{
				new(wirepb.ClientHello), new(wirepb.Open), new(wirepb.Subscribe), new(wirepb.Commit), new(wirepb.Load), new(wirepb.Lock),
			} {
				Unmarshal(typ, payload, m)
			}
		}
	})
}
