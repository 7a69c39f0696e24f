package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Bounds of one commit of append, and of how many are on their way.
const (
	appendEvents  = 500
	appendBytes   = 256 << 10
	appendPending = 64
)

func newAppend(set *settings) *cobra.Command {
	var typeName string
	cmd := &cobra.Command{
		Use:   "append URL",
		Short: "Store each line of standard input as an event under a fresh key",
		Long:  "Append stores each line of standard input as an event under a fresh random key, makes the chain if there is none,\nand says how many it stored. It goes on after a restart of the server that takes no longer than --timeout.",
		Args:  chainArgs(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := set.dial(cmd, args[0], true)
			if err != nil {
				return err
			}
			defer s.Close()
			a := &appender{session: s, typeName: typeName, sent: make(chan sentBatch, appendPending)}
			progress := newProgress(cmd.ErrOrStderr(), "appending")
			n, err := a.run(cmd.InOrStdin(), progress)
			progress.end()
			if err != nil {
				return explain(err, "%d events were acknowledged before this", n)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "appended %d events\n", n)
			return err
		},
	}
	cmd.Flags().StringVar(&typeName, "type", "", "what the lines are, for other programs")
	return cmd
}

// appender turns lines into commits. One goroutine reads and submits; the one
// that calls run counts the answers.
type appender struct {
	session  *session
	typeName string
	sent     chan sentBatch // in order; closed after the last
	err      error          // why the reading ended, if not by the end; set before sent is closed
}

type sentBatch struct {
	pending *client.Pending
	events  int
}

// run appends all lines and returns how many events were acknowledged. After
// an error it leaves the reader behind, which may be waiting for a line.
func (a *appender) run(stdin io.Reader, progress *progress) (acknowledged int, err error) {
	ctx, cancel := context.WithCancel(a.session.ctx)
	defer cancel()
	go func() {
		defer close(a.sent)
		a.err = a.submitLines(ctx, stdin)
	}()
	for {
		select {
		case batch, ok := <-a.sent:
			if !ok {
				return acknowledged, a.err
			}
			if _, err := batch.pending.Wait(a.session.ctx); err != nil {
				return acknowledged, err
			}
			acknowledged += batch.events
			progress.set(acknowledged)
		case <-a.session.ctx.Done():
			return acknowledged, context.Cause(a.session.ctx)
		}
	}
}

// submitLines submits what has come whenever the next line is not there yet.
func (a *appender) submitLines(ctx context.Context, stdin io.Reader) error {
	in := bufio.NewReaderSize(stdin, 64<<10)
	var events []client.Event
	for n, size := 1, 0; ; n++ {
		line, readErr := readLine(in)
		if readErr == nil {
			events = append(events, a.event(line))
			size += len(line)
		}
		if len(events) > 0 && (readErr != nil || in.Buffered() == 0 || len(events) == appendEvents || size >= appendBytes) {
			if err := a.submit(ctx, events); err != nil {
				return err
			}
			events, size = events[:0], 0
		}
		if readErr == io.EOF {
			return nil
		}
		if readErr != nil {
			return explain(readErr, "line %d", n)
		}
	}
}

func (a *appender) event(line []byte) client.Event {
	return client.Event{Header: event.Header{Key: event.NewKey(), Type: a.typeName}, Data: line}
}

func (a *appender) submit(ctx context.Context, events []client.Event) error {
	batch := sentBatch{a.session.Submit(ctx, client.Batch{Events: events}), len(events)}
	select {
	case a.sent <- batch:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// readLine returns the next line without its end, which the last may lack. The
// line is the caller's.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if len(bytes.TrimSuffix(line, []byte("\n"))) > event.MaxData {
			return nil, fault.New(fault.TooLarge, "it is longer than %d bytes", event.MaxData)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(line) > 0, err == nil:
			return bytes.TrimSuffix(line, []byte("\n")), nil
		case err == io.EOF:
			return nil, io.EOF
		}
		return nil, fault.New(fault.Unavailable, "reading standard input: %w", err)
	}
}
