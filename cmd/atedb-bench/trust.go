package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/wire"
)

const (
	hashedEvents  = 200_000
	handshakes    = 500
	sealedBatch   = 100 // events in a sealed commit
	sealsInFlight = 10  // unanswered commits of that many
	rounds        = 3   // of each side of a comparison, taking turns
)

// measureHashing measures what leaf hashes and roots cost the daemon, for
// commits that come a hundred to a round.
func measureHashing(context.Context, *bench) error {
	data, header := make([]byte, eventSize), []byte("\x0a\x100123456789abcdef")
	tree := merkle.New(&merkle.MemoryBundles{})
	start := time.Now()
	for i := range hashedEvents {
		tree.Append(event.LeafHash(event.ChainID{}, header, data))
		if i%inFlight == 0 {
			tree.Head()
		}
	}
	report("leaf hash and root for each 1 KiB event", "%s", (time.Since(start) / hashedEvents).Round(time.Nanosecond))
	return nil
}

// measureHandshake measures the CPU time of both sides of connecting, with and
// without encryption.
func measureHandshake(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := identity.LoadOrCreate(filepath.Join(dir, "server"))
	if err != nil {
		return err
	}
	clear, err := greet(ctx, self, 0)
	if err != nil {
		return err
	}
	for _, level := range []int{128, 256} {
		encrypted, err := greet(ctx, self, level)
		if err != nil {
			return err
		}
		report("handshake, CPU of both sides", "%s for AES-%d, beside %s for connecting in clear text", (encrypted - clear).Round(time.Microsecond), level, clear.Round(time.Microsecond))
	}
	return nil
}

// greet returns the CPU time that one greeting takes.
func greet(ctx context.Context, self *identity.Private, level int) (time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			preface := make([]byte, len(wire.Preface))
			if _, err := nc.Read(preface); err != nil {
				continue
			}
			c, _, err := wire.Accept(nc, wire.AcceptOptions{Encryption: level, Identity: self})
			if err == nil {
				c.Flush()
				c.Receive()
			}
			nc.Close()
		}
	}()
	u := chainname.URL{Scheme: "tcp", Host: l.Addr().String(), Name: "bench.test/joe/greet"}
	before := cpuTime()
	for range handshakes {
		c, _, err := wire.Dial(ctx, u, wire.DialOptions{MinEncryption: level, Offer: level > 0})
		if err != nil {
			return 0, err
		}
		c.Close()
	}
	return (cpuTime() - before) / handshakes, nil
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// measureEncryption compares clients that prove a key over an encrypted wire
// with such that do neither.
func measureEncryption(ctx context.Context, b *bench) error {
	defer func() { b.signer = nil }()
	key := keys.NewSigningKey()
	clear, encrypted, err := b.compareLoads(ctx, inFlight,
		side{flags: clearText},
		side{flags: []string{"--no-auth", "--wire-encryption", "128"}, signer: key})
	if err == nil {
		report("append with a proof and AES-128", "%.0f events/s, %.2f × clear text", encrypted, encrypted/clear)
	}
	return err
}

// measureSeals compares distributed with centralized trust.
func measureSeals(ctx context.Context, b *bench) error {
	b.perCommit = sealedBatch
	defer func() { b.signer, b.perCommit = nil, 0 }()
	key := keys.NewSigningKey()
	centralized, distributed, err := b.compareLoads(ctx, sealsInFlight,
		side{flags: clearText, signer: key},
		side{flags: []string{"--trust", "distributed"}, signer: key})
	if err == nil {
		report("append in sealed commits of 100", "%.0f events/s, %.2f × centralized trust", distributed, distributed/centralized)
	}
	return err
}

// side is one side of a comparison.
type side struct {
	flags  []string
	signer *keys.SigningKey
	// during, unless nil, goes on while the load is measured, until its context
	// ends, and returns how often it did what it does.
	during func(context.Context) (int, error)
}

// compareLoads returns the median rate of each side. They take turns, so that a
// disturbance meets both.
func (b *bench) compareLoads(ctx context.Context, inFlight int, a, z side) (float64, float64, error) {
	rates := [2][]float64{}
	for range rounds {
		for i, s := range []side{a, z} {
			b.signer = s.signer
			err := b.withServer(ctx, s.flags, func(d *daemon) error {
				_, err := b.load(ctx, d, []string{"warm"}, b.events/10, inFlight)
				stop := s.begin(ctx)
				rate, loadErr := b.load(ctx, d, slices.Repeat([]string{"full"}, connections), b.events/2, inFlight)
				rates[i] = append(rates[i], rate)
				return errors.Join(err, loadErr, stop())
			})
			if err != nil {
				return 0, 0, err
			}
		}
	}
	slices.Sort(rates[0])
	slices.Sort(rates[1])
	return rates[0][rounds/2], rates[1][rounds/2], nil
}

// begin starts what goes on during the load, and returns what ends it.
func (s *side) begin(ctx context.Context) (stop func() error) {
	if s.during == nil {
		return func() error { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		n, err := s.during(ctx)
		if err == nil && n == 0 {
			err = errors.New("the load was over before anything went on beside it")
		}
		ended <- err
	}()
	return func() error {
		cancel()
		return <-ended
	}
}
