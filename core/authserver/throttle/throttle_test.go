package throttle

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"unsafe"
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

// set returns a time as it is read after somebody has set the machine's clock: the
// time of day is another one, and that of the monotonic clock goes on.
func set(t *testing.T, now time.Time, by time.Duration) time.Time {
	t.Helper()
	jumped := now
	*(*uint64)(unsafe.Pointer(&jumped)) += uint64(by/time.Second) << 30 // package time: what wall holds
	if jumped.Sub(now) != 0 || !jumped.Round(0).Equal(now.Round(0).Add(by)) {
		t.Fatalf("the time %v, set by %v, is %v: package time has changed", now, by, jumped)
	}
	return jumped
}

// TestClockIsSet: the attack is to have failures forgotten by setting the clock,
// and the accident to be locked out by it.
func TestClockIsSet(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, by := range []time.Duration{year, -year} {
		now := time.Now()
		l, f := New(Rate{Burst: 3, Every: 10 * time.Second}), NewFamiliar(time.Hour)
		f.Add("joe", now)
		for range 3 {
			l.Take("joe", now)
		}
		now = set(t, now, by)
		if wait := l.Take("joe", now); wait != 10*time.Second {
			t.Errorf("after the clock was set by %v, the wait is %v", by, wait)
		}
		if l.Take("joe", now.Add(10*time.Second)) != 0 || l.Take("ann", now) != 0 {
			t.Errorf("after the clock was set by %v, somebody is locked out", by)
		}
		if !f.Knows("joe", now.Add(time.Hour-1)) || f.Knows("joe", now.Add(time.Hour)) {
			t.Errorf("after the clock was set by %v, a network is not remembered for exactly an hour", by)
		}
	}
}

// TestTimeGoesBack proves that where there is no other clock, nobody is locked
// out by one that went back, nor freed.
func TestTimeGoesBack(t *testing.T) {
	l := New(Rate{Burst: 3, Every: 10 * time.Second})
	for range 3 {
		l.Take("joe", start)
	}
	before := start.Add(-24 * time.Hour)
	for range 3 {
		if wait := l.Take("joe", before); wait != 10*time.Second {
			t.Errorf("a day before, the wait is %v", wait)
		}
	}
	if l.Take("joe", before.Add(10*time.Second)) != 0 || l.Take("joe", before.Add(10*time.Second)) == 0 {
		t.Error("after the wait there is not exactly one more failure")
	}
	if l.Take("ann", before.Add(-24*time.Hour)) != 0 {
		t.Error("who never failed has to wait")
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
