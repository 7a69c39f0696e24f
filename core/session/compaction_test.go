package session

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// superseded votes to drop what has a newer version, and tombstones.
type superseded struct{}

func (superseded) Plan(_ context.Context, _ compaction.Chain, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	seen := make(map[string]bool)
	for e, err := range events {
		if err != nil {
			return err
		}
		if seen[string(e.Header.Key)] || e.Header.Tombstone {
			cast(e.Seq, compaction.Drop)
		}
		seen[string(e.Header.Key)] = true
	}
	return nil
}

// compact compacts the chain when so much more time has passed.
func (h *host) compact(later time.Duration) {
	h.t.Helper()
	h.later.Add(int64(later))
	_, err := h.chain.Compact(h.t.Context(), chain.Compaction{
		Strategies: []chain.Strategy{{Name: "superseded", Strategy: superseded{}}}, TombstoneAge: time.Minute, Passed: h.feed.Passed,
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// write commits events by a connection of its own: "key=data", or "key" to end
// the object. It returns the seq of the first.
func (h *host) write(events ...string) uint64 {
	h.t.Helper()
	c := h.connect()
	defer c.Close()
	m := &wirepb.Commit{Id: event.NewKey(), Count: uint32(len(events))}
	for _, e := range events {
		key, data, isValue := strings.Cut(e, "=")
		h := event.Header{Key: []byte(key), Tombstone: !isValue}
		header, err := h.Encode()
		if err != nil {
			panic(err)
		}
		m.Frames = event.AppendFrame(m.Frames, header, []byte(data))
	}
	c.Send(wire.Commit, m)
	var committed wirepb.Committed
	c.expect(wire.Committed, &committed)
	return committed.First
}

// follower is what a subscriber makes of what it is sent.
type follower struct {
	*client
	values map[string]string
	told   []string // what Compacted said
}

// take receives until a message of a type came.
func (c *follower) take(until wire.Type) {
	c.t.Helper()
	for {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		t, payload, err := c.Receive()
		if err != nil {
			c.t.Fatal(err)
		}
		switch t {
		case wire.Events:
			m := new(wirepb.Events)
			if err := m.UnmarshalVT(payload); err != nil {
				c.t.Fatal(err)
			}
			c.apply(m.Records)
		case wire.Compacted:
			m := new(wirepb.Compacted)
			if err := m.UnmarshalVT(payload); err != nil {
				c.t.Fatal(err)
			}
			c.told = append(c.told, say(m))
			if m.Restarted {
				clear(c.values)
			}
		}
		if t == until {
			return
		}
	}
}

func say(m *wirepb.Compacted) string {
	said := fmt.Sprintf("before %d", m.Before)
	if m.TombstonesGone {
		said += ", tombstones gone"
	}
	if m.Restarted {
		said += ", restarted"
	}
	return said
}

func (c *follower) apply(records []byte) {
	for b, err := range event.Records(records) {
		if err != nil {
			c.t.Fatal(err)
		}
		for f, err := range b.Events() {
			if err != nil {
				c.t.Fatal(err)
			}
			h, err := event.DecodeHeader(f.Header)
			switch {
			case err != nil:
				c.t.Fatal(err)
			case event.IsReserved(h.Key):
			case h.Tombstone:
				delete(c.values, string(h.Key))
			default:
				c.values[string(h.Key)] = string(f.Data[:1])
			}
		}
	}
}

// TestCompactionBetweenCredits compacts, twice, in front of a subscriber that has
// read a part: it ends with exactly the live objects. While it is not behind for
// too long, it gets every tombstone; then it is told before it could go wrong, and
// begins again if it wants.
func TestCompactionBetweenCredits(t *testing.T) {
	long := strings.Repeat("x", wire.MaxEvents)
	ended := map[string]string{"kept": "1", "new": "1"}
	for name, test := range map[string]struct {
		restart bool
		stalled time.Duration
		told    string
		want    map[string]string
	}{
		"a little behind":          {false, time.Minute, "[before 9]", ended},
		"too long":                 {false, 2 * time.Hour, "[before 9, tombstones gone]", map[string]string{"kept": "1", "new": "1", "gone": "1"}},
		"too long, begins again":   {true, 2 * time.Hour, "[before 9, tombstones gone, restarted]", ended},
		"a little, would do again": {true, time.Minute, "[before 9]", ended},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.write("gone=1")
			h.write("kept=1" + long)
			for i := range 5 {
				h.write(fmt.Sprintf("often=%d", i))
			}
			h.write("gone", "often")
			h.write("new=1")
			reader := &follower{client: h.connect(), values: make(map[string]string)}
			reader.Send(wire.Subscribe, &wirepb.Subscribe{From: 1, Credit: 1, Restart: test.restart})
			reader.take(wire.Events)
			if reader.values["gone"] != "1" {
				t.Fatalf("the reader has %v", reader.values)
			}
			h.compact(2 * time.Minute)
			h.compact(test.stalled)
			if test.stalled > time.Hour {
				h.compact(0)
			}
			reader.Send(wire.Credit, &wirepb.Credit{Bytes: 1 << 40})
			reader.take(wire.CaughtUp)
			if !maps.Equal(reader.values, test.want) {
				t.Errorf("it ends with %v, want %v", reader.values, test.want)
			}
			if got := fmt.Sprint(reader.told); len(reader.told) != 1 || !strings.HasSuffix(got, strings.TrimPrefix(test.told, "[before 9")) {
				t.Errorf("it was told %s, want %s", got, test.told)
			}
		})
	}
}

// compacted is a host whose chain lost values, and tombstones, in two
// compactions. Before 7 all but "kept", at 2, is gone; "new" is at 8.
func compacted(t *testing.T) *host {
	h := newHost(t)
	h.write("gone=1")          // 1
	h.write("kept=1")          // 2
	h.write("often=1")         // 3
	h.write("often=2")         // 4
	h.write("often", "gone")   // 5, 6
	h.write("new=1")           // 7
	h.write("new=2", "last=1") // 8, 9
	h.compact(2 * time.Minute)
	h.compact(0)
	if c := h.chain.Compactions(); c.Forgotten != 7 || c.Dropped < 8 || c.ForgottenAt != h.chain.Next() {
		t.Fatalf("%+v", c)
	}
	return h
}

// TestWhoIsToldWhatIsGone: exactly those who may miss something are told, before
// anything else, and once.
func TestWhoIsToldWhatIsGone(t *testing.T) {
	h := compacted(t)
	c := h.chain.Compactions()
	dropped := fmt.Sprintf("before %d", c.Dropped)
	before, now := uint64(c.ForgottenAt)-1, uint64(c.ForgottenAt)
	for name, test := range map[string]struct {
		from    uint64
		asOf    uint64
		restart bool
		told    string
	}{
		"from the genesis on":           {0, 0, true, ""},
		"from the first event on":       {1, 0, true, ""},
		"holds the first event":         {2, 0, false, dropped + ", tombstones gone"},
		"that, and begins again":        {2, 0, true, dropped + ", tombstones gone, restarted"},
		"lacks the last tombstone":      {6, 0, false, dropped + ", tombstones gone"},
		"holds all tombstones":          {7, 0, true, dropped},
		"holds what was dropped":        {uint64(c.Dropped), 0, true, ""},
		"is ahead of the chain":         {1000, 0, true, ""},
		"began before the last went":    {2, before, false, dropped + ", tombstones gone"},
		"began when the last were gone": {2, now, true, dropped},
	} {
		t.Run(name, func(t *testing.T) {
			f := &follower{client: h.connect(), values: make(map[string]string)}
			f.Send(wire.Subscribe, &wirepb.Subscribe{From: test.from, AsOf: test.asOf, Restart: test.restart, Credit: 1 << 20})
			if test.told != "" {
				m := new(wirepb.Compacted)
				f.expect(wire.Compacted, m)
				if say(m) != test.told || m.TombstonesGone != (m.AsOf == now) {
					t.Errorf("told %s, as of %d; want %s", say(m), m.AsOf, test.told)
				}
			}
			f.take(wire.CaughtUp)
			if len(f.told) > 0 {
				t.Errorf("told also %s", f.told)
			}
			whole := test.from < 2 || strings.HasSuffix(test.told, "restarted")
			if want := map[string]string{"kept": "1", "new": "2", "last": "1"}; maps.Equal(f.values, want) != (whole || test.from == 2) {
				t.Errorf("it has %v", f.values)
			}
		})
	}
}

// TestToldWithoutCredit: what is gone is said also to who wants no events yet.
func TestToldWithoutCredit(t *testing.T) {
	c := compacted(t).connect()
	c.Send(wire.Subscribe, &wirepb.Subscribe{From: 2})
	c.expect(wire.Compacted, new(wirepb.Compacted))
}

// TestLoadsAcrossCompactions: seqs that are gone are left out, and what is left of
// a commit is found by its seq.
func TestLoadsAcrossCompactions(t *testing.T) {
	h := compacted(t)
	c := h.connect()
	c.Send(wire.Load, &wirepb.Load{Seqs: []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7}, Keys: [][]byte{[]byte("gone"), []byte("new"), []byte("kept")}})
	var m wirepb.Loaded
	c.expect(wire.Loaded, &m)
	var seqs []event.Seq
	for b, err := range event.Records(m.Records) {
		if err != nil || b.Count != 1 {
			t.Fatal(b, err)
		}
		seqs = append(seqs, b.First)
	}
	if fmt.Sprint(seqs) != "[2 8 9 8 8 2]" {
		t.Errorf("loaded %d (%s)", seqs, m.Reason)
	}
}

