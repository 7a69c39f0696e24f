package e2e

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/pqnoise"
)

// unit is what a proxy passes on at once: a part of a raw connection.
type unit struct {
	conn  int  // number of the connection, from 0
	up    bool // sent by the client
	kind  unitKind
	n     int // number of the unit among those of its kind and direction, from 0
	bytes []byte
}

type unitKind int

const (
	hello    unitKind = iota // a message of the greeting
	message3                 // the handshake's last
	frame                    // an encrypted frame
)

// proxy stands between a client and a daemon, and does as it pleases with what
// they send over a raw connection that encrypts with 128 bits.
type proxy struct {
	listener net.Listener
	target   string
	mangle   func(u unit) [][]byte // what goes on in the place of a unit

	mu    sync.Mutex // guards what follows, and has mangle called for one unit at a time
	conns int
	seen  bytes.Buffer // all that came from either side
}

// startProxy puts a proxy before a daemon. Without mangle it changes nothing,
// takes any kind of connection, and keeps what it sees.
func startProxy(t *testing.T, d *daemon, mangle func(u unit) [][]byte) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: d.addr, mangle: mangle}
	t.Cleanup(func() { listener.Close() })
	go p.accept()
	return p
}

func (p *proxy) url(scheme, name string) string {
	return scheme + "://" + p.listener.Addr().String() + "/db/" + name
}

// captured returns all that was sent so far.
func (p *proxy) captured() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.seen.Bytes())
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		conn := p.conns
		p.conns++
		p.mu.Unlock()
		for _, up := range []bool{true, false} {
			from, to := client, server
			if !up {
				from, to = server, client
			}
			go func() {
				p.pass(conn, up, from, to)
				client.Close()
				server.Close()
			}()
		}
	}
}

// pass passes on one direction of a connection.
func (p *proxy) pass(conn int, up bool, from, to net.Conn) {
	in := bufio.NewReader(from)
	if p.mangle == nil {
		io.Copy(io.MultiWriter(to, (*recorder)(p)), in)
		return
	}
	if up {
		if _, err := io.CopyN(to, in, int64(len(wire.Preface))); err != nil {
			return
		}
	}
	counts := make(map[unitKind]int)
	for kind := hello; ; {
		b, err := readUnit(in, kind)
		if err != nil {
			return
		}
		p.mu.Lock()
		parts := p.mangle(unit{conn, up, kind, counts[kind], b})
		p.mu.Unlock()
		for _, part := range parts {
			if _, err := to.Write(part); err != nil {
				return
			}
		}
		counts[kind]++
		if kind = frame; up && counts[message3] == 0 {
			kind = message3
		}
	}
}

// readUnit reads the next unit, which is of this kind.
func readUnit(in *bufio.Reader, kind unitKind) ([]byte, error) {
	size := pqnoise.Level(128).Message3Size()
	if kind != message3 {
		head, err := in.Peek(4)
		if err != nil {
			return nil, err
		}
		if size = 4 + int(binary.LittleEndian.Uint32(head)); kind == frame {
			size = 4 + int(binary.LittleEndian.Uint32(head)&0xffffff) + 16
		}
	}
	b := make([]byte, size)
	_, err := io.ReadFull(in, b)
	return b, err
}

// recorder keeps what is written to it for a proxy.
type recorder proxy

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen.Write(b)
}
