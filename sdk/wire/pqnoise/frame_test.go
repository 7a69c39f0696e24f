package pqnoise

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"testing/iotest"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// stream returns what a client wrote, frame by frame, and how to read it.
func stream(t testing.TB, level Level, l limits, writes ...[]byte) (frames [][]byte, read func([]byte) ([]byte, error)) {
	t.Helper()
	client, server := sessions(t, level)
	var out bytes.Buffer
	c := newConn(sink{w: &out}, client, l)
	for _, w := range writes {
		if _, err := c.Write(w); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for b := out.Bytes(); len(b) > 0; {
		_, n, err := parseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, b[:n+overhead:n+overhead])
		b = b[n+overhead:]
	}
	return frames, func(raw []byte) ([]byte, error) {
		return io.ReadAll(NewConn(sink{r: bytes.NewReader(raw)}, server))
	}
}

// prefixOf fails unless got is the beginning of want, cut at a write.
func prefixOf(t *testing.T, what string, got []byte, writes ...[]byte) {
	t.Helper()
	for len(got) > 0 && len(writes) > 0 && bytes.HasPrefix(got, writes[0]) {
		got, writes = got[len(writes[0]):], writes[1:]
	}
	if len(got) > 0 {
		t.Errorf("%s: the reader got %q, which was not sent next", what, got)
	}
}

var threeWrites = [][]byte{[]byte("first"), []byte("second"), []byte("third")}

// Attack: frames are dropped, duplicated, reordered, and played back from
// before. The reader gets what came before, and then one and the same fault.
func TestFramesDroppedDuplicatedReorderedReplayed(t *testing.T) {
	frames, read := stream(t, Level128, vectorLimits, threeWrites...)
	if len(frames) != 5 { // two of data, change of key, one of data, close
		t.Fatalf("%d frames", len(frames))
	}
	for name, order := range map[string][]int{
		"the first dropped":             {1, 2, 3, 4},
		"the second dropped":            {0, 2, 3, 4},
		"the change of key dropped":     {0, 1, 3, 4},
		"the last of data dropped":      {0, 1, 2, 4},
		"the first duplicated":          {0, 0, 1, 2, 3, 4},
		"the change of key duplicated":  {0, 1, 2, 2, 3, 4},
		"two reordered":                 {1, 0, 2, 3, 4},
		"reordered over the new key":    {0, 3, 2, 1, 4},
		"replayed under the next key":   {0, 1, 2, 0, 3, 4},
		"closed too early":              {0, 4},
		"closed under the previous key": {0, 1, 4},
	} {
		var raw []byte
		for _, i := range order {
			raw = append(raw, frames[i]...)
		}
		got, err := read(raw)
		if err != errFrame {
			t.Errorf("%s: %v", name, err)
		}
		prefixOf(t, name, got, threeWrites...)
	}
	got, err := read(bytes.Join(frames, nil))
	if err != nil || string(got) != "firstsecondthird" {
		t.Errorf("without an attack: %q, %v", got, err)
	}
}

// Attack: one bit of any frame is flipped, at every byte of the stream.
func TestFlippedBitInAnyFrame(t *testing.T) {
	for _, level := range []Level{Level128, Level192, Level256} {
		frames, read := stream(t, level, vectorLimits, threeWrites...)
		raw := bytes.Join(frames, nil)
		for at := range raw {
			for bit := range 8 {
				bad := bytes.Clone(raw)
				bad[at] ^= 1 << bit
				got, err := read(bad)
				if err != errFrame && err != io.ErrUnexpectedEOF { // a longer length waits for what never comes
					t.Fatalf("level %d: bit %d of byte %d flipped: %v", level, bit, at, err)
				}
				prefixOf(t, "a flipped bit", got, threeWrites...)
			}
		}
	}
}

// Attack: the connection is cut at any byte, without a close frame.
func TestTruncationWithoutClose(t *testing.T) {
	frames, read := stream(t, Level128, vectorLimits, threeWrites...)
	raw := bytes.Join(frames, nil)
	for end := range raw {
		got, err := read(raw[:end])
		if err != io.ErrUnexpectedEOF {
			t.Fatalf("cut at %d of %d: %v", end, len(raw), err)
		}
		prefixOf(t, "a cut", got, threeWrites...)
	}
}

