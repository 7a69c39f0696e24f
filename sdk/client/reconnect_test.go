package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/fault"
)

// TestExactlyOnce commits and reads while connections break in every way, and
// compares what was acknowledged, what is stored and what was read.
func TestExactlyOnce(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			const commits = 3000
			s := start(t, clienttest.Options{MaxCommits: 50})
			url := s.URL(scheme, chainName)
			writer, reader := dial(t, url), dial(t, url)
			rng, mu := rand.New(rand.NewPCG(1, 2)), sync.Mutex{}
			s.SetFaults(clienttest.Faults{Commit: func(int) clienttest.Action {
				mu.Lock()
				defer mu.Unlock()
				switch rng.IntN(150) {
				case 0:
					return clienttest.Action{DropBefore: true}
				case 1:
					return clienttest.Action{DropAfter: true}
				case 2:
					return clienttest.Action{Garbage: true}
				case 3:
					return clienttest.Action{Bye: fault.New(fault.ShuttingDown, "the server is stopping")}
				case 4:
					s.DropConnections()
				}
				return clienttest.Action{}
			}})
			sub, err := reader.Subscribe(client.SubscribeOptions{From: 1, Live: true})
			if err != nil {
				t.Fatal(err)
			}
			var pending []*client.Pending
			for i := range commits {
				pending = append(pending, writer.Submit(soon(t), one(fmt.Sprint(i), "x")))
			}
			for i, p := range pending {
				if r, err := p.Wait(soon(t)); err != nil || int(r.First) != i+1 {
					t.Fatalf("commit %d: stored as %d, %v", i, r.First, err)
				}
			}
			for i := range commits {
				e, err := sub.Next(soon(t))
				if err != nil || int(e.Seq) != i+1 || string(e.Header.Key) != fmt.Sprint(i) {
					t.Fatalf("event %d came as seq %d with key %q, %v", i+1, e.Seq, e.Header.Key, err)
				}
			}
			if n := len(s.Records(chainName)); n != commits+1 {
				t.Errorf("the chain has %d records, want %d", n, commits+1)
			}
			if s.Opened() < 10 {
				t.Errorf("only %d connections were made: the test did not break any", s.Opened())
			}
		})
	}
}

func TestLoadSurvivesReconnect(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	commit(t, c, put("k", "v"))
	hold := make(chan struct{})
	s.SetFaults(clienttest.Faults{Open: func(string) error { <-hold; return nil }})
	s.DropConnections()
	got := make(chan error, 1)
	go func() { _, err := c.Get(soon(t), []byte("k")); got <- err }()
	close(hold)
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestAnotherChainUnderTheName(t *testing.T) {
	s := start(t, clienttest.Options{})
	url := s.URL("tcp", chainName)
	c := dial(t, url)
	before := c.Chain().ID
	s.Forget(chainName)
	after := dial(t, url).Chain().ID
	s.DropConnections()
	<-c.Done()
	wantCode(t, c.Err(), fault.NotFound)
	if msg := c.Err().Error(); !strings.Contains(msg, before.String()) || !strings.Contains(msg, after.String()) {
		t.Errorf("the error %q does not name both ids", msg)
	}
	_, err := c.Commit(soon(t), put("a", "x"))
	wantCode(t, err, fault.NotFound)
}

func TestVanishedChainIsNotMadeAgain(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	s.Forget(chainName)
	s.DropConnections()
	<-c.Done()
	wantCode(t, c.Err(), fault.NotFound)
	if s.Records(chainName) != nil {
		t.Error("the chain was made anew")
	}
}

func TestChainThatLostEvents(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	commit(t, c, put("a", "1"))
	commit(t, c, put("b", "2"))
	s.Rewind(chainName, 2)
	s.DropConnections()
	<-c.Done()
	wantCode(t, c.Err(), fault.Damaged)
}

func TestRedirect(t *testing.T) {
	from, to := start(t, clienttest.Options{}), start(t, clienttest.Options{})
	from.SetFaults(clienttest.Faults{Open: func(string) error { return clienttest.Redirect{URL: to.URL("ws", chainName)} }})
	c := dial(t, from.URL("tcp", chainName))
	commit(t, c, put("a", "1"))
	if len(to.Records(chainName)) != 2 {
		t.Error("the commit did not go to where the server sent the client")
	}
}

func TestSilentServer(t *testing.T) {
	s := start(t, clienttest.Options{})
	options := impatient
	options.KeepAlive = 20 * time.Millisecond
	lost := make(chan error, 10)
	options.OnState = func(state client.State) {
		if !state.Connected {
			lost <- state.Err
		}
	}
	c := dialWith(t, s.URL("tcp", chainName), options)
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	s.SetFaults(clienttest.Faults{Commit: func(n int) clienttest.Action {
		if n == 1 {
			return clienttest.Action{Until: never}
		}
		return clienttest.Action{}
	}})
	commit(t, c, put("a", "1"))
	wantCode(t, <-lost, fault.Unavailable)
}

func TestIdleConnectionIsKept(t *testing.T) {
	s := start(t, clienttest.Options{})
	options := impatient
	options.KeepAlive = 5 * time.Millisecond
	c := dialWith(t, s.URL("tcp", chainName), options)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-c.Done():
		t.Fatal(c.Err())
	}
	if s.Opened() != 1 {
		t.Errorf("%d connections were made, want 1: the server answers pings", s.Opened())
	}
}

