package expiring

import (
	"testing"
	"time"
)

// A value is given out until its time and not after, and the newest always has
// a place, whatever must go for it.
func TestMapForgets(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	m := NewMap[int, string](3)
	m.Put(1, "one", at(0), at(5))
	if v, ok := m.Get(1, at(4)); !ok || v != "one" {
		t.Fatalf("before its time: %q, %v", v, ok)
	}
	if v, ok := m.Get(1, at(5)); ok || v != "" {
		t.Fatalf("at its time: %q, %v", v, ok)
	}
	m.Put(2, "two", at(4), at(4))
	if _, ok := m.Get(2, at(3)); ok {
		t.Fatal("a value that was over already is kept")
	}
	m.Put(3, "three", at(6), at(100))
	m.Put(4, "four", at(6), at(100))
	m.Put(5, "five", at(6), at(100))
	for _, k := range []int{3, 4, 5} {
		if _, ok := m.Get(k, at(7)); !ok {
			t.Errorf("%d made way although one was over", k)
		}
	}
	for k := 6; k < 50; k++ {
		m.Put(k, "more", at(7), at(100))
		if _, ok := m.Get(k, at(8)); !ok {
			t.Fatalf("%d was not kept", k)
		}
		if len(m.entries) > 3 {
			t.Fatalf("%d values are kept; the limit is 3", len(m.entries))
		}
	}
}