// Attack: what the client sent is played back to the client.
func TestFramesReflected(t *testing.T) {
	client, _ := sessions(t, Level128)
	var out bytes.Buffer
	c := NewConn(sink{r: &out, w: &out}, client)
	if _, err := c.Write([]byte("mine")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != errFrame || len(got) > 0 {
		t.Errorf("the reflection was read: %q, %v", got, err)
	}
}

// Attack: headers that no peer sends, of which nothing is waited for and no
// memory taken.
func TestOversizeFrameAndGarbage(t *testing.T) {
	_, read := stream(t, Level128, defaultLimits)
	for name, raw := range map[string][]byte{
		"one over the limit":       {1, 0, 1, 0},
		"all ones":                 bytes.Repeat([]byte{0xff}, 64),
		"text":                     []byte("GET / HTTP/1.1\r\n\r\n"),
		"data of nothing":          make([]byte, overhead),
		"unknown type":             {1, 0, 0, 3},
		"close with a plaintext":   {1, 0, 0, 2},
		"rekey with a plaintext":   {1, 0, 0, 1},
		"noise of a frame's shape": append([]byte{16, 0, 0, 0}, bytes.Repeat([]byte{7}, 32)...),
	} {
		if got, err := read(raw); err != errFrame || len(got) > 0 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A stream of any pieces arrives whole, in both directions at once, however the
// network cuts it.
func TestBothDirectionsAtOnce(t *testing.T) {
	for _, level := range []Level{Level128, Level192, Level256} {
		client, server := sessions(t, level)
		a, b := net.Pipe()
		l := limits{frames: 7, bytes: 300_000, age: time.Hour}
		ends := []*Conn{newConn(a, client, l), newConn(b, server, l)}
		rng := rand.New(rand.NewPCG(1, uint64(level)))
		data := make([]byte, 3<<20)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		for _, c := range ends {
			go func() {
				rng := rand.New(rand.NewPCG(2, 3))
				for rest := data; len(rest) > 0; {
					n := min(len(rest), 1+rng.IntN(1<<(4+rng.IntN(16))))
					if _, err := c.Write(rest[:n]); err != nil {
						t.Error(err)
						return
					}
					rest = rest[n:]
				}
				c.CloseWrite()
			}()
		}
		got := make(chan []byte, 2)
		for i, c := range ends {
			go func() {
				var r io.Reader = c
				if i == 0 {
					r = iotest.HalfReader(c)
				}
				all, err := io.ReadAll(r)
				if err != nil {
					t.Error(err)
				}
				got <- all
			}()
		}
		for range ends {
			if !bytes.Equal(<-got, data) {
				t.Errorf("level %d: what arrived is not what was sent", level)
			}
		}
	}
}

// A deadline that passed is not the end of the stream.
func TestReadGoesOnAfterADeadline(t *testing.T) {
	client, server := sessions(t, Level128)
	a, b := net.Pipe()
	from, to := NewConn(a, client), NewConn(b, server)
	to.SetReadDeadline(time.Now().Add(-time.Second))
	if _, err := to.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%v, want a timeout", err)
	}
	to.SetReadDeadline(time.Time{})
	go from.Write([]byte("late"))
	b4 := make([]byte, 4)
	if _, err := io.ReadFull(to, b4); err != nil || string(b4) != "late" {
		t.Errorf("%q, %v", b4, err)
	}
}

// Nothing is sent after the close frame, nor after a failed write, which may
// have sent a part.
func TestWritingEnds(t *testing.T) {
	client, _ := sessions(t, Level128)
	c := NewConn(sink{w: io.Discard}, client)
	if err := c.CloseWrite(); err != nil || c.CloseWrite() != nil {
		t.Fatal("closing", err)
	}
	if _, err := c.Write([]byte("x")); err != net.ErrClosed {
		t.Errorf("after closing: %v", err)
	}
	failing := &failsOnce{}
	c = NewConn(sink{w: failing}, client)
	for range 3 {
		if _, err := c.Write([]byte("x")); err != io.ErrShortWrite {
			t.Errorf("after a failure: %v", err)
		}
	}
	if c.CloseWrite() != io.ErrShortWrite || failing.calls != 1 {
		t.Errorf("%d writes after a failure", failing.calls)
	}
}

type failsOnce struct{ calls int }

func (f *failsOnce) Write([]byte) (int, error) {
	f.calls++
	return 0, io.ErrShortWrite
}

// Frames take no memory, once the buffers have grown.
func TestFramesTakeNoMemory(t *testing.T) {
	client, server := sessions(t, Level128)
	var pipe bytes.Buffer
	from, to := NewConn(sink{w: &pipe}, client), NewConn(sink{r: &pipe}, server)
	in, out := make([]byte, 100_000), make([]byte, 100_000)
	roundTrip := func() {
		if _, err := from.Write(in); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(to, out); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		roundTrip()
	}
	if n := testing.AllocsPerRun(100, roundTrip); n > 0 {
		t.Errorf("%v allocations for two frames", n)
	}
}

// The faults are of the code that callers look for, and say nothing of where.
func TestFaults(t *testing.T) {
	if !fault.Is(errFrame, fault.Unavailable) || !fault.Is(errHandshake, fault.BadMessage) {
		t.Error("another code")
	}
}
