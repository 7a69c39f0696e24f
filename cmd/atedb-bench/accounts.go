package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
)

const (
	loginsPerMinute = 1000
	newChains       = 200
	benchPassphrase = "correct horse battery"
)

// accounts is an authentication server under measurement, and a user there.
type accounts struct {
	cmd    *exec.Cmd
	url    string
	secret *account.Credential // the user's
}

// The users whose chains are measured, and who has the daemon connect before.
const (
	benchUser = account.Name("joe@bench.test")
	otherUser = account.Name("ann@bench.test")
)

// startAccounts starts an authentication server in a folder and makes the user.
func startAccounts(ctx context.Context, bin, dir string) (*accounts, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	a := &accounts{url: "ws://" + addr + authserver.Path}
	a.cmd = exec.Command(filepath.Join(bin, "auth-server"), "run", "-l", host, "-p", port, filepath.Join(dir, "accounts"), filepath.Join(dir, "identity"))
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if err = a.createUsers(ctx); err == nil || time.Now().After(deadline) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, a.stop())
	}
	return a, nil
}

func (a *accounts) stop() error {
	return errors.Join(a.cmd.Process.Signal(syscall.SIGTERM), a.cmd.Wait())
}

func (a *accounts) createUsers(ctx context.Context) error {
	c, err := authserver.Dial(ctx, a.url, authserver.Options{OnUnknownServer: ours, Cost: account.LeastCost})
	if err != nil {
		return err
	}
	defer c.Close()
	for _, user := range []account.Name{benchUser, otherUser} {
		if _, err := c.CreateUser(ctx, user, benchPassphrase, ""); err != nil {
			return err
		}
	}
	return nil
}

// ours trusts a server, which is this machine's.
func ours(string, identity.Fingerprint) bool { return true }

// login connects and logs the user in. Making keys of the passphrase, which is
// meant to be slow, is the client's work and done only once.
func (a *accounts) login(ctx context.Context) error {
	u, err := authserver.ParseURL(a.url)
	if err != nil {
		return err
	}
	conn, greeting, err := wire.DialPath(ctx, u.Scheme, u.Host, authserver.Path, wire.DialOptions{MinEncryption: 128})
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetLimit(1 << 20)
	kind := accountpb.Lock_KIND_PASSPHRASE
	reply, err := ask(conn, &authserverpb.Request{Ask: &authserverpb.Request_GetStretch{
		GetStretch: &authserverpb.GetStretch{Name: benchUser.String(), Kind: kind},
	}})
	if err != nil {
		return err
	}
	if a.secret == nil {
		stretch, err := account.StretchOf(reply.GetStretch())
		if err != nil {
			return err
		}
		if a.secret, err = account.StretchPassphrase(benchPassphrase, stretch); err != nil {
			return err
		}
	}
	_, err = ask(conn, &authserverpb.Request{Ask: &authserverpb.Request_Login{Login: &authserverpb.Login{
		Name: benchUser.String(), Kind: kind,
		Signature: a.secret.SignLogin(benchUser, greeting.Binding[:], greeting.Server.Fingerprint),
	}}})
	return err
}

func ask(conn *wire.Conn, request *authserverpb.Request) (*authserverpb.Reply, error) {
	if err := conn.Send(wire.AuthRequest, request); err != nil {
		return nil, err
	}
	t, payload, err := conn.Receive()
	if err != nil {
		return nil, err
	}
	reply := new(authserverpb.Reply)
	if err := stream.Unmarshal(t, payload, reply); err != nil {
		return nil, err
	}
	if reply.Code != "" {
		return nil, fmt.Errorf("%s [%s]", reply.Reason, reply.Code)
	}
	return reply, nil
}

// loginsUntil logs in at the measured rate until ctx ends.
func (a *accounts) loginsUntil(ctx context.Context) (logins int, err error) {
	ticker := time.NewTicker(time.Minute / loginsPerMinute)
	defer ticker.Stop()
	for ; ; logins++ {
		select {
		case <-ctx.Done():
			return logins, nil
		case <-ticker.C:
		}
		if err := a.login(context.WithoutCancel(ctx)); err != nil {
			return logins, err
		}
	}
}

// measureAccounts compares appends with and without logins at the same time, and
// the creation of chains with and without somebody who is asked whose they are.
func measureAccounts(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp(b.dir, "accounts-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	a, err := startAccounts(ctx, b.bin, dir)
	if err != nil {
		return err
	}
	return errors.Join(a.compareLogins(ctx, b), a.compareCreation(ctx, b), a.stop())
}

func (a *accounts) compareLogins(ctx context.Context, b *bench) error {
	quiet, busy, err := b.compareLoads(ctx, inFlight, side{flags: clearText}, side{flags: clearText, during: a.loginsUntil})
	if err == nil {
		report(fmt.Sprintf("append during %d logins a minute", loginsPerMinute), "%.0f events/s, %.2f × without", busy, busy/quiet)
	}
	return err
}

// create makes a chain and returns how long that took.
func (b *bench) create(ctx context.Context, d *daemon, name string) (time.Duration, error) {
	began := time.Now()
	c, err := client.Dial(ctx, b.scheme+"://"+d.addr+"/db/bench.test/"+name, client.Options{Create: true})
	if err != nil {
		return 0, err
	}
	return time.Since(began), c.Close()
}

func (a *accounts) compareCreation(ctx context.Context, b *bench) error {
	times := map[string]time.Duration{}
	var err error
	for name, flags := range map[string][]string{"nobody": clearText, "the server": {"--auth", a.url, "--no-wire-encryption"}} {
		if err := b.withServer(ctx, flags, func(d *daemon) error {
			if _, err := b.create(ctx, d, "ann/first"); err != nil {
				return err
			}
			took := make([]time.Duration, newChains)
			for i := range took {
				if took[i], err = b.create(ctx, d, fmt.Sprintf("joe/new%d", i)); err != nil {
					return err
				}
			}
			if name != "nobody" {
				times["first"] = took[0]
			}
			slices.Sort(took)
			times[name] = percentile(took, 50)
			return nil
		}); err != nil {
			return err
		}
	}
	report("chain created when nobody is asked", "p50 %v", times["nobody"])
	report("chain created when the answer is kept", "p50 %v, which adds %v", times["the server"], times["the server"]-times["nobody"])
	report("chain created when the server is asked", "%v, once", times["first"])
	return nil
}
