package pqnoise

import (
	"fmt"
	"io"
	"net"
	"testing"
)

// BenchmarkHandshake is the CPU of both sides together, without a network. The
// server's key is made once, the client's each time.
func BenchmarkHandshake(b *testing.B) {
	for _, level := range []Level{Level128, Level256} {
		b.Run(fmt.Sprint(int(level)), func(b *testing.B) {
			s := generate(b, level.KEM())
			for b.Loop() {
				e := generate(b, level.KEM())
				m2, r, err := Respond(level, nil, e.Public(), s, make([]byte, 2018))
				if err != nil {
					b.Fatal(err)
				}
				i, err := Initiate(level, nil, e, m2)
				if err != nil {
					b.Fatal(err)
				}
				m3, _, err := i.Finish()
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.Finish(m3); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSeal is the writer's CPU alone.
func BenchmarkSeal(b *testing.B) {
	for _, level := range []Level{Level128, Level256} {
		for _, size := range []int{1 << 10, 256 << 10} {
			b.Run(fmt.Sprintf("%d/%d", int(level), size), func(b *testing.B) {
				client, _ := sessions(b, level)
				c := NewConn(sink{w: io.Discard}, client)
				p := make([]byte, size)
				b.SetBytes(int64(size))
				for b.Loop() {
					if _, err := c.Write(p); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkTCP is a stream of one direction over the loopback, in clear text (0)
// and encrypted.
func BenchmarkTCP(b *testing.B) {
	for _, level := range []Level{0, Level128, Level256} {
		b.Run(fmt.Sprint(int(level)), func(b *testing.B) {
			from, to := tcpPair(b)
			if level != 0 {
				client, server := sessions(b, level)
				from, to = NewConn(from, client), NewConn(to, server)
			}
			p := make([]byte, 256<<10)
			go func() {
				for {
					if _, err := from.Write(p); err != nil {
						return
					}
				}
			}()
			in := make([]byte, len(p))
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				if _, err := io.ReadFull(to, in); err != nil {
					b.Fatal(err)
				}
			}
			to.Close()
			from.Close()
		})
	}
}

func tcpPair(b *testing.B) (from, to net.Conn) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if from, err = net.Dial("tcp", l.Addr().String()); err != nil {
		b.Fatal(err)
	}
	if to, err = l.Accept(); err != nil {
		b.Fatal(err)
	}
	return from, to
}
