package session

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/core/fanout"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// host is a chain with sessions on it.
type host struct {
	t     testing.TB
	log   *chaintest.Log
	feed  *fanout.Feed
	chain *chain.Chain
	last  chain.SessionID
	later atomic.Int64 // how much later than now it is for the chain, in nanoseconds

	options Options           // of sessions, beside what the host gives them
	wrap    func(Chain) Chain // if set, gives sessions another chain than the host's
}

func newHost(t testing.TB) *host {
	return newHostOf(t, event.Centralized)
}

const testChain chainname.Name = "example.com/joe/mydb"

// newHostOf has a chain with a mode of trust and root keys.
func newHostOf(t testing.TB, trust event.Trust, rootKeys ...[]byte) *host {
	const name = testChain
	h := &host{t: t, log: &chaintest.Log{}}
	if err := chain.Create(h.log, event.NewGenesis(name, trust, rootKeys), time.Now()); err != nil {
		t.Fatal(err)
	}
	h.feed = fanout.NewFeed(h.log, 1)
	var err error
	h.chain, err = chain.Open(context.Background(), name, chain.Options{
		Log: h.log, Publisher: h.feed, Trust: trust, Validator: seals{}, OnFail: func(error) {},
		OnProblem: func(err error) { t.Errorf("the chain reports %v", err) },
		Now:       func() time.Time { return time.Now().Add(time.Duration(h.later.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// client is the other end of a session, message by message.
type client struct {
	*wire.Conn
	t      testing.TB
	cancel context.CancelCauseFunc
	ended  chan error // what Run returned
}

// connect starts a session over a real socket and receives Opened.
func (h *host) connect() *client {
	h.t.Helper()
	c, _ := h.open()
	return c
}

// open is connect with what Opened says.
func (h *host) open() (*client, *wirepb.Opened) {
	h.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	defer listener.Close()
	near, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	c := &client{Conn: stream.NewConn(near, wire.MaxMessage), t: h.t, cancel: cancel, ended: make(chan error, 1)}
	h.last++
	o := h.options
	o.ID, o.Conn, o.Chain, o.Feed = h.last, stream.NewConn(far, wire.MaxMessage), h.chain, h.feed
	if h.wrap != nil {
		o.Chain = h.wrap(h.chain)
	}
	s := New(o)
	go func() { c.ended <- s.Run(ctx) }()
	h.t.Cleanup(func() { c.Close(); cancel(nil) })
	opened := new(wirepb.Opened)
	c.expect(wire.Opened, opened)
	return c, opened
}

// expect receives a message of the given type.
func (c *client) expect(want wire.Type, m interface{ UnmarshalVTUnsafe([]byte) error }) {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	t, payload, err := c.Receive()
	if err != nil || t != want {
		c.t.Fatalf("message of type %d, %v; want type %d (%s)", t, err, want, payload)
	}
	if err := stream.Unmarshal(t, payload, m); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) end() error {
	c.t.Helper()
	select {
	case err := <-c.ended:
		return err
	case <-time.After(10 * time.Second):
		c.t.Fatal("the session does not end")
		return nil
	}
}

func commit(id byte, key string, data []byte) *wirepb.Commit {
	h := event.Header{Key: []byte(key)}
	header, err := h.Encode()
	if err != nil {
		panic(err)
	}
	m := &wirepb.Commit{Id: make([]byte, 16), Count: 1, Frames: event.AppendFrame(nil, header, data)}
	m.Id[0] = id
	return m
}

func TestCommitsArePipelinedAndAnsweredInOrder(t *testing.T) {
	h := newHost(t)
	c := h.connect()
	const n = 200
	for i := range n {
		m := commit(1, fmt.Sprint(i), []byte("data"))
		m.Id[1] = byte(i)
		if i == 100 {
			m.Frames = m.Frames[:5]
		}
		c.Queue(wire.Commit, m)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	next := uint64(1)
	for i := range n {
		if i == 100 {
			var refused wirepb.Rejected
			c.expect(wire.Rejected, &refused)
			if refused.Code != string(fault.BadMessage) {
				t.Errorf("refused with %+v", &refused)
			}
			continue
		}
		var m wirepb.Committed
		c.expect(wire.Committed, &m)
		if m.First != next {
			t.Fatalf("answer %d: first %d, want %d", i, m.First, next)
		}
		next++
	}
}

func TestSubscriptionResumesAndGoesOnLive(t *testing.T) {
	h := newHost(t)
	writer, reader := h.connect(), h.connect()
	write := func(i byte) {
		writer.Send(wire.Commit, commit(i, "k", []byte{i}))
		writer.expect(wire.Committed, new(wirepb.Committed))
	}
	for i := range byte(5) {
		write(i)
	}
	reader.Send(wire.Subscribe, &wirepb.Subscribe{From: 3, Live: true, Credit: 1 << 20})
	next := event.Seq(3)
	take := func(until event.Seq) {
		t.Helper()
		for next < until {
			var m wirepb.Events
			reader.expect(wire.Events, &m)
			for b, err := range event.Records(m.Records) {
				if err != nil || b.First != next {
					t.Fatalf("event %d, %v; want %d", b.First, err, next)
				}
				next = b.Next()
			}
		}
	}
	take(6)
	var caughtUp wirepb.CaughtUp
	reader.expect(wire.CaughtUp, &caughtUp)
	if caughtUp.Next != 6 {
		t.Errorf("caught up at %d", caughtUp.Next)
	}
	for i := byte(5); i < 10; i++ {
		write(i)
	}
	take(11)
}

func TestNothingIsSentWithoutCredit(t *testing.T) {
	h := newHost(t)
	c := h.connect()
	for i := range byte(3) {
		c.Send(wire.Commit, commit(i, "k", make([]byte, 1000)))
		c.expect(wire.Committed, new(wirepb.Committed))
	}
	c.Send(wire.Subscribe, &wirepb.Subscribe{Credit: 0})
	c.Send(wire.Ping, &wirepb.Ping{Id: 7})
	c.expect(wire.Pong, new(wirepb.Pong))
	c.Send(wire.Commit, commit(9, "k", nil)) // still answered
	c.expect(wire.Committed, new(wirepb.Committed))
	c.Send(wire.Credit, &wirepb.Credit{Bytes: 1})
	c.expect(wire.Events, new(wirepb.Events))
	c.Send(wire.Ping, &wirepb.Ping{Id: 8})
	c.expect(wire.Pong, new(wirepb.Pong)) // not CaughtUp: the credit is used up
	c.Send(wire.Credit, &wirepb.Credit{Bytes: 1 << 20})
	c.expect(wire.CaughtUp, new(wirepb.CaughtUp))
}

func TestDataIsOmitted(t *testing.T) {
	h := newHost(t)
	c := h.connect()
	for i, size := range []int{10, 11} {
		c.Send(wire.Commit, commit(byte(i), "k", make([]byte, size)))
		c.expect(wire.Committed, new(wirepb.Committed))
	}
	c.Send(wire.Subscribe, &wirepb.Subscribe{From: 1, OmitDataOver: new(uint32(10)), Credit: 1 << 20})
	var m wirepb.Events
	c.expect(wire.Events, &m)
	var omitted []bool
	for b, err := range event.Records(m.Records) {
		if err != nil {
			t.Fatal(err)
		}
		for f := range b.Events() {
			omitted = append(omitted, f.Omitted)
		}
	}
	if fmt.Sprint(omitted) != "[false true]" {
		t.Errorf("omitted: %v", omitted)
	}
}

func TestLoad(t *testing.T) {
	h := newHost(t)
	c := h.connect()
	for i, key := range []string{"a", "b", "a"} {
		c.Send(wire.Commit, commit(byte(i), key, []byte{byte(i)}))
		c.expect(wire.Committed, new(wirepb.Committed))
	}
	load := func(m *wirepb.Load) (seqs []event.Seq, reply *wirepb.Loaded) {
		t.Helper()
		reply = new(wirepb.Loaded)
		c.Send(wire.Load, m)
		c.expect(wire.Loaded, reply)
		for b, err := range event.Records(reply.Records) {
			if err != nil {
				t.Fatal(err)
			}
			seqs = append(seqs, b.First)
		}
		return seqs, reply
	}
	seqs, reply := load(&wirepb.Load{Id: 5, Seqs: []uint64{2, 99}, Keys: [][]byte{[]byte("a"), []byte("none")}})
	if fmt.Sprint(seqs) != "[2 3]" || reply.Id != 5 {
		t.Errorf("loaded %v, id %d", seqs, reply.Id)
	}
	if _, reply := load(&wirepb.Load{Id: 6, Seqs: make([]uint64, wire.MaxLoad+1)}); reply.Code != string(fault.TooLarge) {
		t.Errorf("too many: %+v", reply)
	}
}

func TestLocksDieWithTheirConnection(t *testing.T) {
	h := newHost(t)
	holder, waiter, third := h.connect(), h.connect(), h.connect()
	lock := func(c *client, wait uint32) {
		c.Send(wire.Lock, &wirepb.Lock{Id: 1, Key: []byte("k"), WaitMs: wait})
	}
	result := func(c *client) *wirepb.LockResult {
		t.Helper()
		m := new(wirepb.LockResult)
		c.expect(wire.LockResult, m)
		return m
	}
	lock(holder, 0)
	if !result(holder).Granted {
		t.Fatal("not granted")
	}
	lock(third, 0)
	if m := result(third); m.Granted || m.Code != string(fault.Locked) {
		t.Errorf("third: %+v", m)
	}
	lock(third, 50)
	if m := result(third); m.Granted || m.Code != string(fault.Locked) {
		t.Errorf("third, after its time: %+v", m)
	}
	lock(waiter, 60_000)
	waiter.Send(wire.Ping, &wirepb.Ping{})
	waiter.expect(wire.Pong, new(wirepb.Pong)) // it is waiting by now
	third.Send(wire.Commit, commit(1, "k", nil))
	var refused wirepb.Rejected
	third.expect(wire.Rejected, &refused)
	if refused.Code != string(fault.Locked) {
		t.Errorf("write by third: %+v", &refused)
	}
	holder.Close()
	if !result(waiter).Granted {
		t.Error("the lock was not inherited")
	}
	waiter.Send(wire.Unlock, &wirepb.Unlock{Key: []byte("k")})
	lock(third, 10_000)
	if !result(third).Granted {
		t.Error("the lock was not given back")
	}
}

func TestGivingUpAWaitForALock(t *testing.T) {
	h := newHost(t)
	holder, waiter := h.connect(), h.connect()
	holder.Send(wire.Lock, &wirepb.Lock{Key: []byte("k")})
	holder.expect(wire.LockResult, new(wirepb.LockResult))
	waiter.Send(wire.Lock, &wirepb.Lock{Key: []byte("k"), WaitMs: 60_000})
	waiter.Send(wire.Unlock, &wirepb.Unlock{Key: []byte("k")})
	var m wirepb.LockResult
	waiter.expect(wire.LockResult, &m)
	if m.Granted || m.Code != string(fault.Locked) {
		t.Errorf("got %+v", &m)
	}
}

func TestProtocolErrorsEndTheSessionWithBye(t *testing.T) {
	for name, send := range map[string]func(c *client){
		"unknown type":    func(c *client) { c.Send(99, &wirepb.Ping{}) },
		"server's type":   func(c *client) { c.Send(wire.Committed, &wirepb.Committed{}) },
		"second Open":     func(c *client) { c.Send(wire.Open, &wirepb.Open{Name: "a/b"}) },
		"short commit id": func(c *client) { c.Send(wire.Commit, &wirepb.Commit{Id: []byte{1}}) },
		"empty lock key":  func(c *client) { c.Send(wire.Lock, &wirepb.Lock{}) },
		"bad protobuf":    func(c *client) { c.Send(wire.Commit, garbage{0x0a, 0xff, 0xff}) },
	} {
		h := newHost(t)
		c, other := h.connect(), h.connect()
		send(c)
		var bye wirepb.Bye
		c.expect(wire.Bye, &bye)
		if bye.Code != string(fault.BadMessage) || bye.Reason == "" {
			t.Errorf("%s: %+v", name, &bye)
		}
		c.Close()
		if err := c.end(); !fault.Is(err, fault.BadMessage) {
			t.Errorf("%s: the session ended with %v", name, err)
		}
		other.Send(wire.Ping, &wirepb.Ping{})
		other.expect(wire.Pong, new(wirepb.Pong))
	}
}

// garbage is a message that is no protobuf.
type garbage []byte

func (g garbage) SizeVT() int                                  { return len(g) }
func (g garbage) MarshalToSizedBufferVT(b []byte) (int, error) { return copy(b, g), nil }

// TestStoppingAnswersWhatIsUnderWay ends a session while a commit is being
// stored: the client gets the answer, then Bye.
func TestStoppingAnswersWhatIsUnderWay(t *testing.T) {
	h := newHost(t)
	c := h.connect()
	entered, proceed := make(chan struct{}), make(chan struct{})
	h.log.OnAppend = func(records []byte) (int, error) {
		close(entered)
		<-proceed
		return len(records), nil
	}
	c.Send(wire.Commit, commit(1, "k", nil))
	<-entered
	c.cancel(fault.New(fault.ShuttingDown, "the server is stopping"))
	close(proceed)
	c.expect(wire.Committed, new(wirepb.Committed))
	var bye wirepb.Bye
	c.expect(wire.Bye, &bye)
	if bye.Code != string(fault.ShuttingDown) {
		t.Errorf("got %+v", &bye)
	}
	c.Close()
	c.end()
}

// TestUncertainCommitIsNotAnswered has storage fail so that nobody knows what
// is stored: no later answer may be taken for the missing one.
func TestUncertainCommitIsNotAnswered(t *testing.T) {
	h := newHost(t)
	c := h.connect()
	h.log.OnAppend = func([]byte) (int, error) {
		h.log.ReadErr = fault.New(fault.Unavailable, "gone")
		return 0, h.log.ReadErr
	}
	c.Queue(wire.Commit, commit(1, "k", nil))
	c.Queue(wire.Commit, commit(2, "k", []byte("x")))
	c.Flush()
	var bye wirepb.Bye
	c.expect(wire.Bye, &bye)
	if bye.Code != string(fault.Unavailable) {
		t.Errorf("got %+v", &bye)
	}
}

// TestInFlightIsBounded holds storage up: the session must stop reading, not
// take more and more.
func TestInFlightIsBounded(t *testing.T) {
	h := newHost(t)
	c := h.connect()
	proceed := make(chan struct{})
	h.log.OnAppend = func(records []byte) (int, error) {
		<-proceed
		return len(records), nil
	}
	const n = MaxCommits + 1000
	sent := make(chan error, 1)
	go func() {
		for i := range n {
			m := commit(1, "k", nil)
			m.Id[1], m.Id[2] = byte(i), byte(i>>8)
			c.Queue(wire.Commit, m)
		}
		sent <- c.Flush()
	}()
	time.AfterFunc(50*time.Millisecond, func() { close(proceed) })
	for i := range n {
		var m wirepb.Committed
		c.expect(wire.Committed, &m)
		if m.First != uint64(i+1) {
			t.Fatalf("answer %d: first %d", i, m.First)
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}
