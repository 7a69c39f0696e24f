package pluginhost

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/trust"
)

// Auth returns the plugin as a resolver that outlives its processes. A call has
// a deadline, waits for a restart, and is repeated, twice at most, if the
// process dies meanwhile. The same holds for Trust.
func (p *Plugin) Auth() *auth.Client { return auth.NewClient(hosted{p}) }

// Trust returns the plugin as a validator that outlives its processes.
func (p *Plugin) Trust() trust.Validator { return trust.NewClient(hosted{p}) }

// Compaction returns the plugin as a strategy that outlives its processes. A
// plan that is under way when one dies fails with code unavailable.
func (p *Plugin) Compaction() *compaction.Client {
	c := compaction.NewClient(hosted{p})
	c.Patience = p.host.timing.Patience
	return c
}

// hosted is a connection to whichever process of a plugin serves.
type hosted struct{ p *Plugin }

// acquire waits until a process newer than a generation serves.
func (h hosted) acquire(ctx context.Context, after uint64) (grpc.ClientConnInterface, uint64, error) {
	for {
		if err := h.p.Ready(ctx, after); err != nil {
			return nil, 0, err
		}
		conn, generation, err := h.p.Conn()
		if err == nil {
			return conn, generation, nil
		}
	}
}

// maxAttempts is how many processes a call may meet the end of. A call that is
// what kills them must not use up the plugin's restarts.
const maxAttempts = 3

// Invoke implements grpc.ClientConnInterface for calls that may be repeated.
func (h hosted) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, h.p.host.timing.Call)
	defer cancel()
	after := uint64(0)
	for range maxAttempts {
		conn, generation, err := h.acquire(ctx, after)
		if err != nil {
			return faultrpc.ToStatus(err)
		}
		err = conn.Invoke(ctx, method, args, reply, opts...)
		if err == nil || !h.unreachable(ctx, conn, err) {
			return h.name(err)
		}
		h.p.Broken(generation, err)
		after = generation
	}
	return faultrpc.ToStatus(h.p.spec.fault(fault.Unavailable, "died %d times while it answered one call; the daemon's log says of what", maxAttempts))
}

// NewStream implements grpc.ClientConnInterface. A stream has no deadline: a plan
// for a long chain takes hours, and who waits for it has patience of its own.
func (h hosted) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	starting, cancel := context.WithTimeout(ctx, h.p.host.timing.Call)
	defer cancel()
	conn, _, err := h.acquire(starting, 0)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	stream, err := conn.NewStream(ctx, desc, method, opts...)
	return stream, h.name(err)
}

// probeWait is how long a process that may be gone has to show that it lives.
const probeWait = time.Second

// unreachable reports whether err means that the process is gone, rather than
// that it answered that something else is.
func (h hosted) unreachable(ctx context.Context, conn grpc.ClientConnInterface, err error) bool {
	st := status.Convert(err)
	lost := st.Code() == codes.Unavailable || st.Code() == codes.Canceled // the host closes what is dead
	if !lost || len(st.Details()) > 0 || ctx.Err() != nil {
		return false
	}
	probe, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	_, err = plugin.NewClient(conn).Health(probe)
	return fault.Is(err, fault.Unavailable) && ctx.Err() == nil
}

// name puts the plugin's name into an error of the transport.
func (h hosted) name(err error) error {
	st := status.Convert(err)
	switch {
	case err == nil || len(st.Details()) > 0:
		return err
	case st.Code() == codes.DeadlineExceeded || st.Code() == codes.Canceled:
		return faultrpc.ToStatus(h.p.spec.fault(fault.Unavailable, "did not answer in time (%s)", st.Message()))
	}
	return faultrpc.ToStatus(h.p.spec.explain(faultrpc.FromStatus(err)))
}
