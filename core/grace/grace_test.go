package grace

import (
	"context"
	"testing"
)

// TestWait tells what has ended from what goes on when the time is over.
func TestWait(t *testing.T) {
	if !Wait(t.Context(), func() {}) {
		t.Error("what ends at once has not ended")
	}
	ctx, cancel := context.WithCancel(t.Context())
	begun, goOn, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		<-begun
		cancel()
	}()
	if Wait(ctx, func() {
		close(begun)
		<-goOn
		close(over)
	}) {
		t.Error("what goes on has ended")
	}
	close(goOn)
	<-over
}
