package pluginhost

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// hangUpWait is how long a process that has shut down has to end.
const hangUpWait = 2 * time.Second

// instance is one process of a plugin and the connection to it. It is started
// once and never again.
type instance struct {
	proc    *process
	program os.FileInfo // of its file, before it was started
	client  *goplugin.Client
	conn    *grpc.ClientConn
	life    *plugin.Client
	info    plugin.Info
	timing  Timing
	log     hclog.Logger
	ctx     context.Context // done when the process has ended or is condemned
	condemn context.CancelCauseFunc
}

// launch starts a plugin's process, connects to it and asks what it is. The
// plugin is not configured then.
func (h *Host) launch(ctx context.Context, spec Spec) (*instance, error) {
	path, err := spec.find(h.cfg.Dirs, h.cfg.RequireChecksums)
	if err != nil {
		return nil, err
	}
	program, err := os.Stat(path)
	if err != nil {
		return nil, spec.fault(fault.BadConfig, "cannot be looked at: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, h.timing.Launch)
	defer cancel()
	in := h.newInstance(spec, path)
	in.program = program
	if err := in.start(ctx, spec); err != nil {
		in.kill()
		return nil, err
	}
	if err := in.introduce(ctx, spec, hclog.Level(h.level.Load())); err != nil {
		in.kill()
		return nil, err
	}
	return in, nil
}

func (h *Host) newInstance(spec Spec, path string) *instance {
	log := h.log.Named(spec.ID())
	in := &instance{proc: newProcess(path, h.starter, &relay{log: log}), timing: h.timing, log: log}
	in.ctx, in.condemn = context.WithCancelCause(context.Background())
	in.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  plugin.Handshake,
		Plugins:          plugin.HostPlugins(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		GRPCDialOptions:  plugin.HostDialOptions(),
		SkipHostEnv:      true,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: h.runtime.path},
		StartTimeout:     2 * h.timing.Launch,   // the launch's own deadline comes first
		Logger:           hclog.NewNullLogger(), // what matters is logged here
		SyncStdout:       &relay{log: log},
		SyncStderr:       &relay{log: log},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			in.proc.cmd.Env = append(allowedEnvironment(), cmd.Env...)
			return in.proc, nil
		},
	})
	return in
}

// start starts the process and connects to it. When ctx is done first, the
// process is killed, which ends every wait.
func (in *instance) start(ctx context.Context, spec Spec) error {
	stop := context.AfterFunc(ctx, in.proc.kill)
	defer stop()
	if _, err := in.client.Start(); err != nil {
		return in.explainStart(ctx, spec, err)
	}
	go func() {
		<-in.proc.exited
		in.condemn(in.ending())
	}()
	protocol, err := in.client.Client()
	if err != nil {
		return in.explain(ctx, spec, "being connected to", err)
	}
	in.conn = protocol.(*goplugin.GRPCClient).Conn // the only allowed protocol
	in.life = plugin.NewClient(in.conn)
	return nil
}

// introduce checks that the plugin is what spec says.
func (in *instance) introduce(ctx context.Context, spec Spec, level hclog.Level) error {
	var err error
	if in.info, err = in.life.Info(ctx); err != nil {
		return in.explain(ctx, spec, "saying what it is", err)
	}
	want := plugin.Kinds()[spec.Kind]
	got, ok := in.info.Contracts[spec.Kind]
	switch {
	case !ok:
		return spec.fault(fault.BadConfig, "at %s is of another kind: it serves %s; correct the configuration", in.proc.Name(), kinds(in.info))
	case got > want:
		return spec.fault(fault.BadConfig, "at %s is too new: it serves version %d of the %s contract and this atedb knows version %d; upgrade atedb, or install an older release of the plugin", in.proc.Name(), got, spec.Kind, want)
	case got < want:
		return spec.fault(fault.BadConfig, "at %s is too old: it serves version %d of the %s contract and this atedb needs version %d; upgrade the plugin", in.proc.Name(), got, spec.Kind, want)
	}
	if err := in.life.SetLogLevel(ctx, level); err != nil && !fault.Is(err, fault.Unsupported) {
		return in.explain(ctx, spec, "setting its log level", err)
	}
	return nil
}

// shutdown has the plugin finish what is under way, and kills it if it has not
// when ctx is done or its time is up.
func (in *instance) shutdown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, in.timing.Shutdown)
	defer cancel()
	if err := in.life.Shutdown(ctx); err != nil && !fault.Is(err, fault.Unsupported) {
		in.log.Warn("the plugin did not shut down as asked", "error", err)
	} else {
		in.hangUp(ctx)
	}
	in.kill()
}

// hangUp ends the connection, upon which the process ends.
func (in *instance) hangUp(ctx context.Context) {
	// It is closed either way.
	_ = in.conn.Close()
	select {
	case <-in.proc.exited:
	case <-ctx.Done():
	case <-time.After(hangUpWait):
		in.log.Warn("the plugin's process did not end after its shutdown")
	}
}

// kill ends the process, waits for that, and removes what is left of it.
func (in *instance) kill() {
	in.proc.kill()
	if in.proc.started() {
		<-in.proc.exited
	}
	in.client.Kill()
	if in.conn != nil {
		_ = in.conn.Close() // closed already, unless the Client could not be made
	}
}

// ending says how the process ended. It has.
func (in *instance) ending() error {
	how := "with status 0"
	if in.proc.status != nil {
		how = "(" + in.proc.status.Error() + ")"
	}
	return fault.New(fault.Unavailable, "the process ended %s%s", how, in.lastWords())
}

// explainStart says why a process did not come to serve.
func (in *instance) explainStart(ctx context.Context, spec Spec, err error) error {
	switch {
	case !in.proc.started():
		return spec.fault(fault.BadConfig, "cannot be run: %w; check that the program is for this kind of machine and that this user may run it", err)
	case ctx.Err() != nil:
		return in.explain(ctx, spec, "starting", err)
	}
	first := in.proc.stdout.firstLine()
	switch {
	case first == "":
		return in.explain(ctx, spec, "starting", fault.New(fault.Unavailable, "it closed its standard output before the plugin handshake"))
	case !strings.HasPrefix(first, "1|"):
		return spec.fault(fault.BadConfig, "at %s printed %q to standard output before the plugin handshake; it must print nothing there, or it is no plugin of atedb", in.proc.Name(), first)
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return spec.fault(fault.BadConfig, "at %s does not speak this atedb's plugin protocol (%s); install a release that fits", in.proc.Name(), line)
}

// explain says why a step failed, in the order of what tells most.
func (in *instance) explain(ctx context.Context, spec Spec, step string, err error) error {
	lost := fault.Is(err, fault.Unavailable)
	if lost {
		// The connection is lost a moment before the process ends, and the
		// plugin may know a moment before we do that the time is up.
		select {
		case <-in.proc.exited:
		case <-ctx.Done():
		case <-time.After(exitGrace):
		}
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return spec.fault(fault.Unavailable, "did not answer in time while %s%s", step, in.lastWords())
	case ctx.Err() != nil:
		return spec.fault(fault.Unavailable, "was given up while %s: %w", step, ctx.Err())
	case lost && in.proc.hasExited():
		return spec.explain(in.ending())
	}
	return spec.explain(fault.New(fault.CodeOf(err), "%s: %s", step, fault.From(err).Reason))
}

// lastWords is what ends the sentence about a process that failed.
func (in *instance) lastWords() string {
	if words := in.proc.relay.lastWords(); words != "" {
		return "; its last words: " + words
	}
	return ""
}

func kinds(info plugin.Info) string {
	if len(info.Contracts) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(info.Contracts)), ", ")
}
