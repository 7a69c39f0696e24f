package client_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

func rm(key string) client.Event {
	return client.Event{Header: event.Header{Key: []byte(key), Tombstone: true}}
}

// replica is an application that keeps a copy of what lives.
type replica struct {
	t       testing.TB
	options client.SubscribeOptions
	sub     *client.Subscription
	values  map[string]string
	at      event.Seq // of the last event
	told    []client.Compacted
}

func replicate(t testing.TB, c *client.Client, options client.SubscribeOptions) *replica {
	t.Helper()
	r := &replica{t: t, options: options, values: make(map[string]string)}
	options.OnCompacted = func(what client.Compacted) {
		r.told = append(r.told, what)
		if what.Forgotten && options.Restart {
			clear(r.values)
		}
	}
	var err error
	if r.sub, err = c.Subscribe(options); err != nil {
		t.Fatal(err)
	}
	return r
}

// take takes the events up to the one at a seq, or a later one.
func (r *replica) take(to event.Seq) {
	r.t.Helper()
	for {
		e, err := r.sub.Next(soon(r.t))
		if err != nil {
			r.t.Fatal(err)
		}
		r.at = e.Seq
		switch key := string(e.Header.Key); {
		case event.IsReserved(e.Header.Key):
		case e.Header.Tombstone:
			delete(r.values, key)
		default:
			r.values[key] = strings.TrimRight(string(e.Data), ".")
		}
		if e.Seq >= to {
			return
		}
	}
}

func (r *replica) want(values string, told ...client.Compacted) {
	r.t.Helper()
	if got := fmt.Sprint(r.values); got != "map["+values+"]" {
		r.t.Errorf("the copy is %s, want %s", got, values)
	}
	if !slices.Equal(r.told, told) {
		r.t.Errorf("told was %+v, want %+v", r.told, told)
	}
}

// startCompactable returns a server with a chain and its owner. It holds
//
//	1  a = 1
//	2  b = 2
//	3  c = 3
func startCompactable(t testing.TB, pad string) (*clienttest.Server, *client.Client) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	for i, key := range []string{"a", "b", "c"} {
		commit(t, c, put(key, fmt.Sprint(i+1)+pad))
	}
	return s, c
}

// TestResumeAfterCompactions: an application that was away while the chain was
// compacted twice is told what it missed. If it then begins again it ends with
// exactly the live objects; if not, it is at least told that it may not.
func TestResumeAfterCompactions(t *testing.T) {
	s, writer := startCompactable(t, "")
	commit(t, writer, rm("a"))       // 4
	commit(t, writer, put("b", "5")) // 5
	s.Compact(chainName, 1, 2)       // 6, 7
	away := replicate(t, dial(t, s.URL("tcp", chainName)), client.SubscribeOptions{From: 3})
	away.values = map[string]string{"a": "1", "b": "2"} // from before it went
	away.take(7)
	away.want("b:5 c:3")
	s.Compact(chainName, 4, 6, 7) // 8, 9
	gone := client.Compacted{From: 3, Before: 8, Forgotten: true}
	for _, test := range []struct {
		options client.SubscribeOptions
		want    string
		told    []client.Compacted
	}{
		{client.SubscribeOptions{From: 3}, "a:1 b:5 c:3", []client.Compacted{gone}},
		{client.SubscribeOptions{From: 3, Restart: true}, "b:5 c:3", []client.Compacted{gone}},
		{client.SubscribeOptions{From: 5, Restart: true}, "a:1 b:5", []client.Compacted{{From: 5, Before: 8}}},
		{client.SubscribeOptions{From: 8, Restart: true}, "a:1 b:2", nil},
		{client.SubscribeOptions{From: 1, Restart: true}, "a:1 b:5 c:3", nil}, // it has forgotten nothing by itself
	} {
		r := replicate(t, dial(t, s.URL("tcp", chainName)), test.options)
		r.values = map[string]string{"a": "1", "b": "2"}
		r.take(9)
		r.want(test.want, test.told...)
	}
}

