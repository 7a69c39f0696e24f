package client_test

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/known"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

func remembering(heads known.Heads) client.Options {
	o := signedBy(owner)
	o.Heads = heads
	return o
}

// dialFails returns the error of a Dial that is refused.
func dialFails(t *testing.T, url string, options client.Options) error {
	t.Helper()
	c, err := client.Dial(soon(t), url, options)
	if err == nil {
		c.Close()
		t.Fatal("the chain was opened")
	}
	return err
}

// visit commits some events, which no other visit does, and closes the client, which remembers the head.
func visit(t *testing.T, url string, heads known.Heads, commits int) merkle.Head {
	t.Helper()
	c := dialWith(t, url, remembering(heads))
	for range commits {
		commit(t, c, put("k", rand.Text()))
	}
	head := c.Head()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return head
}

// TestHeadsAreRemembered: each client goes on from the head that the last one
// saw, in both modes of trust, and an honest server is never refused.
func TestHeadsAreRemembered(t *testing.T) {
	for _, trust := range []event.Trust{event.Centralized, event.Distributed} {
		s, heads := start(t, clienttest.Options{Trust: trust}), &known.Memory{}
		url := s.URL("tcp", chainName)
		for i := range 5 {
			head := visit(t, url, heads, i*3)
			c := dialWith(t, url, remembering(nil))
			if last, ok, err := heads.Last(c.Chain().ID); err != nil || !ok || last != head || c.Head() != head {
				t.Errorf("%s: remembered is %s, %v; the head is %s", trust, last, err, head)
			}
		}
	}
}

// TestServerContradictsItself: a server that goes back on what it said is
// refused by the next client that remembers it, and both heads are named.
func TestServerContradictsItself(t *testing.T) {
	for attack, test := range map[string]struct {
		lie  func(*testing.T, *clienttest.Server)
		says string
	}{
		"rolled back": {func(_ *testing.T, s *clienttest.Server) { s.Rewind(chainName, 3) }, "was rolled back: its head was 6:"},
		"rolled back and grown again": {func(t *testing.T, s *clienttest.Server) {
			s.Rewind(chainName, 3)
			visit(t, s.URL("tcp", chainName), nil, 9)
		}, "was rewritten: its head was 6:"},
		"rewritten to the same size": {func(t *testing.T, s *clienttest.Server) {
			s.Rewind(chainName, 3)
			visit(t, s.URL("tcp", chainName), nil, 3)
		}, "was rewritten: its head was 6:"},
		"consistency proof missing": {func(t *testing.T, s *clienttest.Server) {
			visit(t, s.URL("tcp", chainName), nil, 3)
			s.SetFaults(onOpened(func(o *wirepb.Opened) { o.Consistency = nil }))
		}, "was rewritten: its head was 6:"},
		"consistency proof wrong": {func(t *testing.T, s *clienttest.Server) {
			visit(t, s.URL("tcp", chainName), nil, 3)
			s.SetFaults(onOpened(func(o *wirepb.Opened) { o.Consistency[0][0] ^= 1 }))
		}, "was rewritten: its head was 6:"},
		"head forged": {func(t *testing.T, s *clienttest.Server) {
			s.SetFaults(onOpened(func(o *wirepb.Opened) { o.Head.Root[0] ^= 1 }))
		}, "was rewritten: its head was 6:"},
		"chain replaced": {func(t *testing.T, s *clienttest.Server) {
			s.Forget(chainName)
			visit(t, s.URL("tcp", chainName), nil, 9)
		}, "is another one than before: its id was"},
	} {
		t.Run(attack, func(t *testing.T) {
			s, heads := start(t, clienttest.Options{Trust: event.Distributed}), &known.Memory{}
			url := s.URL("tcp", chainName)
			before := visit(t, url, heads, 5)
			test.lie(t, s)
			err := dialFails(t, url, remembering(heads))
			wantCode(t, err, fault.Forked)
			if !strings.Contains(err.Error(), test.says) || !strings.Contains(test.says, "id was") && !strings.Contains(err.Error(), before.String()) {
				t.Errorf("the error is %q; it should say %q, and %s", err, test.says, before)
			}
		})
	}
}

func onOpened(change func(*wirepb.Opened)) clienttest.Faults {
	return clienttest.Faults{Send: func(_ int, m stream.Message) {
		if o, ok := m.(*wirepb.Opened); ok {
			change(o)
		}
	}}
}

// TestTwoHistories: two clients that are each shown another history notice
// nothing, until one is shown the other's.
func TestTwoHistories(t *testing.T) {
	s := start(t, clienttest.Options{Trust: event.Distributed})
	url := s.URL("tcp", chainName)
	visit(t, url, nil, 3)
	s.Fork(chainName, "tests/other")
	var heads [2]known.Memory
	serve := func(name string) { s.SetFaults(clienttest.Faults{Chain: func(int, string) string { return name }}) }
	serve(chainName)
	mine := visit(t, url, &heads[0], 2)
	serve("tests/other")
	theirs := visit(t, url, &heads[1], 1)
	visit(t, url, &heads[1], 0)
	for i, name := range []string{"tests/other", chainName} {
		serve(name)
		err := dialFails(t, url, remembering(&heads[i]))
		wantCode(t, err, fault.Forked)
		for _, head := range []merkle.Head{mine, theirs} {
			if !strings.Contains(err.Error(), head.String()) {
				t.Errorf("client %d: %q does not name %s", i, err, head)
			}
		}
	}
}

