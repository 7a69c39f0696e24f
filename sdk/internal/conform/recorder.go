package conform

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// recorder is a TB whose failures are kept instead of reported.
type recorder struct {
	testing.TB

	mu         sync.Mutex // guards complaints
	complaints []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.complaints = append(r.complaints, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Failed() bool { return len(r.list()) > 0 }

func (r *recorder) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.complaints
}