// TestReconnectAfterCompactions: a subscription that lost its connection for a
// while says to the application what it missed; but not that tombstones are gone
// which went before it began, for it would never come to an end over a connection
// that does not last.
func TestReconnectAfterCompactions(t *testing.T) {
	for _, restart := range []bool{false, true} {
		s, writer := startCompactable(t, strings.Repeat(".", wire.MaxEvents)) // one comes at a time
		commit(t, writer, put("x", "4"))
		commit(t, writer, rm("x"))
		s.Compact(chainName, 4)    // 6, 7
		s.Compact(chainName, 5, 6) // 8, 9
		options := impatient
		options.Window = 1
		r := replicate(t, dialWith(t, s.URL("tcp", chainName), options), client.SubscribeOptions{From: 1, Live: true, Restart: restart})
		r.take(1)
		s.DropConnections()
		r.take(2)
		if len(r.told) != 1 || r.told[0].Forgotten || r.told[0].Before != 7 {
			t.Errorf("told was %+v", r.told)
		}
		r.told = nil
		commit(t, writer, rm("a"), rm("b"), put("c", "12"))
		s.Compact(chainName, 1, 2, 3)    // 13, 14
		s.Compact(chainName, 10, 11, 13) // 15, 16
		s.DropConnections()
		r.take(16)
		lost := client.Compacted{From: 3, Before: 14, Forgotten: true}
		if restart {
			r.want("c:12", lost)
		} else {
			r.want("a:1 b:2 c:12", lost)
		}
	}
}

// TestRestartsThatWereNotWanted: a server that begins again by itself, or does not
// when it was asked to, ends the subscription.
func TestRestartsThatWereNotWanted(t *testing.T) {
	for name, test := range map[string]struct {
		restart bool
		lie     func(*wirepb.Compacted)
	}{
		"begins again, not asked":            {false, func(m *wirepb.Compacted) { m.Restarted = true }},
		"does not begin again":               {true, func(m *wirepb.Compacted) { m.Restarted = false }},
		"begins again where nothing is gone": {true, func(m *wirepb.Compacted) { m.TombstonesGone = false }},
	} {
		s, writer := startCompactable(t, "")
		commit(t, writer, rm("a"))
		s.Compact(chainName, 1)
		s.Compact(chainName, 4)
		s.SetFaults(clienttest.Faults{Send: func(_ int, m stream.Message) {
			if m, ok := m.(*wirepb.Compacted); ok {
				test.lie(m)
			}
		}})
		sub, err := dial(t, s.URL("tcp", chainName)).Subscribe(client.SubscribeOptions{From: 3, Restart: test.restart})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sub.Next(soon(t)); !fault.Is(err, fault.BadMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCompactionsUnderAReader compacts a chain again and again, at random and while
// connections break, under an application that keeps a copy: it ends with exactly
// what lives. In distributed trust all that it is given is verified, too, and an
// honest server is never accused.
func TestCompactionsUnderAReader(t *testing.T) {
	for trust, rounds := range map[event.Trust]int{event.Centralized: 1500, event.Distributed: 400} {
		t.Run(trust.String(), func(t *testing.T) {
			t.Parallel()
			w := &churn{t: t, s: start(t, clienttest.Options{Trust: trust}), live: make(map[string]string)}
			w.writer = dialWith(t, w.s.URL("tcp", chainName), signedBy(owner))
			w.write()
			options := reader()
			options.Window = 2000
			c := dialWith(t, w.s.URL("tcp", chainName), options)
			r := replicate(t, c, client.SubscribeOptions{From: 1, Live: true, Restart: true})
			r.take(1)
			for range rounds {
				switch rand.IntN(9) {
				case 0:
					w.compact()
				case 1:
					w.compact()
					w.s.DropConnections()
				case 2:
					for range rand.IntN(10) {
						if r.at < w.last() {
							r.take(0) // one event, whichever
						}
					}
				case 3:
					key := w.key()
					e, err := c.Get(soon(t), []byte(key))
					if want, lives := w.live[key]; lives != (err == nil) || string(e.Data) != want || err != nil && !fault.Is(err, fault.NotFound) {
						t.Fatalf("%s is %q, %v; want %q (%t)", key, e.Data, err, want, lives)
					}
				default:
					w.write()
				}
			}
			r.take(commit(t, w.writer, put("last", "")).First)
			w.live["last"] = ""
			if !maps.Equal(r.values, w.live) {
				t.Errorf("the copy is\n%v, these live:\n%v", r.values, w.live)
			}
			forgotten := 0
			for _, told := range r.told {
				if told.Forgotten {
					forgotten++
				}
			}
			t.Logf("told %d times, %d of them that tombstones are gone", len(r.told), forgotten)
			if forgotten == 0 {
				t.Error("the test sees too little")
			}
		})
	}
}
