// Package conform is what the conformance suites of the plugin contracts share.
package conform

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/atedb/atedb/sdk/fault"
)

// patience is in nanoseconds; see Patience.
var patience atomic.Int64

func init() { patience.Store(int64(10 * time.Second)) }

// Patience is how long an implementation may take for what its contract wants
// soon. It is generous, for slow machines: what honours its context is
// a thousand times faster, what does not hangs for ever.
func Patience() time.Duration { return time.Duration(patience.Load()) }

// maxMessage is how long a message may be, in bytes, as between a daemon and
// its plugins.
const maxMessage = 33 << 20

// Pipe serves what register registers and returns a connection to it, both in
// this process and until the test ends.
func Pipe(tb testing.TB, register func(grpc.ServiceRegistrar)) grpc.ClientConnInterface {
	tb.Helper()
	listener := bufconn.Listen(64 << 10)
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage))
	register(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///pipe",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		tb.Fatalf("making a client: %v", err)
	}
	tb.Cleanup(func() {
		conn.Close()
		server.Stop()
		<-served
	})
	return conn
}

// Soon runs f and fails the test if f does not return within [Patience]. f
// must not end the test. After
// such a failure f may still run.
func Soon(tb testing.TB, what string, f func()) {
	tb.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(Patience()):
		tb.Fatalf("%s did not return within %v", what, Patience())
	}
}

// Fault fails the test unless err is a fault with one of the codes and a
// sentence that can be shown to a person.
func Fault(tb testing.TB, what string, err error, codes ...fault.Code) {
	tb.Helper()
	for _, code := range codes {
		if fault.Is(err, code) {
			Sentence(tb, what, fault.From(err).Reason)
			return
		}
	}
	tb.Errorf("%s returned %v; want a fault with a code of %v", what, err, codes)
}

// Sentence fails the test unless s is one line of printable text, neither
// empty nor long.
func Sentence(tb testing.TB, what, s string) {
	tb.Helper()
	const limit = 1000
	unprintable := strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
	if strings.TrimSpace(s) == "" || len(s) > limit || unprintable {
		tb.Errorf("%s gave the reason %q; want one line of 1 to %d bytes", what, s, limit)
	}
}

// Done returns a context that is already done.
func Done() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// Complaints runs a check of a suite, with little patience, and returns how it
// failed, without failing tb: for the tests of the suites themselves.
func Complaints(tb testing.TB, check func(testing.TB)) []string {
	defer patience.Store(patience.Swap(int64(100 * time.Millisecond)))
	r := &recorder{TB: tb}
	done := make(chan struct{})
	go func() { // so that Fatalf can end the check alone
		defer close(done)
		check(r)
	}()
	<-done
	return r.list()
}
