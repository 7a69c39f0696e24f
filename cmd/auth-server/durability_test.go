package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/account"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/checkpoint"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

const passphrase = "correct horse battery"

// newUser returns the request that registers a user, with a vault that was made
// for another, which the server cannot tell.
func newUser(t *testing.T, name string) *pb.CreateUser {
	t.Helper()
	id, err := keys.NewIdentity(name)
	if err != nil {
		t.Fatal(err)
	}
	vault := vaultOfAll().Proto()
	vault.Name = name
	return &pb.CreateUser{Advert: account.FirstAdvert(account.Name(name), id, time.Now()).Proto(), Vault: vault}
}

var vaultOfAll = sync.OnceValue(func() account.Vault {
	id, err := keys.NewIdentity("all@example.com")
	if err != nil {
		panic(err)
	}
	vault, _, err := account.LeastCost.NewVault("all@example.com", id, passphrase)
	if err != nil {
		panic(err)
	}
	return vault
})

// look asks for a user and returns the head, checked as a client does who
// remembers one.
func (c *client) look(t *testing.T, name string, known merkle.Head) (found bool, head merkle.Head) {
	t.Helper()
	reply, err := c.ask(&pb.Request{Ask: &pb.Request_Look{Look: &pb.Look{Name: name, KnownSize: known.Size}}})
	if err != nil {
		t.Fatal(err)
	}
	answer := reply.GetFound()
	key, err := keys.ParsePublicKey(c.greeting.Server.Signing)
	if err == nil {
		head, err = checkpoint.Open(answer.Checkpoint, key, event.ChainID(answer.ChainId))
	}
	if err == nil && known.Size > 0 && known != head {
		err = merkle.CheckConsistency(hashes(answer.Consistency), known, head)
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(answer.Frame) > 0, head
}

func hashes(list [][]byte) []event.Hash {
	out := make([]event.Hash, len(list))
	for i := range list {
		out[i] = event.Hash(list[i])
	}
	return out
}

// TestKilled kills the server again and again while users register. Everybody who
// was answered is there afterwards, in a log that continues the one before; one who
// was not may register again as he did.
func TestKilled(t *testing.T) {
	folder := t.TempDir()
	var known merkle.Head
	var registered []string
	for round := range 3 {
		s := serve(t, folder)
		stop := time.AfterFunc(200*time.Millisecond, func() { s.cmd.Process.Kill() })
		c := s.dial(t)
		var pending *pb.CreateUser
		for i := 0; ; i++ {
			name := fmt.Sprintf("user%d-%d@example.com", round, i)
			pending = newUser(t, name)
			if _, err := c.ask(&pb.Request{Ask: &pb.Request_CreateUser{CreateUser: pending}}); err != nil {
				break
			}
			registered = append(registered, name)
		}
		stop.Stop()
		s.kill()
		s = serve(t, folder)
		c = s.dial(t)
		for _, name := range registered {
			var found bool
			if found, known = c.look(t, name, known); !found {
				t.Fatalf("%s, who was registered before the server was killed, is not there", name)
			}
		}
		if _, err := c.ask(&pb.Request{Ask: &pb.Request_CreateUser{CreateUser: pending}}); err != nil {
			t.Errorf("who was not answered cannot register again as he did: %v", err)
		}
		registered = append(registered, pending.Vault.Name)
		s.kill()
	}
	if len(registered) < 6 {
		t.Errorf("only %d users could register before the server was killed", len(registered))
	}
}

// TestOneProcess proves that a folder serves one process at a time.
func TestOneProcess(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder)
	out, err := command(t, folder).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "auth-server: ") {
		t.Errorf("a second server over the folder: %v\n%s", err, out)
	}
	if found, _ := s.dial(t).look(t, "joe@example.com", merkle.Head{}); found {
		t.Error("the first server finds somebody who is not there")
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	serve(t, folder)
}

// TestMemory proves that --storage memory keeps nothing.
func TestMemory(t *testing.T) {
	folder := t.TempDir()
	for range 2 {
		s := serve(t, folder, "--storage", "memory")
		if _, err := s.dial(t).ask(&pb.Request{Ask: &pb.Request_CreateUser{CreateUser: newUser(t, "joe@example.com")}}); err != nil {
			t.Error(err)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestLogKeepsSecrets proves that the log tells of refused logins, from where and
// as whom, and of nothing secret, however much it tells.
func TestLogKeepsSecrets(t *testing.T) {
	s := serve(t, t.TempDir(), "-vv", "--registration", "invite")
	c := s.dial(t)
	const name, code = "joe@example.com", "abuv544aymilpwpfxbiablaxque3e6hn"
	user := newUser(t, name)
	user.Invite = code
	if _, err := c.ask(&pb.Request{Ask: &pb.Request_CreateUser{CreateUser: user}}); !fault.Is(err, fault.Denied) {
		t.Errorf("registering with a false invite: %v", err)
	}
	login := &pb.Login{Name: name, Kind: account.Passphrase.Proto(), Signature: make([]byte, keys.SignatureSize), TotpKey: []byte("0123456789abcdefghijklmnopqrstuv"), TotpCode: "987654"}
	var err error
	for range 7 {
		_, err = c.ask(&pb.Request{Ask: &pb.Request_Login{Login: login}})
	}
	if !fault.Is(err, fault.Overloaded) {
		t.Errorf("the seventh login: %v", err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	log := s.log()
	for _, want := range []string{`"@message":"login refused"`, `"from":"127.0.0.1"`, `"name":"joe@example.com"`, `"@level":"warn","@message":"throttled"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	for _, secret := range []string{code, string(login.TotpKey), login.TotpCode} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}
