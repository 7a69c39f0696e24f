package main

import (
	"context"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/fault"
)

// session is a command's connection. Its context ends with the command's, and
// when the server has been out of reach for longer than the timeout.
type session struct {
	*client.Client
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu    sync.Mutex  // guards watch
	watch *time.Timer // runs while the connection is lost
}

// dial opens the chain, within the timeout.
func (set *settings) dial(cmd *cobra.Command, url string, create bool) (*session, error) {
	s := &session{}
	s.ctx, s.cancel = context.WithCancelCause(cmd.Context())
	ctx, stop := context.WithTimeout(s.ctx, set.timeout)
	defer stop()
	c, err := client.Dial(ctx, url, client.Options{
		Create:  create,
		Agent:   "ate " + buildVersion(),
		OnState: func(state client.State) { s.onState(state, set.timeout) },
	})
	if err != nil {
		s.stopWatch()
		if cmd.Context().Err() != nil {
			err = context.Cause(cmd.Context())
		}
		return nil, err
	}
	s.Client = c
	return s, nil
}

// Close ends the connection.
func (s *session) Close() error {
	s.stopWatch()
	s.cancel(nil)
	return s.Client.Close()
}

func (s *session) onState(state client.State, patience time.Duration) {
	if state.Connected {
		s.stopWatch()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch == nil {
		s.watch = time.AfterFunc(patience, func() {
			s.cancel(fault.New(fault.CodeOf(state.Err), "the server has been out of reach for %s: %s", patience, fault.From(state.Err).Reason))
		})
	}
}

func (s *session) stopWatch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch != nil {
		s.watch.Stop()
		s.watch = nil
	}
}