// overtaken is a chain in which, once, a value is superseded and dropped between
// the question which event is the newest and its reading.
type overtaken struct {
	*chain.Chain
	host *host
	once bool
}

func (o *overtaken) AppendEvents(ctx context.Context, dst []byte, seqs []event.Seq, maxBytes int) ([]byte, error) {
	if !o.once {
		o.once = true
		o.host.write("k=2", "other=1")
		o.host.compact(time.Minute)
	}
	return o.Chain.AppendEvents(ctx, dst, seqs, maxBytes)
}

// TestLoadOvertakenByCompaction: an object that has a value all the time is always
// loaded.
func TestLoadOvertakenByCompaction(t *testing.T) {
	h := newHost(t)
	h.write("k=1")
	h.wrap = func(c Chain) Chain { return &overtaken{Chain: h.chain, host: h} }
	c := h.connect()
	h.wrap = nil
	c.Send(wire.Load, &wirepb.Load{Keys: [][]byte{[]byte("none"), []byte("k")}})
	var m wirepb.Loaded
	c.expect(wire.Loaded, &m)
	b, rest, err := event.CutRecord(m.Records)
	if err != nil || b.First != 2 || len(rest) > 0 {
		t.Errorf("loaded %d, %v, and %d bytes more (%s)", b.First, err, len(rest), m.Reason)
	}
}

