package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// daemon is a server under measurement.
type daemon struct {
	cmd   *exec.Cmd
	addr  string
	flags []string
	log   *os.File
}

// clearText is the server that most measurements are about: anyone may write,
// and the wire is not encrypted.
var clearText = []string{"--no-auth", "--no-wire-encryption"}

// startDaemon starts a server over dir with these flags, and waits until it
// accepts connections.
func startDaemon(ctx context.Context, bin, dir string, flags []string) (*daemon, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "atedb.log"))
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(bin, "atedb"), append(slices.Clone(flags), "solo", "-l", host, "-p", port, filepath.Join(dir, "data"))...)
	cmd.Env = append(os.Environ(), "ATEDB_LIMITS_MAX_CONNECTIONS=100000", "ATEDB_LIMITS_MAX_CONNECTIONS_PER_ADDRESS=100000", "ATEDB_LIMITS_MAX_OPEN_CHAINS=100000", "ATEDB_LIMITS_COMPACTION_MIB_PER_SECOND=100000")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &daemon{cmd: cmd, addr: addr, flags: flags, log: log}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			nc.Close()
			return d, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			d.stop()
			return nil, fmt.Errorf("the server does not start; see %s: %w", log.Name(), err)
		}
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// stop ends the server in an orderly way.
func (d *daemon) stop() error {
	defer d.log.Close()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := d.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("the server ended with %w; see %s", err, d.log.Name())
	}
	return err
}

// residentBytes returns how much memory the daemon itself uses, without its
// plugins.
func (d *daemon) residentBytes() (int64, error) { return residentBytes(d.cmd.Process.Pid) }

func residentBytes(pid int) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no VmRSS", f.Name())
}

// restart stops the server and starts another over the same folder.
func (d *daemon) restart(ctx context.Context, bin string) (*daemon, error) {
	if err := d.stop(); err != nil {
		return nil, err
	}
	return startDaemon(ctx, bin, filepath.Dir(d.log.Name()), d.flags)
}
