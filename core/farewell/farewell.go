// Package farewell ends connections so that the other side learns why.
package farewell

import (
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// How long the end of a connection may take: in all, and for the client to
// close its side.
const (
	farewellTimeout = 8 * time.Second
	lingerTimeout   = time.Second
)

// Refuse ends a connection that nobody else receives from, with the reason.
func Refuse(conn *wire.Conn, cause error) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, _, err := conn.Receive(); err != nil {
				return
			}
		}
	}()
	Say(conn, cause, ended)
	<-ended
}

// Say sends what is queued and, unless the client ended the connection,
// the reason in a Bye. Then it lets the client close its side, since closing
// at once might cost the client what is on its way, and closes the connection.
// received is closed by whoever receives when there is nothing more.
func Say(conn *wire.Conn, cause error, received <-chan struct{}) {
	giveUp := time.AfterFunc(farewellTimeout, func() { conn.Close() })
	defer giveUp.Stop()
	if !stream.IsClosed(cause) {
		f := fault.From(cause)
		conn.Queue(wire.Bye, &wirepb.Bye{Code: string(f.Code), Reason: f.Reason})
	}
	if conn.Drain() == nil && conn.CloseWrite() == nil {
		select {
		case <-received:
		case <-time.After(lingerTimeout):
		}
	}
	conn.Close()
}