// TestVersionsAcrossCompactions: what a commit expects is compared with what lives,
// whatever became of the events that it names.
func TestVersionsAcrossCompactions(t *testing.T) {
	h := compacted(t)
	seq := func(n uint64) *uint64 { return &n }
	for name, test := range map[string]struct {
		expected *wirepb.Expected
		code     fault.Code
	}{
		"a version that is gone":             {&wirepb.Expected{Key: []byte("new"), Seq: seq(7)}, fault.VersionConflict},
		"the newest":                         {&wirepb.Expected{Key: []byte("new"), Seq: seq(8)}, ""},
		"the newest of an old object":        {&wirepb.Expected{Key: []byte("kept"), Seq: seq(2)}, ""},
		"absent, and it lives":               {&wirepb.Expected{Key: []byte("kept")}, fault.VersionConflict},
		"absent, its tombstone is gone":      {&wirepb.Expected{Key: []byte("gone")}, ""},
		"a value of it, its tombstone, too":  {&wirepb.Expected{Key: []byte("gone"), Seq: seq(1)}, fault.VersionConflict},
		"its tombstone, and that is gone":    {&wirepb.Expected{Key: []byte("gone"), Seq: seq(6)}, fault.VersionConflict},
		"an event of another, which is gone": {&wirepb.Expected{Key: []byte("kept"), Seq: seq(4)}, fault.VersionConflict},
	} {
		c := h.connect()
		m := commit(0, "any", []byte("x"))
		m.Id, m.Expected = event.NewKey(), []*wirepb.Expected{test.expected}
		c.Send(wire.Commit, m)
		if test.code == "" {
			c.expect(wire.Committed, new(wirepb.Committed))
			continue
		}
		var refused wirepb.Rejected
		c.expect(wire.Rejected, &refused)
		if refused.Code != string(test.code) {
			t.Errorf("%s: refused with %+v", name, &refused)
		}
	}
}

// TestLocksAcrossCompactions: a lock holds while its object's events are dropped,
// also one of an object that ends and whose tombstone goes.
func TestLocksAcrossCompactions(t *testing.T) {
	h := newHost(t)
	h.write("k=1")
	owner := h.connect()
	owner.Send(wire.Lock, &wirepb.Lock{Key: []byte("k")})
	owner.expect(wire.LockResult, new(wirepb.LockResult))
	h.write("last=1")
	for i := range byte(3) {
		m := commit(i+1, "k", []byte("x"))
		if i == 2 {
			header := event.Header{Key: []byte("k"), Tombstone: true}
			encoded, err := header.Encode()
			if err != nil {
				t.Fatal(err)
			}
			m.Frames = event.AppendFrame(nil, encoded, nil)
		}
		owner.Send(wire.Commit, m)
		owner.expect(wire.Committed, new(wirepb.Committed))
		h.write("last=1")
		h.compact(2 * time.Minute)
		other := h.connect()
		other.Send(wire.Commit, commit(i+10, "k", []byte("stolen")))
		var refused wirepb.Rejected
		other.expect(wire.Rejected, &refused)
		if refused.Code != string(fault.Locked) {
			t.Errorf("another writes: %+v", &refused)
		}
	}
	h.compact(0)
	if c := h.chain.Compactions(); c.Forgotten == 0 {
		t.Errorf("the tombstone is still there: %+v", c)
	}
	owner.Send(wire.Commit, commit(9, "k", []byte("again")))
	owner.expect(wire.Committed, new(wirepb.Committed))
}