func TestDialTriesAgain(t *testing.T) {
	s := start(t, clienttest.Options{})
	tries := 0
	s.SetFaults(clienttest.Faults{Open: func(string) error {
		if tries++; tries < 5 {
			return fault.New(fault.Overloaded, "too many chains are being opened")
		}
		return nil
	}})
	dial(t, s.URL("ws", chainName))
}

func TestDialGivesUpWithTheContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := l.Addr().String()
	l.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, host := range []string{refusing, silent.Addr().String()} {
		for _, scheme := range schemes {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			_, err := client.Dial(ctx, scheme+"://"+host+"/db/"+chainName, impatient)
			cancel()
			wantCode(t, err, fault.Unavailable)
		}
	}
}

func TestDialFinalErrors(t *testing.T) {
	s := start(t, clienttest.Options{})
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	host := web.Listener.Addr().String()
	for _, test := range []struct {
		url  string
		open error
		code fault.Code
	}{
		{"http://localhost/db/a/b", nil, fault.BadRequest},
		{"ws://localhost/db/UPPER/b", nil, fault.BadName},
		{s.URL("ws", "engineers/missing"), nil, fault.NotFound},
		{s.URL("tcp", chainName), fault.New(fault.Denied, "the resolver says no"), fault.Denied},
		{s.URL("tcp", chainName), fault.New(fault.Damaged, "segment 3 is damaged"), fault.Damaged},
		{s.URL("tcp", chainName), clienttest.Redirect{URL: s.URL("tcp", "engineers/other")}, fault.BadMessage},
		{"tcp://" + host + "/db/a/b", nil, fault.TooLarge}, // an HTTP answer, read as a message
	} {
		s.SetFaults(clienttest.Faults{Open: func(string) error { return test.open }})
		_, err := client.Dial(soon(t), test.url, client.Options{})
		if !fault.Is(err, test.code) {
			t.Errorf("%s: %v, want code %s", test.url, err, test.code)
		}
	}
}

func TestByeWithAFinalCodeEndsTheClient(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("ws", chainName))
	s.SetFaults(clienttest.Faults{Commit: func(int) clienttest.Action {
		return clienttest.Action{Bye: fault.New(fault.NotAuthorized, "the key was revoked")}
	}})
	sub, err := c.Subscribe(client.SubscribeOptions{From: 1, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Commit(soon(t), put("a", "x"))
	wantCode(t, err, fault.NotAuthorized)
	_, err = sub.Next(soon(t))
	wantCode(t, err, fault.NotAuthorized)
}
