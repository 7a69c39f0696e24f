package client_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

var (
	owner    = keys.NewSigningKey()
	outsider = keys.NewSigningKey()
)

func signedBy(key *keys.SigningKey) client.Options {
	o := impatient
	o.Signer = key
	return o
}

// reader is options of one who only reads.
func reader() client.Options {
	o := impatient
	o.Create = false
	return o
}

// startDistributed returns a server with a chain of the owner's, which holds
//
//	1    a = 1
//	2    b = 2
//	3-5  a = 3, c = 4, d = 5
//	6    d is gone
//	7    a = 7
func startDistributed(t testing.TB) *clienttest.Server {
	t.Helper()
	s := start(t, clienttest.Options{Trust: event.Distributed})
	c := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
	commit(t, c, put("a", "1"))
	commit(t, c, put("b", "2"))
	commit(t, c, put("a", "3"), put("c", "4"), put("d", "5"))
	commit(t, c, client.Event{Header: event.Header{Key: []byte("d"), Tombstone: true}})
	commit(t, c, put("a", "7"))
	c.Close()
	return s
}

// TestVerifiedReads: everything that an honest server sends is accepted, also
// of a compacted chain, and by one who has no key.
func TestVerifiedReads(t *testing.T) {
	for name, compact := range map[string][]event.Seq{"whole": nil, "compacted": {1, 3}, "compacted to the end": {1, 5, 6}} {
		t.Run(name, func(t *testing.T) {
			s := startDistributed(t)
			s.Compact(chainName, compact...)
			c := dialWith(t, s.URL("tcp", chainName), reader())
			all := readAll(t, c, client.SubscribeOptions{From: 0})
			if want := 8 + 2 - len(compact); len(all) != want { // with what the server said of what lives
				t.Errorf("%d events came, want %d", len(all), want)
			}
			if e, err := c.Get(soon(t), []byte("a")); err != nil || string(e.Data) != "7" {
				t.Errorf("a is %q, %v", e.Data, err)
			}
			_, err := c.Get(soon(t), []byte("d"))
			wantCode(t, err, fault.NotFound)
			got, err := c.LoadSeqs(soon(t), 0, 1, 2, 3, 4)
			if want := 5 - len(compact); err != nil || len(got) < want {
				t.Errorf("by seq: %d events, %v", len(got), err)
			}
		})
	}
}

// TestReadYourWrites: what was committed is what Get returns at once, however
// far the audit is.
func TestReadYourWrites(t *testing.T) {
	s := startDistributed(t)
	c := dialWith(t, s.URL("ws", chainName), signedBy(owner))
	for i := range 15 {
		value := fmt.Sprint(i)
		commit(t, c, put("k", value))
		if e, err := c.Get(soon(t), []byte("k")); err != nil || string(e.Data) != value {
			t.Fatalf("got %q after %s, %v", e.Data, value, err)
		}
		commit(t, c, client.Event{Header: event.Header{Key: []byte("k"), Tombstone: true}})
		_, err := c.Get(soon(t), []byte("k"))
		wantCode(t, err, fault.NotFound)
	}
}

