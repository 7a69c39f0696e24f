package client_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
)

const chainName = "example.com/joe/mydb"

var schemes = []string{"tcp", "ws"}

// BenchmarkSubmit measures pipelined commits of one 1 KiB event over 16
// connections with 100 in flight on each. The server, which discards them, runs
// in the same process: the figure is for both together.
func BenchmarkSubmit(b *testing.B) {
	for _, scheme := range schemes {
		b.Run(scheme, func(b *testing.B) {
			const connections = 16
			s := start(b, clienttest.Options{Discard: true})
			var clients []*client.Client
			for range connections {
				clients = append(clients, dial(b, s.URL(scheme, chainName)))
			}
			b.SetBytes(1024)
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for i, c := range clients {
				wg.Go(func() { submitMany(b, c, (b.N+i)/connections) })
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}

func submitMany(b *testing.B, c *client.Client, n int) {
	ctx := context.Background()
	batch := client.Batch{Events: []client.Event{{Header: event.Header{Key: []byte("0123456789abcdef")}, Data: make([]byte, 1024)}}}
	var flight [100]*client.Pending
	for i := range n + len(flight) {
		p := &flight[i%len(flight)]
		if *p != nil {
			if _, err := (*p).Wait(ctx); err != nil {
				b.Error(err)
				return
			}
		}
		if *p = nil; i < n {
			*p = c.Submit(ctx, batch)
		}
	}
}

// BenchmarkCommit measures a lone client that waits for each answer.
func BenchmarkCommit(b *testing.B) {
	for _, scheme := range schemes {
		b.Run(scheme, func(b *testing.B) {
			s := start(b, clienttest.Options{Discard: true})
			c := dial(b, s.URL(scheme, chainName))
			e := client.Event{Header: event.Header{Key: []byte("0123456789abcdef")}, Data: make([]byte, 1024)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Commit(b.Context(), e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReplay measures a subscription to 100,000 events of 1 KiB in
// batches of ten, with the server in the same process.
func BenchmarkReplay(b *testing.B) {
	const events = 100_000
	for _, scheme := range schemes {
		b.Run(scheme, func(b *testing.B) {
			s := start(b, clienttest.Options{})
			url := s.URL(scheme, chainName)
			fill(b, dial(b, url), events, 10)
			b.SetBytes(events * 1024)
			b.ReportAllocs()
			for b.Loop() {
				c := dial(b, url)
				sub, err := c.Subscribe(client.SubscribeOptions{From: 1})
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for {
					_, err := sub.Next(b.Context())
					if err == io.EOF {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != events {
					b.Fatalf("%d events came, want %d", n, events)
				}
				c.Close()
			}
			b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// fill commits n events of 1 KiB in batches.
func fill(t testing.TB, c *client.Client, n, perBatch int) {
	t.Helper()
	var batch client.Batch
	for range perBatch {
		batch.Events = append(batch.Events, client.Event{Header: event.Header{Key: []byte("0123456789abcdef")}, Data: make([]byte, 1024)})
	}
	var last *client.Pending
	for range n / perBatch {
		last = c.Submit(t.Context(), batch)
	}
	if _, err := last.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkAudit measures reading a chain of distributed trust from its start,
// 100,000 events of 100 bytes in commits of 100: what comes is verified on one
// connection and compared with what comes on another. Without, it is what the
// same takes in centralized trust. The server runs in the same process.
func BenchmarkAudit(b *testing.B) {
	for _, trust := range []event.Trust{event.Centralized, event.Distributed} {
		b.Run(trust.String(), func(b *testing.B) {
			const commits, size = 1000, 100
			s := start(b, clienttest.Options{Trust: trust})
			url := s.URL("tcp", chainName)
			writer := dialWith(b, url, signedBy(owner))
			for n := range commits {
				var batch client.Batch
				for i := range size {
					batch.Events = append(batch.Events, put(fmt.Sprint("object ", (n*size+i)%5000), string(make([]byte, 100))))
				}
				writer.Submit(b.Context(), batch)
			}
			commit(b, writer, put("last", ""))
			for b.Loop() {
				c := dialWith(b, url, reader())
				sub, err := c.Subscribe(client.SubscribeOptions{From: 1})
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for ; err == nil; n++ {
					_, err = sub.Next(b.Context())
				}
				if err != io.EOF || n != commits*size+2 {
					b.Fatalf("%d events came, %v", n, err)
				}
				c.Close()
			}
			b.ReportMetric(float64(commits*size)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
