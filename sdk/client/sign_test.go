package client_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// sealsOf returns the seals of a chain's batches, in order.
func sealsOf(t *testing.T, s *clienttest.Server) (seals []evidence.Seal) {
	t.Helper()
	for _, record := range s.Records(chainName)[1:] {
		b, _, err := event.CutRecord(record)
		if err != nil {
			t.Fatal(err)
		}
		seal, err := evidence.ParseSeal(b.Evidence)
		if err != nil {
			t.Fatal(err)
		}
		seals = append(seals, seal)
	}
	return seals
}

// TestSealedExactlyOnce pipelines sealed commits of several goroutines over a
// connection that breaks in every way: each is stored once, in order, and the
// numbers of their seals ascend.
func TestSealedExactlyOnce(t *testing.T) {
	const writers, commits = 3, 60
	s := start(t, clienttest.Options{Trust: event.Distributed, MaxCommits: 20})
	c := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
	rng, mu := rand.New(rand.NewPCG(1, 2)), sync.Mutex{}
	s.SetFaults(clienttest.Faults{Commit: func(int) clienttest.Action {
		mu.Lock()
		defer mu.Unlock()
		switch rng.IntN(40) {
		case 0:
			return clienttest.Action{DropBefore: true}
		case 1:
			return clienttest.Action{DropAfter: true}
		case 2:
			return clienttest.Action{Garbage: true}
		case 3:
			s.DropConnections()
		}
		return clienttest.Action{}
	}})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var pending []*client.Pending
			for i := range commits {
				pending = append(pending, c.Submit(soon(t), one(fmt.Sprint(w), fmt.Sprint(i))))
			}
			var last event.Seq
			for i, p := range pending {
				r, err := p.Wait(soon(t))
				if err != nil || r.First <= last {
					t.Errorf("commit %d of %d: stored as %d after %d, %v", i, w, r.First, last, err)
				}
				last = r.First
			}
		})
	}
	wg.Wait()
	seals := sealsOf(t, s)
	for i, seal := range seals {
		if i > 0 && seal.Number <= seals[i-1].Number {
			t.Errorf("seal %d has number %d after %d", i, seal.Number, seals[i-1].Number)
		}
	}
	if len(seals) != writers*commits || s.Opened() < 5 {
		t.Errorf("%d commits are stored, over %d connections", len(seals), s.Opened())
	}
	s.SetFaults(clienttest.Faults{})
	if all := readAll(t, dialWith(t, s.URL("tcp", chainName), reader()), client.SubscribeOptions{From: 1}); len(all) != len(seals) {
		t.Errorf("%d events are verified", len(all))
	}
}

// TestRejectedAmongOthers: a commit that is refused does not break the sealed
// ones that were sent behind it.
func TestRejectedAmongOthers(t *testing.T) {
	s := start(t, clienttest.Options{Trust: event.Distributed})
	c := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
	var pending []*client.Pending
	for i := range 30 {
		b := one("k", fmt.Sprint(i))
		if i%3 == 1 {
			b.Expected = []client.Expected{{Key: []byte("k"), Seq: 1000}}
		}
		pending = append(pending, c.Submit(soon(t), b))
	}
	for i, p := range pending {
		if _, err := p.Wait(soon(t)); i%3 == 1 && !fault.Is(err, fault.VersionConflict) || i%3 != 1 && err != nil {
			t.Errorf("commit %d: %v", i, err)
		}
	}
}

// TestEd25519Signer: a key of Ed25519 alone writes where proofs count, and is
// refused, with what to do, where commits are sealed.
func TestEd25519Signer(t *testing.T) {
	key, err := keys.Ed25519SigningKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, clienttest.Options{Judge: true})
	mine := put("k", "v")
	mine.Header.Write = event.WriteAuthority{Kind: event.WriteAnyOf, Keys: []event.Hash{key.Public().ID()}}
	c := dialWith(t, s.URL("tcp", chainName), signedBy(key))
	commit(t, c, mine)
	commit(t, c, put("k", "v"))
	_, err = dialWith(t, s.URL("tcp", chainName), signedBy(owner)).Submit(soon(t), one("k", "w")).Wait(soon(t))
	if !fault.Is(err, fault.NotAuthorized) {
		t.Errorf("another key's commit to the chain: %v", err)
	}

	s = start(t, clienttest.Options{Trust: event.Distributed})
	_ = dialWith(t, s.URL("tcp", chainName), signedBy(owner))
	_, err = client.Dial(soon(t), s.URL("tcp", chainName), signedBy(key))
	if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "ate key new") {
		t.Errorf("opening a chain of distributed trust: %v", err)
	}
}

// openTo makes an object that everyone may write.
func openTo(t *testing.T, s *clienttest.Server) {
	t.Helper()
	c := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
	e := put("open", "")
	e.Header.Write = event.WriteAuthority{Kind: event.WriteEveryone}
	commit(t, c, e)
	c.Close()
}

