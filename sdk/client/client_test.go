package client_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// impatient is options with pauses short enough for tests.
var impatient = client.Options{Create: true, Backoff: client.Backoff{Min: time.Millisecond, Max: 20 * time.Millisecond}}

func start(t testing.TB, options clienttest.Options) *clienttest.Server {
	t.Helper()
	s, err := clienttest.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func dial(t testing.TB, url string) *client.Client {
	t.Helper()
	return dialWith(t, url, impatient)
}

func dialWith(t testing.TB, url string, options client.Options) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := client.Dial(ctx, url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// soon bounds what a test waits for.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func put(key, data string) client.Event {
	return client.Event{Header: event.Header{Key: []byte(key)}, Data: []byte(data)}
}

func one(key, data string) client.Batch { return client.Batch{Events: []client.Event{put(key, data)}} }

func commit(t testing.TB, c *client.Client, events ...client.Event) client.Receipt {
	t.Helper()
	r, err := c.Commit(soon(t), events...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantCode(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("the error is %v, want one with code %s", err, code)
	}
}

// readAll returns "seq key data" of each event until the subscription's end.
func readAll(t testing.TB, c *client.Client, options client.SubscribeOptions) []string {
	t.Helper()
	sub, err := c.Subscribe(options)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for {
		e, err := sub.Next(soon(t))
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%d %s %s", e.Seq, e.Header.Key, e.Data))
	}
}

// eventually waits until condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestCommitAndRead(t *testing.T) {
	for _, scheme := range schemes {
		s := start(t, clienttest.Options{})
		c := dial(t, s.URL(scheme, chainName))
		if r := commit(t, c, put("a", "1"), put("b", "2")); r != (client.Receipt{First: 1, Next: 3}) {
			t.Errorf("%s: the receipt is %+v", scheme, r)
		}
		e := client.Event{Header: event.Header{
			Key: []byte("c"), Type: "note", Time: time.UnixMicro(1700), Labels: map[string]string{"x": "y"},
			Parent: event.Parent{Key: []byte("a"), Collection: "children"}, ReplyTo: []byte("b"),
		}, Data: []byte("3")}
		commit(t, c, e)
		got, err := c.Get(soon(t), []byte("c"))
		if err != nil {
			t.Fatal(err)
		}
		if h := got.Header; h.Type != "note" || !h.Time.Equal(e.Header.Time) || h.Labels["x"] != "y" ||
			string(h.Parent.Key) != "a" || h.Parent.Collection != "children" || string(h.ReplyTo) != "b" || got.Seq != 3 || string(got.Data) != "3" {
			t.Errorf("%s: the event came back as %+v", scheme, got)
		}
		if chain := c.Chain(); chain.Next != 4 || chain.Genesis.Name.String() != chainName || chain.ReadOnly != "" {
			t.Errorf("%s: the chain is %+v", scheme, chain)
		}
		all := readAll(t, c, client.SubscribeOptions{From: 2})
		if fmt.Sprint(all) != "[2 b 2 3 c 3]" {
			t.Errorf("%s: read %q", scheme, all)
		}
	}
}

func TestRawHeaderIsSentAsItIs(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	header := []byte("\x0a\x01k\xf8\x07\x2a") // key "k", and a field 127 that no release knows
	commit(t, c, client.Event{RawHeader: header, Data: []byte("v")})
	got, err := c.Get(soon(t), []byte("k"))
	if err != nil || string(got.RawHeader) != string(header) {
		t.Errorf("the header came back as %x, %v", got.RawHeader, err)
	}
}

func TestOmittedData(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	commit(t, c, put("a", "12345"), put("b", "123456"))
	sub, err := c.Subscribe(client.SubscribeOptions{From: 1, OmitData: true, OmitDataOver: 5})
	if err != nil {
		t.Fatal(err)
	}
	a, errA := sub.Next(soon(t))
	b, errB := sub.Next(soon(t))
	if errA != nil || errB != nil || a.Omitted || string(a.Data) != "12345" || !b.Omitted || b.Data != nil || b.DataLen != 6 {
		t.Errorf("got %+v, %v and %+v, %v", a, errA, b, errB)
	}
}

func TestCommitRefuses(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	big := make([]byte, event.MaxData)
	for name, test := range map[string]struct {
		batch client.Batch
		code  fault.Code
	}{
		"no events":       {client.Batch{}, fault.BadRequest},
		"many events":     {client.Batch{Events: make([]client.Event, event.MaxBatchEvents+1)}, fault.BadRequest},
		"no key":          {one("", "x"), fault.BadRequest},
		"long key":        {one(string(make([]byte, event.MaxKey+1)), "x"), fault.TooLarge},
		"large data":      {one("k", string(append(big, 'x'))), fault.TooLarge},
		"large batch":     {client.Batch{Events: []client.Event{put("k", string(big)), put("l", string(big[:1<<20]))}}, fault.TooLarge},
		"reserved key":    {one("\x00atedb/k", "x"), fault.NotAuthorized},
		"version too old": {client.Batch{Events: []client.Event{put("k", "v")}, Expected: []client.Expected{{Key: []byte("k"), Seq: 7}}}, fault.VersionConflict},
	} {
		_, err := c.Submit(soon(t), test.batch).Wait(soon(t))
		if !fault.Is(err, test.code) {
			t.Errorf("%s: %v, want code %s", name, err, test.code)
		}
	}
	commit(t, c, put("k", string(big)))
}

func TestExpectedVersions(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	write := func(e client.Expected) (client.Receipt, error) {
		return c.Submit(soon(t), client.Batch{Events: []client.Event{put("k", "v")}, Expected: []client.Expected{e}}).Wait(soon(t))
	}
	r, err := write(client.Expected{Key: []byte("k"), Absent: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = write(client.Expected{Key: []byte("k"), Absent: true})
	wantCode(t, err, fault.VersionConflict)
	if _, err = write(client.Expected{Key: []byte("k"), Seq: r.First}); err != nil {
		t.Fatal(err)
	}
}

func TestRejectedCommitLeavesTheOthers(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	s.SetFaults(clienttest.Faults{Commit: func(n int) clienttest.Action {
		if n == 2 {
			return clienttest.Action{Refuse: fault.New(fault.DiskFull, "the disk is full")}
		}
		return clienttest.Action{}
	}})
	var pending []*client.Pending
	for i := range 3 {
		pending = append(pending, c.Submit(soon(t), one(fmt.Sprint(i), "x")))
	}
	_, err0 := pending[0].Wait(soon(t))
	_, err1 := pending[1].Wait(soon(t))
	r2, err2 := pending[2].Wait(soon(t))
	wantCode(t, err1, fault.DiskFull)
	if err0 != nil || err2 != nil || r2.First != 2 {
		t.Errorf("the others: %v, %v at %d", err0, err2, r2.First)
	}
}

func TestCloseFailsWhatWaits(t *testing.T) {
	s := start(t, clienttest.Options{MaxCommits: 1})
	c := dial(t, s.URL("tcp", chainName))
	hold := make(chan struct{})
	defer close(hold)
	s.SetFaults(clienttest.Faults{Commit: func(int) clienttest.Action { return clienttest.Action{Until: hold} }})
	sub, err := c.Subscribe(client.SubscribeOptions{From: 1, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 4)
	sent := c.Submit(soon(t), one("a", "x"))
	go func() { _, err := sent.Wait(soon(t)); waits <- err }()
	go func() { _, err := c.Commit(soon(t), put("b", "x")); waits <- err }()
	go func() { _, err := c.Get(soon(t), []byte("a")); waits <- err }()
	go func() { _, err := sub.Next(soon(t)); waits <- err }()
	c.Close()
	for range 4 {
		if err := <-waits; err != client.ErrClosed {
			t.Errorf("a call that waited: %v, want ErrClosed", err)
		}
	}
	if _, err := c.Commit(soon(t), put("c", "x")); err != client.ErrClosed {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
	if _, err := c.Lock(soon(t), []byte("c"), 0); err != client.ErrClosed {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
}

func TestBackPressure(t *testing.T) {
	for name, limits := range map[string]clienttest.Options{
		"commits": {MaxCommits: 2},
		"bytes":   {MaxCommitBytes: 2 * 300},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, limits)
			c := dial(t, s.URL("tcp", chainName))
			hold := make(chan struct{})
			s.SetFaults(clienttest.Faults{Commit: func(int) clienttest.Action { return clienttest.Action{Until: hold} }})
			data := string(make([]byte, 256))
			first := c.Submit(soon(t), one("a", data))
			c.Submit(soon(t), one("b", data))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if _, err := c.Submit(ctx, one("c", data)).Wait(soon(t)); err != context.DeadlineExceeded {
				t.Errorf("a commit beyond the limit: %v, want that it waits", err)
			}
			close(hold)
			commit(t, c, put("d", data))
			if _, err := first.Wait(soon(t)); err != nil {
				t.Error(err)
			}
			if all := readAll(t, c, client.SubscribeOptions{From: 1}); len(all) != 3 {
				t.Errorf("the chain has %d events, want 3", len(all))
			}
		})
	}
}
