package pluginhost

import (
	"testing"
	"time"
)

func TestFirstDeathsAreFreeThenDelaysDouble(t *testing.T) {
	b := budget{retry: time.Second}
	now := time.Now()
	for n := 1; n <= freeDeaths; n++ {
		if b.died(now); b.delay() != 0 {
			t.Fatalf("death %d costs %s", n, b.delay())
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 64} {
		if b.died(now); b.delay() != want*time.Second {
			t.Errorf("after %d deaths the delay is %s, want %d s", len(b.deaths), b.delay(), want)
		}
	}
	if b.died(now.Add(deathWindow + time.Second)); b.delay() != 0 {
		t.Errorf("old deaths still cost %s", b.delay())
	}
}

func TestBudgetIsSpent(t *testing.T) {
	for what, strike := range map[string]func(*budget){
		"deaths":   func(b *budget) { b.died(time.Unix(1, 0)) },
		"failures": (*budget).failed,
	} {
		b := budget{retry: time.Second}
		strikes := 0
		for ; !b.spent() && strikes < 100; strikes++ {
			strike(&b)
		}
		if want := map[string]int{"deaths": maxDeaths, "failures": maxFailures}[what]; strikes != want {
			t.Errorf("spent after %d %s, want %d", strikes, what, want)
		}
		if b.allowOne(); b.spent() {
			t.Errorf("%s: the cool-down does not allow another start", what)
		}
		if b.failed(); !b.spent() {
			t.Errorf("%s: a start that failed after the cool-down does not end it", what)
		}
	}
	b := budget{retry: time.Second, failures: maxFailures - 1}
	if b.died(time.Unix(1, 0)); b.failures != 0 || b.delay() != 0 {
		t.Error("a process that served does not clear the failures before it")
	}
}
