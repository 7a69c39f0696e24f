// Ate is the command line of an AteDB client.
//
// A command about a chain takes its URL first. The exit status is 0 when it is
// done, 1 when it was refused or failed, 2 when it was used wrongly, and 3 when
// the chain or the object does not exist. An error is one sentence on standard
// error, followed by its code in brackets.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/atedb/atedb/sdk/fault"
)

// Exit statuses.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotFound = 3
)

func main() {
	// A reader of our output that has gone is an error of the write, so that
	// the command ends in order.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs a command line and returns its exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return exitDone
	}
	fmt.Fprintln(stderr, "ate: "+sentence(err))
	var usage usageError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case fault.Is(err, fault.NotFound):
		return exitNotFound
	}
	return exitFailed
}

// usageError is an error of whoever typed the command.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// sentence returns an error as one line.
func sentence(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// explain puts what an error stopped before its sentence, and keeps its code.
func explain(err error, format string, args ...any) error {
	before := fmt.Sprintf(format, args...)
	var f *fault.Error
	if errors.As(err, &f) {
		return fault.New(f.Code, "%s: %s", before, f.Reason)
	}
	return fmt.Errorf("%s: %w", before, err)
}
