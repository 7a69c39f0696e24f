// Package dnstest is a DNS of one's own for tests: signed zones, from the root
// down, that are answered as a recursive resolver would, in the test's process
// or over UDP and TCP.
//
//	tree := dnstest.NewTree(t)
//	tree.Zone("test.")
//	tree.Zone("x.test.", `x.test. 300 IN TXT "hello"`)
//	resolver, err := dns.New(dns.Config{Server: tree.Serve(t), Secure: true, Anchors: tree.AnchorsFile(t)})
//
// Every answer is made and signed when it is asked for, so a test may change a
// zone, within [Tree.Change], or what is sent, with [Tree.Meddle], at any time.
package dnstest

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// Tree is zones from the root down. Several goroutines may ask it at once.
type Tree struct {
	t testing.TB

	mu      sync.Mutex
	zones   map[string]*Zone
	meddle  Meddler
	queries int
}

// Meddler sees what is about to be sent over a network, "udp" or "tcp", and
// returns what is sent instead; nil sends nothing. It calls no method of the tree.
type Meddler func(network string, query, answer *dns.Msg) *dns.Msg

// NewTree returns a tree that has the root alone.
func NewTree(t testing.TB) *Tree {
	tree := &Tree{t: t, zones: make(map[string]*Zone)}
	tree.Zone(".")
	return tree
}

// Zone returns the zone of a name. The first time, it is made, with keys of
// ECDSA P-256, and delegated by the nearest zone above it that the tree has.
// The records, in the form of a zone file, replace those that it had.
func (tree *Tree) Zone(name string, records ...string) *Zone {
	tree.t.Helper()
	tree.mu.Lock()
	defer tree.mu.Unlock()
	name = dns.CanonicalName(name)
	z := tree.zones[name]
	if z == nil {
		z = &Zone{
			Name:  name,
			Entry: NewKey(tree.t, name, EntryKey, dns.ECDSAP256SHA256, 256),
			Own:   NewKey(tree.t, name, RecordKey, dns.ECDSAP256SHA256, 256),
		}
		tree.zones[name] = z
	}
	z.Records = nil
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil || rr == nil {
			tree.t.Fatalf("dnstest: the record %q: %v", text, err)
		}
		z.Records = append(z.Records, rr)
	}
	return z
}

// Change runs f while no query is answered. Zones in use are changed in it. It
// calls no method of the tree.
func (tree *Tree) Change(f func()) {
	tree.mu.Lock()
	defer tree.mu.Unlock()
	f()
}

// Meddle has f see all that is sent from now on; nil ends it. No two calls of f
// run at once, and f may change the answer.
func (tree *Tree) Meddle(f Meddler) { tree.Change(func() { tree.meddle = f }) }

// Queries returns how many queries came so far.
func (tree *Tree) Queries() int {
	tree.mu.Lock()
	defer tree.mu.Unlock()
	return tree.queries
}

// Anchors returns the root's DS records as the text of a file of trust anchors.
func (tree *Tree) Anchors() string {
	tree.mu.Lock()
	defer tree.mu.Unlock()
	var text strings.Builder
	for _, rr := range tree.zones["."].delegation() {
		text.WriteString(rr.String() + "\n")
	}
	return text.String()
}

// AnchorsFile returns the absolute path of a file with Anchors in it.
func (tree *Tree) AnchorsFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.ds")
	if err := os.WriteFile(path, []byte(tree.Anchors()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
