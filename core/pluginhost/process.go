package pluginhost

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

const (
	// pipeGrace is how long the output of a process that has died is read: a
	// process that it left behind may hold the other end open.
	pipeGrace = 500 * time.Millisecond
	// exitGrace is how long a process that has closed its standard output has
	// to end by itself, so that its exit status can be told.
	exitGrace = 500 * time.Millisecond
)

// process is a plugin's process, and go-plugin's Runner of it.
type process struct {
	cmd     *exec.Cmd
	starter *starter
	relay   *relay // takes what it writes to standard error

	stdout *handshakeReader
	stderr *os.File
	exited chan struct{} // closed once the process is reaped and its log is read
	status error         // how it ended; valid once exited is closed

	mu      sync.Mutex  // guards what follows
	running *os.Process // nil until it is started
	doomed  bool        // killed, perhaps before it was started
}

var _ runner.Runner = (*process)(nil)

func newProcess(path string, s *starter, r *relay) *process {
	return &process{cmd: exec.Command(path), starter: s, relay: r, exited: make(chan struct{})}
}

// Start implements Runner. The environment has been set by then.
func (p *process) Start(context.Context) error {
	stdout, stdoutWriter, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdoutWriter.Close()
	stderr, stderrWriter, err := os.Pipe()
	if err != nil {
		stdout.Close()
		return err
	}
	defer stderrWriter.Close()
	p.cmd.Stdout, p.cmd.Stderr = stdoutWriter, stderrWriter
	p.cmd.SysProcAttr = processAttributes()
	if err := p.starter.do(p.cmd.Start); err != nil {
		stdout.Close()
		stderr.Close()
		return err
	}
	p.stdout, p.stderr = newHandshakeReader(stdout), stderr
	go p.reap()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = p.cmd.Process
	if p.doomed {
		p.killLocked()
	}
	return nil
}

// reap reads the process's log until it ends, and waits for that.
func (p *process) reap() {
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		// However the reading ends, the log is over.
		_, _ = io.Copy(p.relay, p.stderr)
		p.relay.flush()
		p.stderr.Close()
	}()
	p.status = p.cmd.Wait()
	deadline := time.Now().Add(pipeGrace)
	// A pipe takes a deadline unless it is closed, when nobody reads it.
	_ = p.stdout.SetReadDeadline(deadline)
	_ = p.stderr.SetReadDeadline(deadline)
	<-logged
	close(p.exited)
}

// kill ends the process at once, or as soon as it is started. Its end shows in
// exited.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doomed = true
	p.killLocked()
}

func (p *process) killLocked() {
	if p.running != nil {
		// The one error that can come says that it is over already.
		_ = p.running.Kill()
	}
}

func (p *process) started() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running != nil
}

func (p *process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// Kill implements Runner. A process that has closed its standard output may
// first end by itself.
func (p *process) Kill(context.Context) error {
	if p.started() {
		select {
		case <-p.stdout.ended:
			select {
			case <-p.exited:
			case <-time.After(exitGrace):
			}
		default:
		}
	}
	p.kill()
	return nil
}

// Wait implements Runner. go-plugin calls it when it has read standard output.
func (p *process) Wait(context.Context) error {
	<-p.exited
	p.stdout.Close()
	return p.status
}

// Stdout implements Runner.
func (p *process) Stdout() io.ReadCloser { return p.stdout }

// Stderr implements Runner. The log is not go-plugin's to read: it fixes the
// level at the start, and panics over JSON that it does not expect.
func (p *process) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name implements Runner.
func (p *process) Name() string { return p.cmd.Path }

// ID implements Runner. go-plugin cleans up after a process that has one.
func (p *process) ID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil {
		return "0"
	}
	return strconv.Itoa(p.running.Pid)
}

// Diagnose implements Runner.
func (p *process) Diagnose(context.Context) string { return "" }

// PluginToHost implements Runner.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin implements Runner.
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
