package server

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/compact"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/core/durable"
	"github.com/atedb/atedb/core/pluginhost"
	"github.com/atedb/atedb/core/transport"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/fault"
)

// endless is a chain whose compaction does not end before it is let go, whatever
// its context.
type endless struct{ begun, goOn chan struct{} }

func (endless) Name() chainname.Name { return "g/a" }

func (endless) State() compact.State { return compact.State{} }

func (e endless) Compact(context.Context) error {
	close(e.begun)
	<-e.goOn
	return nil
}

// TestStopDoesNotWaitForACompaction has the server stop in its time while a
// compaction does not end.
func TestStopDoesNotWaitForACompaction(t *testing.T) {
	dir, err := os.MkdirTemp("", "ate") // short enough for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	log := hclog.NewNullLogger()
	host, err := pluginhost.New(pluginhost.Config{RuntimeDir: filepath.Join(dir, "run")})
	if err != nil {
		t.Fatal(err)
	}
	votes := strategies{rules: []compaction.Rules{{Trigger: compaction.Trigger{Modified: true}}}}
	r := &registry{compactor: newCompactor(votes, config.Limits{CompactionMiBPerSecond: 1, MaxCompactions: 1}, log), log: log}
	s := &server{log: log, registry: r, store: durable.NewStore(nil)}
	s.sessions, s.endSessions = context.WithCancelCause(t.Context())
	s.listener, err = transport.Listen(transport.Config{Address: "127.0.0.1:0", Path: transport.ChainPath, MaxConnections: 1, MaxPerAddress: 1, Logger: log, Handler: s.handle})
	if err != nil {
		t.Fatal(err)
	}
	go s.listener.Serve()
	if s.control, err = control.Start(filepath.Join(dir, "control.sock"), controlled{r, nil}, log); err != nil {
		t.Fatal(err)
	}
	e := endless{make(chan struct{}), make(chan struct{})}
	watch := r.compactor.scheduler.Watch(e)
	watch.Grown(10 << 20)
	<-e.begun

	const timeout = 400 * time.Millisecond
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop(host, timeout) }()
	select {
	case err := <-stopped:
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("stopped with %v, want that something did not end in time", err)
		}
	case <-time.After(10 * timeout):
		t.Error("the server waits for the compaction")
	}
	watch.Stop()
	close(e.goOn)
	r.compactor.scheduler.Close()
}
