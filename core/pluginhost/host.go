package pluginhost

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// Config is what a Host needs to know. All but DataDir may be left out.
type Config struct {
	Dirs             []string // where plugins are looked for, in order
	RequireChecksums bool     // refuse a plugin without a pinned checksum
	// RuntimeDir is where the plugins' sockets are, a short path; several
	// hosts may share it. Default: atedb in $XDG_RUNTIME_DIR, else
	// atedb-<user id> in the folder for temporary files.
	RuntimeDir string
	DataDir    string     // where the daemon keeps chains; plugins are told
	DNS        plugin.DNS // how names are looked up; plugins are told
	Logger     hclog.Logger
	Level      hclog.Level // of the plugins' logs; default info
	Timing     Timing
}

// Timing is how long a Host waits for what; zero values mean the defaults.
type Timing struct {
	Launch      time.Duration // for a process to answer its first call; 10 s
	Configure   time.Duration // for it to be ready, recovery included; 5 min
	Shutdown    time.Duration // for it to finish; 8 s
	HealthEvery time.Duration // between health checks; 5 s
	HealthWait  time.Duration // for the answer to one; two missed in a row are the end; 10 s
	Call        time.Duration // for a call of a contract, waiting for a restart included; 30 s
	Patience    time.Duration // for a compaction plan to go on; as package compaction says
	Retry       time.Duration // before the second start that follows a failed one; then doubling; 100 ms
	Cooldown    time.Duration // before a failed plugin is tried again; 30 s
}

func (t Timing) withDefaults() Timing {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&t.Launch, 10*time.Second)
	set(&t.Configure, 5*time.Minute)
	set(&t.Shutdown, 8*time.Second)
	set(&t.HealthEvery, 5*time.Second)
	set(&t.HealthWait, 10*time.Second)
	set(&t.Call, 30*time.Second)
	set(&t.Patience, compaction.Patience)
	set(&t.Retry, 100*time.Millisecond)
	set(&t.Cooldown, 30*time.Second)
	return t
}

// Host starts plugins and keeps them running. Its methods may be called at the
// same time by several goroutines.
type Host struct {
	cfg     Config
	log     hclog.Logger
	timing  Timing
	level   atomic.Int32 // a hclog.Level
	runtime *runtimeDir
	starter *starter

	mu      sync.Mutex // guards what follows
	plugins map[*Plugin]struct{}
	busy    sync.WaitGroup // calls of Start and Validate; no Add once closed
	closed  bool
}

// New makes a Host. It claims a folder for sockets, and removes those that
// dead daemons have left.
func New(cfg Config) (*Host, error) {
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Level == hclog.NoLevel {
		cfg.Level = hclog.Info
	}
	dataDir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "finding the data folder %q: %w", cfg.DataDir, err)
	}
	cfg.DataDir = dataDir
	dir, err := claimRuntimeDir(cfg.RuntimeDir)
	if err != nil {
		return nil, err
	}
	h := &Host{
		cfg: cfg, log: cfg.Logger, timing: cfg.Timing.withDefaults(), runtime: dir,
		starter: newStarter(), plugins: make(map[*Plugin]struct{}),
	}
	h.level.Store(int32(cfg.Level))
	return h, nil
}

// Start starts a plugin, checks that it is what spec says, and configures it.
// From then on the Host keeps it running, until it is closed. After an error
// nothing of it is left.
//
// Errors have code bad_config if the configuration or the program must be
// changed, and that of the plugin, or unavailable, if it failed.
func (h *Host) Start(ctx context.Context, spec Spec) (*Plugin, error) {
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.busy.Done()
	if spec.SHA256 == "" && !h.cfg.RequireChecksums {
		h.log.Warn("this plugin's checksum is not pinned, so a changed program would go unnoticed", "plugin", spec.ID())
	}
	in, err := h.bring(ctx, spec)
	if err != nil {
		return nil, err
	}
	p := newPlugin(h, spec, in)
	h.mu.Lock()
	h.plugins[p] = struct{}{}
	h.mu.Unlock()
	go p.supervise(in)
	return p, nil
}

// Validate starts a plugin, has it check its configuration, and stops it.
func (h *Host) Validate(ctx context.Context, spec Spec) error {
	if err := h.enter(); err != nil {
		return err
	}
	defer h.busy.Done()
	in, err := h.launch(ctx, spec)
	if err != nil {
		return err
	}
	defer in.shutdown(ctx)
	ctx, cancel := context.WithTimeout(ctx, h.timing.Launch)
	defer cancel()
	return spec.explain(in.life.Validate(ctx, spec.Config))
}

// enter begins a call that starts a process. The caller ends it with busy.Done.
func (h *Host) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosing
	}
	h.busy.Add(1)
	return nil
}

var errClosing = fault.New(fault.ShuttingDown, "the daemon is stopping its plugins")

// SetLogLevel sets the level of all plugins' logs, now and after a restart.
func (h *Host) SetLogLevel(level hclog.Level) {
	h.level.Store(int32(level))
	var wg sync.WaitGroup
	for _, p := range h.running(func(*Plugin) bool { return true }) {
		wg.Go(p.pushLogLevel)
	}
	wg.Wait()
}

// running returns the plugins for which pick holds.
func (h *Host) running(pick func(*Plugin) bool) []*Plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Keys(h.plugins)), func(p *Plugin) bool { return !pick(p) })
}

// Close stops every plugin and gives the runtime folder back. Each is asked to
// finish and is killed if it has not when its time is up: storage, which comes
// last, has until ctx is done, the others half of that.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	again := h.closed
	h.closed = true
	h.mu.Unlock()
	if again {
		return nil
	}
	h.busy.Wait()
	first := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		first, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	isStorage := func(p *Plugin) bool { return p.spec.Kind == plugin.KindStorage }
	closeAll(first, h.running(func(p *Plugin) bool { return !isStorage(p) }))
	closeAll(ctx, h.running(isStorage))
	h.starter.stop()
	return h.runtime.release()
}

func closeAll(ctx context.Context, plugins []*Plugin) {
	var wg sync.WaitGroup
	for _, p := range plugins {
		wg.Go(func() { p.Close(ctx) })
	}
	wg.Wait()
}

func (h *Host) forget(p *Plugin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.plugins, p)
}

// bring launches a plugin and makes it ready for calls.
func (h *Host) bring(ctx context.Context, spec Spec) (*instance, error) {
	in, err := h.launch(ctx, spec)
	if err != nil {
		return nil, err
	}
	if err := h.configure(ctx, spec, in); err != nil {
		in.kill()
		return nil, err
	}
	return in, nil
}

func (h *Host) configure(ctx context.Context, spec Spec, in *instance) error {
	ctx, cancel := context.WithTimeout(ctx, h.timing.Configure)
	defer cancel()
	if err := in.life.Validate(ctx, spec.Config); err != nil {
		return in.explain(ctx, spec, "checking its configuration", err)
	}
	if err := in.life.Configure(ctx, plugin.Setup{Config: spec.Config, DataDir: h.cfg.DataDir, DNS: h.cfg.DNS}); err != nil {
		return in.explain(ctx, spec, "getting ready", err)
	}
	return nil
}
