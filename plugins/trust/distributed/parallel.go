package distributed

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// parallel calls f with each number below n, on as many goroutines as there are
// processors, and returns when all have returned. It calls it no more once the
// context is done.
func parallel(ctx context.Context, n int, f func(i int)) {
	var taken atomic.Int64
	work := func() {
		for ctx.Err() == nil {
			i := int(taken.Add(1)) - 1
			if i >= n {
				return
			}
			f(i)
		}
	}
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}
