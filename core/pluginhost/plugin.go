package pluginhost

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// Plugin is a plugin that a Host keeps running. Its methods may be called at
// the same time by several goroutines.
type Plugin struct {
	host *Host
	spec Spec
	log  hclog.Logger

	closing context.Context // done once the plugin is being closed
	close   context.CancelFunc
	stopped chan struct{} // closed when no process is left

	mu         sync.Mutex // guards what follows
	state      state
	current    *instance     // the last one that served; serving only in that state
	generation uint64        // of current
	cause      error         // why it does not serve
	changed    chan struct{} // closed, and made anew, when the state changes
}

type state string

const (
	serving    state = "serving"
	restarting state = "restarting"
	failed     state = "failed"
	closed     state = "closed"
)

func newPlugin(h *Host, spec Spec, in *instance) *Plugin {
	p := &Plugin{
		host: h, spec: spec, log: h.log.Named(spec.ID()), stopped: make(chan struct{}),
		state: serving, current: in, generation: 1, changed: make(chan struct{}),
	}
	p.closing, p.close = context.WithCancel(context.Background())
	p.log.Info("serving", "version", in.info.Version, "program", in.proc.Name(), "pid", in.proc.ID())
	return p
}

// Spec returns what the plugin was started with.
func (p *Plugin) Spec() Spec { return p.spec }

// Info returns what the process that served last said of itself.
func (p *Plugin) Info() plugin.Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current.info
}

// IsOutdated reports whether another process of the plugin would run another
// program than the one that served last: its file was replaced or is gone, or
// there is one in a folder that comes before.
func (p *Plugin) IsOutdated() bool {
	p.mu.Lock()
	ran := p.current.program
	p.mu.Unlock()
	path, err := p.spec.locate(p.host.cfg.Dirs)
	if err != nil {
		return true
	}
	now, err := os.Stat(path)
	return err != nil || !os.SameFile(now, ran) || now.Size() != ran.Size() || !now.ModTime().Equal(ran.ModTime())
}

// Conn returns the connection to the process that serves now, and its
// generation. While there is none it returns an unavailable fault, and
// shutting_down once the plugin is closed.
func (p *Plugin) Conn() (grpc.ClientConnInterface, uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != serving {
		return nil, 0, p.absenceLocked()
	}
	return p.current.conn, p.generation, nil
}

// absenceLocked says why the plugin does not serve. It does not.
func (p *Plugin) absenceLocked() error {
	switch p.state {
	case closed:
		return p.spec.fault(fault.ShuttingDown, "has been stopped")
	case failed:
		return p.spec.fault(fault.Unavailable, "has failed too often and is tried again only every %s: %s", p.host.timing.Cooldown, fault.From(p.cause).Reason)
	}
	return p.spec.fault(fault.Unavailable, "is being restarted: %s", fault.From(p.cause).Reason)
}

// Ready waits until a process of a generation newer than after serves; 0
// stands for any. It fails at once when the plugin is failed or closed, and
// when ctx is done.
func (p *Plugin) Ready(ctx context.Context, after uint64) error {
	for {
		changed, err := p.ready(after)
		if changed == nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return p.spec.fault(fault.Unavailable, "did not come back in time: %w", ctx.Err())
		}
	}
}

// ready returns what to wait for, or nil and the answer of Ready.
func (p *Plugin) ready(after uint64) (changed <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.state == serving && p.generation > after:
		return nil, nil
	case p.state == failed || p.state == closed:
		return nil, p.absenceLocked()
	}
	return p.changed, nil
}

// Broken says that a caller could not reach the process of a generation, and
// why, which must not be nil. If it still counts as serving it is killed and
// another is started.
func (p *Plugin) Broken(generation uint64, cause error) {
	p.mu.Lock()
	in := p.current
	mine := p.state == serving && p.generation == generation
	if mine {
		p.setLocked(restarting, cause)
	}
	p.mu.Unlock()
	if mine {
		in.condemn(cause)
	}
}

// Close stops the plugin for good: it is asked to finish, and killed if it has
// not when ctx is done.
func (p *Plugin) Close(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.current.proc.kill()
	})
	defer stop()
	p.close()
	<-p.stopped
	p.host.forget(p)
}

// setLocked changes the state and wakes everyone who waits for that.
func (p *Plugin) setLocked(s state, cause error) {
	p.state, p.cause = s, cause
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Plugin) set(s state, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setLocked(s, cause)
}

// logLevelWait is how long a plugin has to take a new log level.
const logLevelWait = 2 * time.Second

// pushLogLevel tells the process that serves the host's log level.
func (p *Plugin) pushLogLevel() {
	conn, _, err := p.Conn()
	if err != nil {
		return // the next process is told when it starts
	}
	ctx, cancel := context.WithTimeout(p.closing, logLevelWait)
	defer cancel()
	level := hclog.Level(p.host.level.Load())
	if err := plugin.NewClient(conn).SetLogLevel(ctx, level); err != nil {
		p.log.Warn("the plugin's log level could not be set", "level", level, "error", err)
	}
}
