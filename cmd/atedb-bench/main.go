// Command atedb-bench measures a server on this machine: it starts one from the
// binaries beside it, with its storage plugin, in an empty folder, loads it
// over ws://127.0.0.1, and prints each figure with what it is to be compared
// with.
//
// Clients and server share the machine. Every event is durable before it is
// counted. Figures of two runs differ by tens of per cent on a noisy machine;
// ratios within one run are steadier.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "atedb-bench:", err)
		os.Exit(1)
	}
}

func run() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b := &bench{}
	flag.StringVar(&b.bin, "bin", filepath.Dir(self), "folder with atedb and its plugins")
	flag.StringVar(&b.dir, "dir", "", "folder to put data into, on the disk to be measured (default: a new one in the temporary folder)")
	flag.IntVar(&b.events, "events", 500_000, "events to append in the throughput measurement")
	flag.IntVar(&b.chains, "chains", 10_000, "chains in the measurement of many chains; two file descriptors each are needed")
	flag.IntVar(&b.compactEvents, "compact-events", 1_000_000, "events of each chain in the measurement of compaction")
	flag.IntVar(&b.compactData, "compact-data", 100, "bytes of data in each of them")
	flag.StringVar(&b.scheme, "scheme", "ws", "ws or tcp")
	only := flag.String("only", "", "run only the measurements whose names contain this")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; see -help", flag.Arg(0))
	}
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "atedb-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(b.dir)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	fmt.Printf("%d cores, %s/%s, data in %s\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, b.dir)
	for _, m := range measurements {
		if !strings.Contains(m.name, *only) {
			continue
		}
		if err := m.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}
