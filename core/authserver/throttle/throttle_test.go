package throttle

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// TestRate proves that failures are allowed in a burst and then one by one, that
// the wait that is told is the wait there is, and that keys do not share it.
func TestRate(t *testing.T) {
	l := New(Rate{Burst: 3, Every: 10 * time.Second})
	now := start
	for i := range 3 {
		if wait := l.Take("joe", now); wait != 0 {
			t.Fatalf("failure %d has to wait %s", i, wait)
		}
	}
	wait := l.Take("joe", now)
	if wait != 10*time.Second {
		t.Errorf("the wait after the burst is %s", wait)
	}
	if wait := l.Take("joe", now.Add(wait-time.Nanosecond)); wait != time.Nanosecond {
		t.Errorf("just before the end of the wait, it is %s", wait)
	}
	if l.Take("joe", now.Add(wait)) != 0 || l.Take("joe", now.Add(wait)) == 0 {
		t.Error("after the wait there is not exactly one more failure")
	}
	if l.Take("eve", now) != 0 {
		t.Error("another key has to wait")
	}
	now = now.Add(time.Hour)
	for range 3 {
		if l.Take("joe", now) != 0 {
			t.Error("after an hour the burst is not there again")
		}
	}
	if l.Take("joe", now) == 0 {
		t.Error("after an hour the burst is larger")
	}
}

// TestReturn proves that what succeeds costs nothing, however often.
func TestReturn(t *testing.T) {
	l := New(Rate{Burst: 2, Every: time.Hour})
	for range 100 {
		if l.Take("joe", start) != 0 {
			t.Fatal("successes count as failures")
		}
		l.Return("joe")
	}
}

// TestMemoryIsBounded: the attack is to fill the memory with keys, and to have
// strangers refused by it.
func TestMemoryIsBounded(t *testing.T) {
	l := New(Rate{Burst: 1, Every: time.Hour})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 10_000 {
		l.Take(fmt.Sprint("attacker ", i), start)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("10,000 keys take %d bytes", grown)
	}
	refused := 0
	for i := range 10_000 {
		if l.Take(fmt.Sprint("stranger ", i), start) != 0 {
			refused++
		}
	}
	if refused > 100 { // about (1 - e^(-15,000/65,536))^4 of them, 0.2 %
		t.Errorf("%d of 10,000 strangers are refused along with 10,000 attackers", refused)
	}
	for i := range 10_000 {
		if l.Take(fmt.Sprint("attacker ", i), start) == 0 {
			t.Fatal("an attacker is forgotten")
		}
	}
}

// TestNetworks proves what counts as one owner's.
func TestNetworks(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::2:3:4:5", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
	} {
		if got := NetworkOf(netip.MustParseAddr(c.a)) == NetworkOf(netip.MustParseAddr(c.b)); got != c.same {
			t.Errorf("%s and %s are one owner's: %t", c.a, c.b, got)
		}
	}
}

// TestFamiliarIsForgotten proves how long a network is remembered.
func TestFamiliarIsForgotten(t *testing.T) {
	f := NewFamiliar(time.Hour)
	if f.Knows("joe", start) {
		t.Error("an empty memory knows somebody")
	}
	f.Add("joe", start)
	if !f.Knows("joe", start.Add(time.Hour-1)) || f.Knows("joe", start.Add(time.Hour)) || f.Knows("eve", start) {
		t.Error("a key is not remembered for exactly an hour, and it alone")
	}
}

// TestFailedAttemptCountsOnce proves that an attempt that a limit stops costs
// nothing in the other limits.
func TestFailedAttemptCountsOnce(t *testing.T) {
	l := NewLogins()
	from := netip.MustParseAddr("192.0.2.1")
	for range perPair.Burst {
		a, wait := l.Begin("joe@example.com", from, true, start)
		if wait != 0 {
			t.Fatal("the burst is smaller than it is said to be")
		}
		a.End()
	}
	for range 1000 {
		if _, wait := l.Begin("joe@example.com", from, true, start); wait == 0 {
			t.Fatal("an attempt too many is let through")
		}
	}
	others := 0
	for i := range 100 {
		if a, wait := l.Begin(fmt.Sprintf("user%d@example.com", i), from, true, start); wait == 0 {
			others++
			a.End()
		}
	}
	if want := perNetwork.Burst - perPair.Burst; others != want {
		t.Errorf("after the refusals, %d others from the network are let through; want %d", others, want)
	}
}

func BenchmarkBegin(b *testing.B) {
	l := NewLogins()
	from := netip.MustParseAddr("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		a, wait := l.Begin("joe@example.com", from, true, start)
		if wait != 0 {
			b.Fatal(wait)
		}
		a.Succeed(start)
	}
}
