package client_test

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire"
)

func TestLiveSubscriptionCatchesUp(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("ws", chainName))
	commit(t, c, put("a", "1"))
	sub, err := c.Subscribe(client.SubscribeOptions{From: 1, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := sub.Next(soon(t)); err != nil || e.Seq != 1 {
		t.Fatal(e, err)
	}
	next := make(chan client.StoredEvent, 1)
	go func() {
		e, err := sub.Next(soon(t))
		if err != nil {
			t.Error(err)
		}
		next <- e
	}()
	<-sub.CaughtUp()
	commit(t, c, put("b", "2"))
	if e := <-next; string(e.Data) != "2" {
		t.Errorf("the live event is %+v", e)
	}
}

func TestCompactedEventsAreMissing(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	for i := range 5 {
		commit(t, c, put(fmt.Sprint(i), "x"))
	}
	s.Drop(chainName, 2)
	s.Drop(chainName, 5)
	if all := readAll(t, c, client.SubscribeOptions{From: 1}); fmt.Sprint(all) != "[1 0 x 3 2 x 4 3 x]" {
		t.Errorf("read %q", all)
	}
}

func TestOneSubscriptionAtATime(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	commit(t, c, put("a", "1"))
	first, err := c.Subscribe(client.SubscribeOptions{Live: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Subscribe(client.SubscribeOptions{})
	wantCode(t, err, fault.BadRequest)
	first.Close()
	if _, err := first.Next(soon(t)); err != client.ErrClosed {
		t.Errorf("the closed subscription: %v, want ErrClosed", err)
	}
	for range 3 {
		if all := readAll(t, c, client.SubscribeOptions{From: 1}); fmt.Sprint(all) != "[1 a 1]" {
			t.Errorf("read %q", all)
		}
	}
}

// TestNextSubscriptionGetsNothingOfTheLast subscribes anew while the events of
// the last subscription still come.
func TestNextSubscriptionGetsNothingOfTheLast(t *testing.T) {
	const events = 3000
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	fill(t, c, events, 1)
	for range 20 {
		sub, err := c.Subscribe(client.SubscribeOptions{From: 1})
		if err != nil {
			t.Fatal(err)
		}
		for seq := event.Seq(1); seq <= 5; seq++ {
			if e, err := sub.Next(soon(t)); err != nil || e.Seq != seq {
				t.Fatalf("seq %d came when %d was due, %v", e.Seq, seq, err)
			}
		}
		sub.Close()
	}
}

// TestSlowSubscriber checks that a subscription that nobody reads holds back
// the server and not the commits of the same connection.
func TestSlowSubscriber(t *testing.T) {
	const events, window = 4000, 1 << 20
	s := start(t, clienttest.Options{})
	var sent atomic.Int64
	s.SetFaults(clienttest.Faults{Events: func(b []byte) []byte { sent.Add(int64(len(b))); return b }})
	options := impatient
	options.Window = window
	c := dialWith(t, s.URL("tcp", chainName), options)
	fill(t, c, events, 10)
	sub, err := c.Subscribe(client.SubscribeOptions{From: 1})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a full window", func() bool { return sent.Load() >= window })
	for range 20 {
		commit(t, c, put("b", "x"))
	}
	if n := sent.Load(); n > window+wire.MaxEvents {
		t.Errorf("the server sent %d bytes to a window of %d", n, window)
	}
	n := 0
	for {
		_, err := sub.Next(soon(t))
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != events+20 {
		t.Errorf("%d events came, want %d", n, events+20)
	}
}

func TestBadRecordsEndTheSubscriptionOnly(t *testing.T) {
	var first []byte
	for name, test := range map[string]struct {
		change func([]byte) []byte
		code   fault.Code
	}{
		"flipped bit": {func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, fault.Damaged},
		"cut short":   {func(b []byte) []byte { return b[:len(b)-1] }, fault.Damaged},
		"out of order": {func(b []byte) []byte {
			if first == nil {
				first = bytes.Clone(b)
				return b
			}
			return first
		}, fault.BadMessage},
		"trailing bytes": {func(b []byte) []byte {
			batch, _, _ := event.CutRecord(b)
			batch.Frames = append(bytes.Clone(batch.Frames), 0)
			return batch.AppendRecord(nil)
		}, fault.BadMessage},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, clienttest.Options{})
			c := dial(t, s.URL("tcp", chainName))
			s.SetFaults(clienttest.Faults{Events: test.change})
			sub, err := c.Subscribe(client.SubscribeOptions{From: 1, Live: true})
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				commit(t, c, put("a", "x"))
				_, err = sub.Next(soon(t))
			}
			wantCode(t, err, test.code)
			if _, again := sub.Next(soon(t)); again != err {
				t.Errorf("afterwards: %v, want the same error", again)
			}
			commit(t, c, put("a", "x"))
		})
	}
}

func TestLoad(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("ws", chainName))
	var seqs []event.Seq
	var keys [][]byte
	const objects = 2*wire.MaxLoad + 10
	var batch []client.Event
	for i := range objects {
		keys = append(keys, fmt.Appendf(nil, "k%d", i))
		seqs = append(seqs, event.Seq(i+1))
		batch = append(batch, put(string(keys[i]), fmt.Sprint(i)))
	}
	commit(t, c, batch...)
	commit(t, c, put("k5", "new"), client.Event{Header: event.Header{Key: []byte("k6"), Tombstone: true}})
	bySeq, err := c.LoadSeqs(soon(t), append(seqs, 1<<40)...)
	if err != nil || len(bySeq) != objects || string(bySeq[5].Data) != "5" {
		t.Fatalf("by seq: %d events, %v", len(bySeq), err)
	}
	byKey, err := c.LoadKeys(soon(t), append(keys, []byte("none"))...)
	if err != nil || len(byKey) != objects-1 || string(byKey[5].Data) != "new" || string(byKey[6].Data) != "7" {
		t.Fatalf("by key: %d events, %v", len(byKey), err)
	}
	_, err = c.Get(soon(t), []byte("k6"))
	wantCode(t, err, fault.NotFound)
}

func TestLoadSplitsWhatIsTooLarge(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	var seqs []event.Seq
	for i := range 5 {
		seqs = append(seqs, commit(t, c, put(fmt.Sprint(i), string(make([]byte, 6<<20)))).First)
	}
	got, err := c.LoadSeqs(soon(t), seqs...)
	if err != nil || len(got) != 5 || got[4].Seq != seqs[4] {
		t.Fatalf("%d events, %v", len(got), err)
	}
}
