package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/dns"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/known"
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
	options, err := set.options(cmd.Context(), url)
	if err != nil {
		return nil, err
	}
	options.Create = create
	options.OnState = func(state client.State) { s.onState(state, set.timeout) }
	s.ctx, s.cancel = context.WithCancelCause(cmd.Context())
	ctx, stop := context.WithTimeout(s.ctx, set.timeout)
	defer stop()
	c, err := client.Dial(ctx, url, options)
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

// options returns what a chain's connection is opened with: who the command acts
// as, and what is known of servers and chains.
func (set *settings) options(ctx context.Context, url string) (client.Options, error) {
	o := client.Options{Agent: "ate " + buildVersion(), MinEncryption: set.encryption}
	if !slices.Contains([]int{0, 128, 192, 256}, set.encryption) {
		return o, usage("--wire-encryption is %d; it must be 0, 128, 192 or 256", set.encryption)
	}
	target, err := chainname.ParseURL(url)
	if err != nil {
		return o, err
	}
	who, err := set.actor(ctx, target.Name)
	if err != nil {
		return o, err
	}
	set.me, o.Signer, o.OtherSigners, o.Delegation, o.Readers = who.me, who.signer, who.others, who.delegation, who.readers
	folder, err := known.DefaultFolder()
	if err != nil {
		return o, err
	}
	o.Hosts, o.Heads = folder, folder
	o.OnUnknownServer = set.onUnknownServer()
	if o.DialContext, err = set.dialContext(); err != nil {
		return o, err
	}
	o.TLS, err = set.tls()
	return o, err
}

// onUnknownServer returns what decides about a server that is not known, nil to
// refuse it.
func (set *settings) onUnknownServer() func(string, identity.Fingerprint) bool {
	if !set.trustOnFirstUse {
		return nil
	}
	return func(string, identity.Fingerprint) bool { return true }
}

// dialContext returns what makes connections, nil for what the system does.
func (set *settings) dialContext() (func(ctx context.Context, network, address string) (net.Conn, error), error) {
	if set.dnsServer == "" && !set.dnsSec {
		return nil, nil
	}
	resolver, err := dns.New(dns.Config{Server: set.dnsServer, Secure: set.dnsSec})
	if err != nil {
		return nil, usageError{err}
	}
	return resolver.DialContext, nil
}

// tls returns what wss:// is opened with, nil for the system's default.
func (set *settings) tls() (*tls.Config, error) {
	if set.authorities == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(set.authorities)
	if err != nil {
		return nil, usage("--ca: %s", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, usage("--ca: %s holds no certificate in PEM", set.authorities)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}, nil
}

// commit commits a batch and prints its first event's seq.
func (s *session) commit(w io.Writer, batch client.Batch) error {
	receipt, err := s.Submit(s.ctx, batch).Wait(s.ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, receipt.First)
	return err
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
