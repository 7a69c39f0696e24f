package https

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// flights are the questions under way. Whoever asks what is being asked already
// shares the answer; how many there are is bounded, in all and to each host.
type flights struct {
	mu    sync.Mutex // guards what follows
	byURL map[string]*flight
	hosts map[string]int
}

// flight is one question. The goroutine that asks it writes the answer and closes
// done; then nothing changes any more.
type flight struct {
	done chan struct{}
	body []byte
	err  error
}

// join returns the flight to a URL. If there is none, it begins one that ends
// within the timeout, whether or not anybody still waits for it; get asks.
func (f *flights) join(to *url.URL, timeout time.Duration, get func(context.Context, *url.URL) ([]byte, error)) (*flight, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := to.String()
	if under, ok := f.byURL[key]; ok {
		return under, nil
	}
	if len(f.byURL) >= maxAsked || f.hosts[to.Host] >= maxAskedHost {
		return nil, fault.New(fault.Unavailable, "too many questions to %s are under way", to.Host)
	}
	if f.byURL == nil {
		f.byURL, f.hosts = make(map[string]*flight), make(map[string]int)
	}
	begun := &flight{done: make(chan struct{})}
	f.byURL[key] = begun
	f.hosts[to.Host]++
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		begun.body, begun.err = get(ctx, to)
		f.end(key, to.Host)
		close(begun.done)
	}()
	return begun, nil
}

func (f *flights) end(key, host string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byURL, key)
	if f.hosts[host]--; f.hosts[host] == 0 {
		delete(f.hosts, host)
	}
}
