// Package grace waits for what ends by itself, and not for ever.
package grace

import "context"

// Wait calls end, which returns once something has ended, and waits for it until
// ctx is done. It reports whether it has ended; if not, end goes on.
func Wait(ctx context.Context, end func()) bool {
	ended := make(chan struct{})
	go func() {
		end()
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-ctx.Done():
		return false
	}
}
