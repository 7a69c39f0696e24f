package client_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// held has events of one connection wait, and counts the subscriptions that
// began again.
type held struct {
	conn     int
	wait     chan struct{}
	release  sync.Once
	restarts atomic.Int32
}

// hold lets the connection with a number have no more events until free is called.
func hold(t *testing.T, s *clienttest.Server, conn int) *held {
	h := &held{conn: conn, wait: make(chan struct{})}
	s.SetFaults(clienttest.Faults{Send: func(n int, m stream.Message) {
		switch m := m.(type) {
		case *wirepb.Events:
			if n == h.conn {
				<-h.wait
			}
		case *wirepb.Compacted:
			if m.Restarted {
				h.restarts.Add(1)
			}
		}
	}})
	t.Cleanup(h.free)
	return h
}

func (h *held) free() { h.release.Do(func() { close(h.wait) }) }

// TestAuditMissesTombstones: an audit that was behind, or without a connection,
// while the chain was compacted twice takes no honest server for a liar: it begins
// again. What the client delivers ends with what lives.
func TestAuditMissesTombstones(t *testing.T) {
	for name, drop := range map[string]bool{"behind": false, "without a connection": true} {
		t.Run(name, func(t *testing.T) {
			s := startDistributed(t)
			c := dialWith(t, s.URL("tcp", chainName), reader()) // connection 2, its audit has 3
			r := replicate(t, c, client.SubscribeOptions{From: 1, Live: true, Restart: true})
			r.take(7)
			r.want("a:7 b:2 c:4")
			h := hold(t, s, 3)
			writer := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
			commit(t, writer, put("b", "8"))
			commit(t, writer, rm("a"))
			commit(t, writer, put("e", "10"))
			eventually(t, "that the events come", r.sub.Buffered)
			s.Compact(chainName, 1, 2, 3, 5, 7) // 11, 12
			s.Compact(chainName, 6, 9)          // 13, 14
			if drop {
				s.DropConnections()
			}
			h.free()
			eventually(t, "that the audit begins again", func() bool { return h.restarts.Load() > 0 })
			_, err := c.Get(soon(t), []byte("a"))
			wantCode(t, err, fault.NotFound)
			if e, err := c.Get(soon(t), []byte("b")); err != nil || string(e.Data) != "8" {
				t.Errorf("b is %q, %v", e.Data, err)
			}
			r.take(14)
			r.told = nil // that depends on how far it was
			r.want("b:8 c:4 e:10")
			if e, err := c.Get(soon(t), []byte("e")); err != nil || e.Seq != 10 {
				t.Errorf("e is at %d, %v", e.Seq, err)
			}
		})
	}
}

// TestLiesAboutWhatLives: a server that leaves out a value that lives, or puts back
// one that does not, is found out by who comes later: what it said of what lives
// before it dropped anything does not fit. That it keeps that back shows, too, for
// nothing may be missing from when it was said last.
func TestLiesAboutWhatLives(t *testing.T) {
	for lie, test := range map[string]struct {
		key  string
		drop []event.Seq
		says string
	}{
		"a value that lives is left out":          {"a", []event.Seq{1, 3, 7}, "event 9 of the chain says that 3 objects have values"},
		"and asked for is another":                {"b", []event.Seq{1, 3, 7}, "event 9 of the chain says that 3 objects have values"},
		"an old value is put back":                {"a", []event.Seq{1, 7}, "event 9 of the chain says that 3 objects have values"},
		"a value of an object that has ended":     {"d", []event.Seq{6}, "event 9 of the chain says that 3 objects have values"},
		"what it said is kept back":               {"a", []event.Seq{1, 7, 9}, "up to 9 are missing"},
		"all that it said is kept back":           {"a", []event.Seq{1, 7, 8, 9}, "up to 9 are missing"},
		"a value that is newer than what it said": {"a", []event.Seq{10}, "up to 10 are missing"},
		"when it said so as of":                   {"b", []event.Seq{8}, "up to 8 are missing"},
	} {
		t.Run(lie, func(t *testing.T) {
			s := startDistributed(t)
			s.SayWhatLives(chainName) // 8, 9
			writer := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
			commit(t, writer, put("c", "10"))
			s.Drop(chainName, test.drop...)
			c := dialWith(t, s.URL("tcp", chainName), reader())
			_, err := c.Get(soon(t), []byte(test.key))
			wantCode(t, err, fault.Forked)
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %q, which does not say %q", err, test.says)
			}
		})
	}
}

// TestOlderWordOfWhatLives: the newest that the server said of what lives cannot be
// kept back, so that the one before it seems to be the last.
func TestOlderWordOfWhatLives(t *testing.T) {
	s := startDistributed(t)
	s.SayWhatLives(chainName) // 8, 9
	writer := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
	commit(t, writer, put("a", "10"))
	s.SayWhatLives(chainName)           // 11, 12
	s.Drop(chainName, 1, 3, 10, 11, 12) // back to a = 7
	_, err := dialWith(t, s.URL("tcp", chainName), reader()).Get(soon(t), []byte("a"))
	wantCode(t, err, fault.Forked)
}

// TestLiesToWhoKnowsBetter: who has verified that an object has a value is not given
// an older one, nor one after its end, by a server that says that tombstones are
// gone, so that the audit begins again, and says anew what lives as it wants.
func TestLiesToWhoKnowsBetter(t *testing.T) {
	for lie, test := range map[string]struct {
		key  string
		drop []event.Seq
		code fault.Code
	}{
		"an old value is put back":             {"a", []event.Seq{1, 7}, fault.Forked},
		"a value of an object that has ended":  {"d", []event.Seq{6}, fault.Forked},
		"nothing, and tombstones are not gone": {"a", nil, ""},
	} {
		t.Run(lie, func(t *testing.T) {
			s := startDistributed(t)
			c := dialWith(t, s.URL("tcp", chainName), reader()) // connection 2, its audit has 3
			if e, err := c.Get(soon(t), []byte("a")); err != nil || string(e.Data) != "7" {
				t.Fatalf("a is %q, %v", e.Data, err)
			}
			h := hold(t, s, 3)
			writer := dialWith(t, s.URL("tcp", chainName), signedBy(owner))
			commit(t, writer, put("x", "8"))
			commit(t, writer, put("y", "9"), rm("y"))
			s.Drop(chainName, test.drop...)
			s.Compact(chainName, 9)
			s.Compact(chainName, 10) // which is why the audit begins again
			h.free()
			eventually(t, "that the audit begins again", func() bool { return h.restarts.Load() > 0 })
			e, err := c.Get(soon(t), []byte(test.key))
			if test.code == "" && (err != nil || string(e.Data) != "7") || test.code != "" && !fault.Is(err, test.code) {
				t.Errorf("%s is %q, %v", test.key, e.Data, err)
			}
		})
	}
}