// TestNewestWhileOthersWrite: an honest server is never taken for a liar,
// however fast objects come and go.
func TestNewestWhileOthersWrite(t *testing.T) {
	s := startDistributed(t)
	writer := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
	c := dialWith(t, s.URL("tcp", chainName), reader())
	done := make(chan error, 1)
	go func() {
		for i := range 80 {
			e := put("k", "v")
			if i%2 == 1 {
				e = client.Event{Header: event.Header{Key: []byte("k"), Tombstone: true}}
			}
			if _, err := writer.Commit(context.Background(), e); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
		if _, err := c.Get(soon(t), []byte("k")); err != nil && !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	}
}

// recordsOf returns a pointer to the records in a message, nil if it has none.
func recordsOf(m stream.Message) *[]byte {
	switch m := m.(type) {
	case *wirepb.Events:
		return &m.Records
	case *wirepb.Loaded:
		return &m.Records
	}
	return nil
}

// changed returns records with batches changed, or left out where change
// returns false.
func changed(records []byte, change func(*event.Batch) bool) []byte {
	var out []byte
	for b, err := range event.Records(records) {
		if err != nil {
			panic(err)
		}
		if change(&b) {
			out = b.AppendRecord(out)
		}
	}
	return out
}

// forge gives an event other data.
func forge(seq event.Seq) func(*event.Batch) bool {
	return func(b *event.Batch) bool {
		if seq < b.First || seq >= b.Next() {
			return true
		}
		var frames []byte
		at := b.First
		for f, err := range b.Events() {
			if err != nil {
				panic(err)
			}
			if at == seq {
				frames = event.AppendFrame(frames, f.Header, []byte("forged"))
			} else {
				frames = f.Append(frames)
			}
			at++
		}
		b.Frames = frames
		return true
	}
}

func without(seq event.Seq) func(*event.Batch) bool {
	return func(b *event.Batch) bool { return b.First != seq }
}

// next reads events until there is an error.
func next(t *testing.T, c *client.Client) error {
	t.Helper()
	sub, err := c.Subscribe(client.SubscribeOptions{})
	for err == nil {
		var e client.StoredEvent
		if e, err = sub.Next(soon(t)); err == nil && string(e.Data) == "forged" {
			t.Error("a forged event was delivered")
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

func get(key string) func(*testing.T, *client.Client) error {
	return func(t *testing.T, c *client.Client) error {
		e, err := c.Get(soon(t), []byte(key))
		if err == nil && string(e.Data) == "forged" {
			t.Error("a forged event was delivered")
		}
		return err
	}
}

func seqs(want ...event.Seq) func(*testing.T, *client.Client) error {
	return func(t *testing.T, c *client.Client) error {
		got, err := c.LoadSeqs(soon(t), want...)
		for _, e := range got {
			if string(e.Data) == "forged" {
				t.Error("a forged event was delivered")
			}
		}
		return err
	}
}

// TestLies: whatever a lying server tells one who reads, an application is given
// an error of the right code, and nothing that is not proven. The reader's first
// connection has number 2, that of its audit 3.
func TestLies(t *testing.T) {
	const client2, audit = 2, 3
	onRecords := func(conn int, change func(*event.Batch) bool) func(int, stream.Message) {
		return func(n int, m stream.Message) {
			if r := recordsOf(m); r != nil && (conn == 0 || n == conn) {
				*r = changed(*r, change)
			}
		}
	}
	onHead := func(change func(*wirepb.Head), in func(stream.Message) *wirepb.Head) func(int, stream.Message) {
		return func(n int, m stream.Message) {
			if head := in(m); n == client2 && head != nil {
				change(head)
			}
		}
	}
	flip := func(h *wirepb.Head) { h.Root[0] ^= 1 }
	opened := func(m stream.Message) *wirepb.Head { o, _ := m.(*wirepb.Opened); return o.GetHead() }
	answered := func(change func(*wirepb.Loaded)) func(int, stream.Message) {
		return func(n int, m stream.Message) {
			if l, ok := m.(*wirepb.Loaded); ok && n == client2 {
				change(l)
			}
		}
	}
	// old is the answer that was right before event seq.
	old := func(s *clienttest.Server, seq event.Seq) func(*wirepb.Loaded) {
		for _, record := range s.Records(chainName) {
			b, _, _ := event.CutRecord(record)
			at := b.First
			for f, err := range b.Events() {
				if err == nil && at == seq {
					one := b
					one.First, one.Count, one.Frames = seq, 1, f.Append(nil)
					return func(l *wirepb.Loaded) { l.Records = one.AppendRecord(nil) }
				}
				at++
			}
		}
		panic("no such event")
	}
	none := func(l *wirepb.Loaded) { l.Records = nil }
	for lie, test := range map[string]struct {
		read func(*testing.T, *client.Client) error
		send func(*clienttest.Server) func(int, stream.Message)
		code fault.Code
		says string
	}{
		"event changed in Events": {next, func(*clienttest.Server) func(int, stream.Message) { return onRecords(client2, forge(4)) }, fault.Forked, "the server sent an event 4"},
		"event changed in Loaded": {get("c"), func(*clienttest.Server) func(int, stream.Message) { return onRecords(client2, forge(4)) }, fault.Forked, "the server sent an event 4"},
		"event changed, by seq":   {seqs(4), func(*clienttest.Server) func(int, stream.Message) { return onRecords(client2, forge(4)) }, fault.Forked, "the server sent an event 4"},
		"event changed everywhere": {get("c"), func(*clienttest.Server) func(int, stream.Message) {
			return func(n int, m stream.Message) {
				if r := recordsOf(m); r != nil {
					*r = changed(*r, forge(4))
				}
			}
		}, fault.BadSeal, "the batch of event 3"},
		"seal stripped": {next, func(*clienttest.Server) func(int, stream.Message) {
			return onRecords(audit, func(b *event.Batch) bool { b.Evidence = nil; return true })
		}, fault.BadSeal, "the batch of event 1: it has no seal"},
		"commits reordered": {get("a"), func(*clienttest.Server) func(int, stream.Message) {
			return onRecords(audit, func(b *event.Batch) bool {
				if b.First == 1 || b.First == 2 {
					b.First = 3 - b.First
				}
				return true
			})
		}, fault.BadMessage, "event 1 came when"},
		"newest withheld":         {get("a"), func(*clienttest.Server) func(int, stream.Message) { return answered(none) }, fault.Forked, "kept back event 7"},
		"newest withheld, before": {get("b"), func(*clienttest.Server) func(int, stream.Message) { return answered(none) }, fault.Forked, "kept back event 2"},
		"stale newest":            {get("a"), func(s *clienttest.Server) func(int, stream.Message) { return answered(old(s, 3)) }, fault.Forked, "kept back event 7"},
		"deleted object served":   {get("d"), func(s *clienttest.Server) func(int, stream.Message) { return answered(old(s, 5)) }, fault.Forked, "no value any more"},
		"tombstone served":        {get("d"), func(s *clienttest.Server) func(int, stream.Message) { return answered(old(s, 6)) }, fault.BadMessage, "was not asked for"},
		"another object served":   {get("b"), func(s *clienttest.Server) func(int, stream.Message) { return answered(old(s, 7)) }, fault.BadMessage, "was not asked for"},
		"root forged in Opened":   {get("a"), func(*clienttest.Server) func(int, stream.Message) { return onHead(flip, opened) }, fault.Forked, "and the head said of it is 8:"},
		"newest withheld from the audit, too": {get("a"), func(*clienttest.Server) func(int, stream.Message) {
			return func(n int, m stream.Message) {
				switch m := m.(type) {
				case *wirepb.Events:
					m.Records = changed(m.Records, without(7))
				case *wirepb.LeafHashes:
					m.Hashes = bytes.Repeat([]byte{1}, len(m.Hashes))
				case *wirepb.CaughtUp:
					m.Head = nil
				case *wirepb.Loaded:
					m.Records = nil
				}
			}
		}, fault.Forked, "and the head said of it is 8:"},
		"too few leaf hashes": {get("a"), func(s *clienttest.Server) func(int, stream.Message) {
			s.Compact(chainName, 1)
			return func(_ int, m stream.Message) {
				if l, ok := m.(*wirepb.LeafHashes); ok {
					l.Hashes = l.Hashes[1:]
				}
			}
		}, fault.BadMessage, "bytes of leaf hashes"},
		"leaf hashes refused": {get("a"), func(s *clienttest.Server) func(int, stream.Message) {
			s.Compact(chainName, 1)
			return func(_ int, m stream.Message) {
				if l, ok := m.(*wirepb.LeafHashes); ok {
					l.Hashes, l.Code, l.Reason = nil, string(fault.Denied), "no"
				}
			}
		}, fault.Denied, "asking for the leaf hashes of events 1 to 1"},
		"wrong leaf hashes": {get("a"), func(s *clienttest.Server) func(int, stream.Message) {
			s.Compact(chainName, 1)
			return func(_ int, m stream.Message) {
				if l, ok := m.(*wirepb.LeafHashes); ok {
					l.Hashes[0] ^= 1
				}
			}
		}, fault.BadSeal, "builds on another history"},
	} {
		t.Run(lie, func(t *testing.T) {
			s := startDistributed(t)
			s.SetFaults(clienttest.Faults{Send: test.send(s)})
			c := dialWith(t, s.URL("tcp", chainName), reader())
			err := test.read(t, c)
			wantCode(t, err, test.code)
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %q, which does not say %q", err, test.says)
			}
		})
	}
}

// TestHiddenFromTheAudit: a server that says to the audit that an event was
// dropped, so that its seal and authority are never judged, cannot deliver it.
func TestHiddenFromTheAudit(t *testing.T) {
	s := startDistributed(t)
	s.Fork(chainName, "tests/hiding")
	s.Drop("tests/hiding", 4, 7)
	s.SetFaults(clienttest.Faults{Chain: func(conn int, name string) string {
		if conn%2 == 1 {
			return "tests/hiding"
		}
		return name
	}})
	c := dialWith(t, s.URL("tcp", chainName), reader())
	if all := readAll(t, c, client.SubscribeOptions{From: 1}); len(all) != 5 {
		t.Errorf("the events are %q", all)
	}
	if got, err := c.LoadSeqs(soon(t), 3, 4, 5); err != nil || len(got) != 2 {
		t.Errorf("by seq came %d, %v", len(got), err)
	}
	_, err := c.Get(soon(t), []byte("c"))
	wantCode(t, err, fault.Forked)
}

// TestOtherHistoryForTheAudit: two connections that are shown different
// histories of a chain are found out by any read.
func TestOtherHistoryForTheAudit(t *testing.T) {
	for name, read := range map[string]func(*testing.T, *client.Client) error{"Next": next, "Get": get("a"), "LoadSeqs": seqs(8)} {
		t.Run(name, func(t *testing.T) {
			s := startDistributed(t)
			s.Fork(chainName, "tests/other")
			for i, history := range []string{chainName, "tests/other"} {
				s.SetFaults(clienttest.Faults{Chain: func(int, string) string { return history }})
				c := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
				commit(t, c, put("a", fmt.Sprint("history ", i)))
				c.Close()
			}
			first := s.Opened() + 1
			s.SetFaults(clienttest.Faults{Chain: func(conn int, name string) string {
				if conn == first {
					return name
				}
				return "tests/other"
			}})
			wantCode(t, read(t, dialWith(t, s.URL("tcp", chainName), reader())), fault.Forked)
		})
	}
}

// TestOutsider: who has no authority is refused, whether or not the chain knows
// the key.
func TestOutsider(t *testing.T) {
	s := startDistributed(t)
	c := dialWith(t, s.URL("tcp", chainName), signedBy(outsider))
	for range 2 {
		_, err := c.Commit(soon(t), put("a", "stolen"))
		wantCode(t, err, fault.NotAuthorized)
	}
	nobody := dialWith(t, s.URL("tcp", chainName), reader())
	_, err := nobody.Commit(soon(t), put("a", "stolen"))
	wantCode(t, err, fault.BadSeal)
}

// TestAuditEnds: neither a server that keeps silent nor one that is gone holds
// up a read for longer than its context, nor Close.
func TestAuditEnds(t *testing.T) {
	for name, send := range map[string]func(<-chan struct{}, int, stream.Message){
		"leaf hashes never come": func(hold <-chan struct{}, _ int, m stream.Message) {
			if _, ok := m.(*wirepb.LeafHashes); ok {
				<-hold
			}
		},
		"a head that is never reached": func(hold <-chan struct{}, n int, m stream.Message) {
			if o, ok := m.(*wirepb.Opened); ok && n == 2 {
				o.Next, o.Head.Size = 1<<40, 1<<40
			}
		},
		"the audit's connection never opens": func(hold <-chan struct{}, n int, m stream.Message) {
			if _, ok := m.(*wirepb.Opened); ok && n > 2 {
				<-hold
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startDistributed(t)
			s.Compact(chainName, 1)
			hold := make(chan struct{})
			t.Cleanup(func() { close(hold) })
			s.SetFaults(clienttest.Faults{Send: func(n int, m stream.Message) { send(hold, n, m) }})
			c := dialWith(t, s.URL("tcp", chainName), reader())
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				if _, err := c.Get(ctx, []byte("a")); err == nil || ctx.Err() == nil {
					t.Errorf("Get returned %v", err)
				}
				cancel()
			}
			background := make(chan error, 1)
			go func() {
				_, err := c.Get(context.Background(), []byte("a"))
				background <- err
			}()
			time.Sleep(20 * time.Millisecond)
			closed := make(chan struct{})
			go func() { c.Close(); close(closed) }()
			for range 2 {
				select {
				case <-closed:
					closed = nil
				case err := <-background:
					if err == nil {
						t.Error("Get returned no error after Close")
					}
				case <-time.After(5 * time.Second):
					t.Fatal("Close or Get hangs")
				}
			}
			if _, err := c.Get(soon(t), []byte("a")); err == nil {
				t.Error("a closed client reads")
			}
		})
	}
}
