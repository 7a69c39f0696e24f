package pluginhost

import "time"

const (
	freeDeaths  = 10          // restarts within deathWindow that come at once
	maxDeaths   = 30          // deaths within deathWindow until the plugin is failed
	deathWindow = time.Minute // over which deaths are counted
	maxFailures = 6           // starts in a row that fail until it is
	maxDoubling = 6           // of the delay between them
)

// budget decides when a plugin is started again. It belongs to the goroutine
// that supervises the plugin.
type budget struct {
	retry    time.Duration
	deaths   []time.Time // of processes that had served, within the window
	failures int         // starts since the last process that served
}

// died counts the death of a process that had served.
func (b *budget) died(now time.Time) {
	b.failures = 0
	b.deaths = append(b.deaths, now)
	for now.Sub(b.deaths[0]) > deathWindow {
		b.deaths = b.deaths[1:]
	}
}

// failed counts a start that failed.
func (b *budget) failed() { b.failures++ }

// spent reports whether the plugin is failed.
func (b *budget) spent() bool { return b.failures >= maxFailures || len(b.deaths) >= maxDeaths }

// delay is how long to wait before the next start.
func (b *budget) delay() time.Duration {
	n := max(b.failures, len(b.deaths)-freeDeaths)
	if n <= 0 {
		return 0
	}
	return b.retry << min(n-1, maxDoubling)
}

// allowOne makes room for one start after the cool-down.
func (b *budget) allowOne() {
	b.deaths = nil
	b.failures = maxFailures - 1
}
