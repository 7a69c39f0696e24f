package pluginhost

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// missedChecks is how many health checks in a row without an answer mean that
// a process is dead.
const missedChecks = 2

// supervise keeps the plugin running until it is closed, on a goroutine of its
// own. in is its first process.
func (p *Plugin) supervise(in *instance) {
	defer close(p.stopped)
	budget := budget{retry: p.host.timing.Retry}
	for {
		go p.checkHealth(in)
		select {
		case <-in.ctx.Done():
		case <-p.closing.Done():
		}
		if p.closing.Err() != nil {
			p.finish(in)
			return
		}
		cause := context.Cause(in.ctx)
		p.log.Error("the plugin's process is lost; starting another", "error", cause)
		p.set(restarting, cause)
		in.kill()
		budget.died(time.Now())
		if in = p.restart(&budget); in == nil {
			p.set(closed, nil)
			return
		}
	}
}

// finish shuts the last process down. Nobody is given its connection any more.
func (p *Plugin) finish(in *instance) {
	p.set(closed, nil)
	in.shutdown(context.Background())
	p.log.Info("stopped")
}

// restart starts processes until one serves, and returns it. It returns nil
// when the plugin is closed.
func (p *Plugin) restart(b *budget) *instance {
	for {
		if b.spent() {
			p.fail()
			if !p.pause(p.host.timing.Cooldown) {
				return nil
			}
			b.allowOne()
			p.log.Info("the cool-down is over; trying once more")
		} else if !p.pause(b.delay()) {
			return nil
		}
		in, err := p.host.bring(p.closing, p.spec)
		if err == nil {
			return p.resume(in)
		}
		if p.closing.Err() != nil {
			return nil
		}
		b.failed()
		p.log.Error("the plugin could not be restarted", "attempt", b.failures, "error", err)
		p.note(err)
	}
}

// resume lets callers have the new process.
func (p *Plugin) resume(in *instance) *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = in
	p.generation++
	p.setLocked(serving, nil)
	p.log.Info("serving again", "generation", p.generation, "pid", in.proc.ID())
	return in
}

// fail says that the plugin is given up until the cool-down is over.
func (p *Plugin) fail() {
	p.mu.Lock()
	cause := p.cause
	p.setLocked(failed, cause)
	p.mu.Unlock()
	p.log.Error("the plugin has failed too often; mend its cause", "next_try_in", p.host.timing.Cooldown.String(), "error", cause)
}

// note replaces the reason why the plugin does not serve.
func (p *Plugin) note(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cause = cause
}

// pause waits, and reports whether the plugin is still wanted.
func (p *Plugin) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
	case <-p.closing.Done():
	}
	return p.closing.Err() == nil
}

// checkHealth condemns a process that does not answer, and logs what one that
// does says is wrong. It ends with the process.
func (p *Plugin) checkHealth(in *instance) {
	every := time.NewTicker(p.host.timing.HealthEvery)
	defer every.Stop()
	missed, problem := 0, ""
	for {
		select {
		case <-every.C:
		case <-in.ctx.Done():
			return
		case <-p.closing.Done():
			return
		}
		says, err := p.askHealth(in)
		if err == nil {
			missed = 0
			if says != problem && says != "" {
				p.log.Warn("the plugin is unwell", "problem", says)
			} else if says != problem {
				p.log.Info("the plugin is well again")
			}
			problem = says
			continue
		}
		if missed++; missed >= missedChecks {
			in.condemn(fault.New(fault.Unavailable, "it did not answer %d health checks: %w", missed, err))
			return
		}
	}
}

// askHealth returns what the plugin says is wrong, and an error only if it did
// not answer.
func (p *Plugin) askHealth(in *instance) (problem string, err error) {
	ctx, cancel := context.WithTimeout(in.ctx, p.host.timing.HealthWait)
	defer cancel()
	problem, err = in.life.Health(ctx)
	switch fault.CodeOf(err) {
	case "", fault.Unavailable:
		return problem, err
	case fault.Unsupported:
		return "", nil // in another language it may have no opinion
	}
	return fault.From(err).Reason, nil
}