// TestKeyIsIntroduced: a client whose key the chain does not know introduces it
// with its commits until one is stored, also if that comes with a raw header, is
// refused at first, or is sent again.
func TestKeyIsIntroduced(t *testing.T) {
	stranger := keys.NewSigningKey()
	raw, err := (&event.Header{Key: []byte("open"), Type: "raw"}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, first := range map[string][]client.Event{
		"header":     {put("open", "1")},
		"raw header": {{RawHeader: raw, Data: []byte("1")}},
		"has others": {{Header: event.Header{Key: []byte("open"), Keys: [][]byte{owner.Public().Bytes()}}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, clienttest.Options{Trust: event.Distributed})
			openTo(t, s)
			c := dialWith(t, s.URL("tcp", chainName), signedBy(stranger))
			s.SetFaults(clienttest.Faults{Commit: func(n int) clienttest.Action {
				switch n {
				case 2:
					return clienttest.Action{Refuse: fault.New(fault.DiskFull, "not now")}
				case 3:
					return clienttest.Action{DropAfter: true}
				}
				return clienttest.Action{}
			}})
			_, err := c.Commit(soon(t), first...)
			wantCode(t, err, fault.DiskFull)
			commit(t, c, first...)
			before := len(s.Records(chainName))
			commit(t, c, put("open", "2"))
			b, _, err := event.CutRecord(s.Records(chainName)[before])
			if err != nil {
				t.Fatal(err)
			}
			for f, err := range b.Events() {
				if h, _ := event.DecodeHeader(f.Header); err != nil || len(h.Keys) > 0 {
					t.Errorf("the key is introduced once more, %v", err)
				}
			}
			if all := readAll(t, c, client.SubscribeOptions{From: 1}); len(all) != 3 {
				t.Errorf("%d events are verified", len(all))
			}
		})
	}
}

// TestSealsBuildOnThePresent: after a long time without word of a head, a client
// asks for the present one before it seals, so that the server can tell the
// commit from a replayed one.
func TestSealsBuildOnThePresent(t *testing.T) {
	s := start(t, clienttest.Options{Trust: event.Distributed})
	o := signedBy(owner)
	o.KeepAlive = 200 * time.Millisecond
	idle := dialWith(t, s.URL("tcp", chainName), o)
	// Events keep the connection from being silent, and tell of no head.
	sub, err := idle.Subscribe(client.SubscribeOptions{Live: true})
	if err != nil {
		t.Fatal(err)
	}
	busy := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
	for end := time.Now().Add(800 * time.Millisecond); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		commit(t, busy, put("k", "v"))
		if sub.Buffered() {
			if _, err := sub.Next(soon(t)); err != nil {
				t.Fatal(err)
			}
		}
	}
	size := len(s.Records(chainName))
	if head := idle.Head(); head.Size+10 > uint64(size) {
		t.Fatalf("the idle client knows head %d of %d: the test proves nothing", head.Size, size)
	}
	commit(t, idle, put("k", "mine"))
	seals := sealsOf(t, s)
	if last := seals[len(seals)-1]; last.Head.Size != uint64(size) {
		t.Errorf("the seal builds on %d events of %d", last.Head.Size, size)
	}
}

// TestExpiredIsTold: a seal that the server finds too old is the application's
// to know of, and is not sealed anew, since the server could store both.
func TestExpiredIsTold(t *testing.T) {
	s := start(t, clienttest.Options{Trust: event.Distributed})
	c := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
	sent := 0
	s.SetFaults(clienttest.Faults{Commit: func(int) clienttest.Action {
		sent++
		return clienttest.Action{Refuse: fault.New(fault.Expired, "too old")}
	}})
	_, err := c.Commit(soon(t), put("k", "v"))
	wantCode(t, err, fault.Expired)
	if sent != 1 {
		t.Errorf("it was sent %d times", sent)
	}
}

// TestFullWindowBlocksNobodyElse: while one sealed commit waits for room, the
// context of another bounds its wait.
func TestFullWindowBlocksNobodyElse(t *testing.T) {
	s := start(t, clienttest.Options{Trust: event.Distributed, MaxCommits: 1})
	c := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
	hold := make(chan struct{})
	s.SetFaults(clienttest.Faults{Commit: func(int) clienttest.Action { return clienttest.Action{Until: hold} }})
	first := c.Submit(soon(t), one("k", "1"))
	waiting := make(chan *client.Pending)
	go func() { waiting <- c.Submit(context.Background(), one("k", "2")) }()
	time.Sleep(20 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Submit(ctx, one("k", "3")).Wait(soon(t)); err != context.DeadlineExceeded {
		t.Errorf("the third: %v", err)
	}
	close(hold)
	for _, p := range []*client.Pending{first, <-waiting} {
		if _, err := p.Wait(soon(t)); err != nil {
			t.Error(err)
		}
	}
}

// TestProofIsRefused: in centralized trust, a server that does not believe a
// key's proof ends the client with its code.
func TestProofIsRefused(t *testing.T) {
	s := start(t, clienttest.Options{})
	url := s.URL("tcp", chainName)
	commit(t, dialWith(t, url, signedBy(owner)), put("k", "v"))
	s.SetFaults(clienttest.Faults{Send: func(_ int, m stream.Message) {
		if p, ok := m.(*wirepb.Proven); ok {
			p.Code, p.Reason = string(fault.BadProof), "no"
		}
	}})
	c := dialWith(t, url, signedBy(owner))
	select {
	case <-c.Done():
		wantCode(t, c.Err(), fault.BadProof)
	case <-soon(t).Done():
		t.Error("the client goes on")
	}
}
