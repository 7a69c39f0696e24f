// Package control is how an operator's commands talk to a running server: HTTP/1.1
// with JSON over a unix socket that only the server's user may connect to.
//
// # The socket
//
// [SocketPath] says where it is: in the folder of the server's own, or, if that
// path is too long for a socket, in the runtime folder. The folder has mode 0700
// and the socket 0600. Beside it a lock file, its name with ".lock", is locked
// while the server lives, so the socket of a server that died is told from that
// of a living one and replaced.
//
// # Requests
//
// Each is a POST whose body is one JSON object of at most 4 KiB. Unknown keys,
// and bytes after the object, are refused.
//
//	path         body                      answer
//	/v1/list     prefix, after, limit      a [Page]: chains whose names come after one
//	/v1/inspect  name                      a [Chain]
//	/v1/compact  name                      lines, see below
//	/v1/reload                             a [Reloaded]
//	/v1/read     name, from, max_bytes     records, as package event describes them
//	/v1/leaves   name, from, count         leaf hashes, 32 bytes each
//
// An answer has status 200 and is JSON, except for the last two, which are bytes.
// Another status comes with a [Problem], {"code": …, "reason": …}, whose code is
// one of package fault's. A compaction may take long, so it is answered with
// lines, each a JSON object: {"progress": …} now and then, {"result": …} or
// {"error": …} at the end. If it does not begin, the answer is a problem.
//
// The paths begin with the protocol's version. Within one, answers may get more
// keys, which clients pass over.
package control

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
)

// Daemon is a running server, as an operator sees it.
type Daemon interface {
	Chains
	// Reload has the server read its configuration again. After an error
	// everything is as before.
	Reload(ctx context.Context) (Reloaded, error)
}

// Reloaded is what came of reading the configuration again. Settings are keys, such
// as auth.static.owners, and plugins a kind and a name, such as auth-static.
type Reloaded struct {
	Changed []string `json:"changed"` // settings that hold now
	Started []string `json:"started"` // plugins
	Stopped []string `json:"stopped"` // plugins
	Restart []string `json:"restart"` // settings that hold from the next start on, and plugins whose program does
}

// Chains is the chains of a server, as an operator sees them. Its methods may be
// called by several goroutines; a chain that is not there is a not_found fault.
type Chains interface {
	// List returns chains whose names begin with a prefix and come after a name,
	// in order: at most limit, maybe fewer although there are more.
	List(ctx context.Context, prefix string, after chainname.Name, limit int) (Page, error)
	// Inspect opens the chain if need be.
	Inspect(ctx context.Context, name chainname.Name) (Chain, error)
	// Compact compacts the chain now, and tells meanwhile how far it is. If the
	// chain is being compacted already that is an overloaded fault.
	Compact(ctx context.Context, name chainname.Name, progress func(Progress)) (Compacted, error)
	// Read returns records as storage.Chain's Read does, with their data.
	Read(ctx context.Context, name chainname.Name, from event.Seq, maxBytes int) ([]byte, error)
	// Leaves returns leaf hashes of events, also of those that were dropped.
	Leaves(ctx context.Context, name chainname.Name, from event.Seq, count int) ([]event.Hash, error)
}

// Page is a part of a list of chains.
type Page struct {
	Chains []Listed       `json:"chains"`
	More   chainname.Name `json:"more,omitempty"` // the list goes on after this name; "" at its end
}

// Listed is what a list says of a chain. Of one that is not open it is the name.
type Listed struct {
	Name      chainname.Name `json:"name"`
	Open      bool           `json:"open"`
	Users     int            `json:"users"`  // connections and the like that have it open
	Events    uint64         `json:"events"` // the seq of the next one: dropped ones count
	Bytes     uint64         `json:"bytes"`  // of records
	Compacted time.Time      `json:"compacted,omitzero"`
}

// Chain is what is known of a chain.
type Chain struct {
	Listed
	ID       string   `json:"id"`        // hexadecimal
	Trust    string   `json:"trust"`     // mode
	RootKeys []string `json:"root_keys"` // ids of the genesis's; none if anyone may write roots
	Head     string   `json:"head"`      // as merkle.Head's String
	Stored   uint64   `json:"stored"`    // events that are not dropped
	Objects  int      `json:"objects"`   // that have a value

	Compacting  bool      `json:"compacting"`  // now
	Compactions uint64    `json:"compactions"` // that began since the chain was opened
	Kept        uint64    `json:"kept"`        // bytes that the last compaction left for good, about
	Dropped     uint64    `json:"dropped"`     // the seq after the last event that was dropped; 0 if none was
	Triggers    []Trigger `json:"triggers"`
}

// Trigger is when a strategy wants a chain compacted. What is zero does not.
type Trigger struct {
	Strategy string  `json:"strategy"`
	Modified bool    `json:"modified"`
	Factor   float64 `json:"factor"`  // growth, as a share of what the last compaction left
	Size     uint64  `json:"size"`    // growth in bytes
	Seconds  float64 `json:"seconds"` // since the last compaction
}

// Progress is how far a compaction is.
type Progress struct {
	Bytes uint64 `json:"bytes"` // of headers read; more than once if there are several strategies
}

// Compacted is what came of a compaction.
type Compacted struct {
	Examined  uint64      `json:"examined"` // events
	Dropped   uint64      `json:"dropped"`  // events
	Young     uint64      `json:"young"`    // events that will be dropped when they are a little older
	Ended     uint64      `json:"ended"`    // objects, which a strategy that may do so gave up
	Before    uint64      `json:"before"`   // bytes of records
	After     uint64      `json:"after"`    // bytes of records
	Seconds   float64     `json:"seconds"`
	Overruled []Overruled `json:"overruled,omitempty"`
}

// Overruled is how many values that live a strategy wanted dropped.
type Overruled struct {
	Strategy string `json:"strategy"`
	Values   uint64 `json:"values"`
}

// Problem is an answer that is not what was asked for.
type Problem struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
}