// TestCloseAsksForProof: at Close the newest head must be proven to continue the
// one that is remembered. Whatever comes but a good proof is forked, and is not
// remembered; a server that cannot now, or keeps silent, holds nothing up.
func TestCloseAsksForProof(t *testing.T) {
	onProof := func(change func(*wirepb.Proof)) func(int, stream.Message) {
		return func(_ int, m stream.Message) {
			if p, ok := m.(*wirepb.Proof); ok {
				change(p)
			}
		}
	}
	for attack, test := range map[string]struct {
		send func(int, stream.Message)
		code fault.Code // empty if Close returns nil
	}{
		"wrong":      {onProof(func(p *wirepb.Proof) { p.Hashes[0][0] ^= 1 }), fault.Forked},
		"empty":      {onProof(func(p *wirepb.Proof) { p.Hashes = nil }), fault.Forked},
		"too short":  {onProof(func(p *wirepb.Proof) { p.Hashes = p.Hashes[1:] }), fault.Forked},
		"malformed":  {onProof(func(p *wirepb.Proof) { p.Hashes[0] = p.Hashes[0][1:] }), fault.Forked},
		"endless":    {onProof(func(p *wirepb.Proof) { p.Hashes = make([][]byte, 1000) }), fault.Forked},
		"refused":    {onProof(func(p *wirepb.Proof) { p.Hashes, p.Code, p.Reason = nil, string(fault.BadRequest), "no" }), fault.Forked},
		"not now":    {onProof(func(p *wirepb.Proof) { p.Hashes, p.Code, p.Reason = nil, string(fault.Unavailable), "no" }), ""},
		"to another": {onProof(func(p *wirepb.Proof) { p.Id += 1000 }), ""},
		"head forged in Committed": {func(_ int, m stream.Message) {
			if c, ok := m.(*wirepb.Committed); ok && c.Next == 6 {
				c.Head.Root[0] ^= 1
			}
		}, fault.Forked},
		"head forged in Pong": {func(_ int, m stream.Message) {
			if c, ok := m.(*wirepb.Pong); ok && c.Head.Size == 6 {
				c.Head.Root[0] ^= 1
				c.Head.Size++
			}
		}, fault.Forked},
	} {
		t.Run(attack, func(t *testing.T) {
			t.Parallel()
			s, heads := start(t, clienttest.Options{Trust: event.Distributed}), &known.Memory{}
			url := s.URL("tcp", chainName)
			before := visit(t, url, heads, 4)
			s.SetFaults(clienttest.Faults{Send: test.send})
			o := remembering(heads)
			if strings.Contains(attack, "Pong") {
				o.KeepAlive = 200 * time.Millisecond // a connection that is silent for long is given up
			}
			c := dialWith(t, url, o)
			commit(t, c, put("k", "v"))
			if strings.Contains(attack, "Pong") {
				eventually(t, "the forged head", func() bool { return c.Head().Size == 7 })
			}
			err := c.Close()
			if test.code == "" && err != nil || test.code != "" && !fault.Is(err, test.code) {
				t.Errorf("Close returned %v, want %q", err, test.code)
			}
			if last, _, _ := heads.Last(c.Chain().ID); last != before {
				t.Errorf("%s is remembered, and was not proven", last)
			}
		})
	}
}

// TestTwoHeadsOfOneSize: a server that tells of two heads of one size on a
// connection ends the client, whatever message has the second.
func TestTwoHeadsOfOneSize(t *testing.T) {
	for name, test := range map[string]struct {
		head func(stream.Message) *wirepb.Head
		make func(*testing.T, *client.Client)
	}{
		"CaughtUp": {func(m stream.Message) *wirepb.Head { c, _ := m.(*wirepb.CaughtUp); return c.GetHead() }, func(t *testing.T, c *client.Client) {
			if _, err := c.Subscribe(client.SubscribeOptions{Live: true}); err != nil {
				t.Error(err)
			}
		}},
		"Pong": {func(m stream.Message) *wirepb.Head { c, _ := m.(*wirepb.Pong); return c.GetHead() }, func(*testing.T, *client.Client) {}},
	} {
		s := startDistributed(t)
		s.SetFaults(clienttest.Faults{Send: func(_ int, m stream.Message) {
			if head := test.head(m); head != nil {
				head.Root[0] ^= 1
			}
		}})
		o := reader()
		o.KeepAlive = 5 * time.Millisecond
		c := dialWith(t, s.URL("tcp", chainName), o)
		test.make(t, c)
		select {
		case <-c.Done():
			wantCode(t, c.Err(), fault.Forked)
		case <-soon(t).Done():
			t.Errorf("%s: the client goes on", name)
		}
	}
}

// TestCommittedWithoutHead: an answer whose head does not hold the commit, or
// that is about more events, is no answer; the commit is asked for again.
func TestCommittedWithoutHead(t *testing.T) {
	for name, change := range map[string]func(*wirepb.Committed){
		"no head":         func(c *wirepb.Committed) { c.Head = nil },
		"head too small":  func(c *wirepb.Committed) { c.Head.Size = c.Next - 1 },
		"too many events": func(c *wirepb.Committed) { c.First-- },
	} {
		s := startDistributed(t)
		lies := 3
		s.SetFaults(clienttest.Faults{Send: func(_ int, m stream.Message) {
			if c, ok := m.(*wirepb.Committed); ok && lies > 0 {
				lies--
				change(c)
			}
		}})
		c := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
		if r := commit(t, c, put("k", "v")); r.First != 8 || len(s.Records(chainName)) != 7 {
			t.Errorf("%s: stored as %+v in a chain of %d records", name, r, len(s.Records(chainName)))
		}
	}
}
