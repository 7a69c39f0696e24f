// Command atedb is the daemon: a server of durable, verifiable chains of
// events. `atedb solo` runs it, `atedb reload` has it read its configuration again,
// and `atedb config` shows and checks that. The exit status is 0 after an orderly stop, 1 after a failure and
// 2 after wrong usage.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// sameSignal is how long after the first a signal is taken for the same one:
// some programs signal both their child and its process group.
const sameSignal = time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, stop) }) // a second signal ends the process at once
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
