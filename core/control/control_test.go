package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// fake is a server that has the chain g/a alone.
type fake struct {
	onCompact func(ctx context.Context, progress func(Progress)) (Compacted, error)
	onInspect func(ctx context.Context) error
	onReload  func(ctx context.Context) (Reloaded, error)
}

func known(name chainname.Name) error {
	if name != "g/a" {
		return fault.New(fault.NotFound, "there is no chain %s", name)
	}
	return nil
}

func (f *fake) List(_ context.Context, prefix string, after chainname.Name, limit int) (Page, error) {
	if after != "" {
		return Page{}, nil
	}
	return PageOf([]chainname.Name{"g/a", "h/b"}, min(limit, 2), prefix, func(name chainname.Name) Listed {
		return Listed{Name: name, Open: true, Users: 2, Events: 7, Bytes: 700, Compacted: time.Unix(1, 0).UTC()}
	}), nil
}

func (f *fake) Inspect(ctx context.Context, name chainname.Name) (Chain, error) {
	if f.onInspect != nil {
		if err := f.onInspect(ctx); err != nil {
			return Chain{}, err
		}
	}
	return Chain{Listed: Listed{Name: name}, Head: "1:00", Triggers: []Trigger{{Strategy: "s", Factor: 0.5}}}, known(name)
}

func (f *fake) Compact(ctx context.Context, name chainname.Name, progress func(Progress)) (Compacted, error) {
	if err := known(name); err != nil || f.onCompact == nil {
		return Compacted{Dropped: 5, Overruled: []Overruled{{"s", 2}}}, err
	}
	return f.onCompact(ctx, progress)
}

func (f *fake) Read(_ context.Context, name chainname.Name, from event.Seq, maxBytes int) ([]byte, error) {
	return fmt.Appendf(nil, "records from %d, %d bytes", from, maxBytes), known(name)
}

func (f *fake) Leaves(_ context.Context, name chainname.Name, from event.Seq, count int) ([]event.Hash, error) {
	leaves := make([]event.Hash, count)
	for i := range leaves {
		leaves[i][0] = byte(from) + byte(i)
	}
	return leaves, known(name)
}

func (f *fake) Reload(ctx context.Context) (Reloaded, error) {
	return f.onReload(ctx)
}

// start serves the fake in a folder of the test's, and returns a client too.
func start(t *testing.T, f *fake) (*Client, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server", "control.sock")
	s, err := Start(path, f, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return connect(t, path), path
}

func connect(t *testing.T, path string) *Client {
	t.Helper()
	c, err := Connect(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestAsk has each request answered as the server's chains do.
func TestAsk(t *testing.T) {
	c, _ := start(t, &fake{})
	ctx := t.Context()
	page, err := c.List(ctx, "g/", "", 2)
	if err != nil || len(page.Chains) != 1 || page.Chains[0] != (Listed{Name: "g/a", Open: true, Users: 2, Events: 7, Bytes: 700, Compacted: time.Unix(1, 0).UTC()}) || page.More != "" {
		t.Errorf("List: %+v, %v", page, err)
	}
	if d, err := c.Inspect(ctx, "g/a"); err != nil || d.Name != "g/a" || d.Triggers[0].Factor != 0.5 || !d.Compacted.IsZero() {
		t.Errorf("Inspect: %+v, %v", d, err)
	}
	if result, err := c.Compact(ctx, "g/a", nil); err != nil || result.Dropped != 5 || result.Overruled[0] != (Overruled{"s", 2}) {
		t.Errorf("Compact: %+v, %v", result, err)
	}
	if records, err := c.Read(ctx, "g/a", 1<<60, 99); err != nil || string(records) != "records from 1152921504606846976, 99 bytes" {
		t.Errorf("Read: %q, %v", records, err)
	}
	if leaves, err := c.Leaves(ctx, "g/a", 3, event.MaxBatchEvents); err != nil || len(leaves) != event.MaxBatchEvents || leaves[1][0] != 4 {
		t.Errorf("Leaves: %d, %v", len(leaves), err)
	}
	none := func(Progress) {}
	for what, err := range map[string]error{
		"Inspect": errorOf(c.Inspect(ctx, "g/b")), "Compact": errorOf(c.Compact(ctx, "g/b", none)),
		"Read": errorOf(c.Read(ctx, "g/b", 0, 1)), "Leaves": errorOf(c.Leaves(ctx, "g/b", 0, 1)),
	} {
		if !fault.Is(err, fault.NotFound) || !strings.HasPrefix(err.Error(), "there is no chain g/b") {
			t.Errorf("%s of a chain that is not there: %v", what, err)
		}
	}
}

// TestReload has what came of a reload, or what was wrong, arrive as it was told.
func TestReload(t *testing.T) {
	told := Reloaded{Changed: []string{"auth"}, Started: []string{"auth-static"}, Stopped: []string{"auth-ate"}, Restart: []string{"listen"}}
	var failure error
	c, _ := start(t, &fake{onReload: func(context.Context) (Reloaded, error) { return told, failure }})
	if got, err := c.Reload(t.Context()); err != nil || !reflect.DeepEqual(got, told) {
		t.Errorf("got %+v, %v", got, err)
	}
	failure = fault.New(fault.BadConfig, "atedb.hcl: there is no setting lsten")
	if _, err := c.Reload(t.Context()); !fault.Is(err, fault.BadConfig) || !strings.HasPrefix(err.Error(), "atedb.hcl: there is no setting lsten") {
		t.Errorf("of a configuration that is wrong: %v", err)
	}
}

func errorOf[T any](_ T, err error) error { return err }

// TestGarbage sends what is no request, in each way, and then one that is.
func TestGarbage(t *testing.T) {
	c, path := start(t, &fake{})
	for what, test := range map[string]struct {
		method, path, body string
		status             int
		code               fault.Code
	}{
		"no JSON":           {"POST", "/v1/inspect", "name=g/a", 400, fault.BadRequest},
		"nothing":           {"POST", "/v1/inspect", "", 400, fault.BadRequest},
		"an array":          {"POST", "/v1/inspect", "[]", 400, fault.BadRequest},
		"an unknown key":    {"POST", "/v1/inspect", `{"name":"g/a","force":true}`, 400, fault.BadRequest},
		"two objects":       {"POST", "/v1/inspect", `{"name":"g/a"}{"name":"g/a"}`, 400, fault.BadRequest},
		"bytes behind":      {"POST", "/v1/inspect", `{"name":"g/a"}x`, 400, fault.BadRequest},
		"another type":      {"POST", "/v1/inspect", `{"name":7}`, 400, fault.BadRequest},
		"too long":          {"POST", "/v1/inspect", `{"name":"` + strings.Repeat("a", maxRequest) + `"}`, 413, fault.TooLarge},
		"no name":           {"POST", "/v1/compact", `{}`, 400, fault.BadName},
		"a path for a name": {"POST", "/v1/read", `{"name":"../../etc/passwd"}`, 400, fault.BadName},
		"a negative seq":    {"POST", "/v1/read", `{"name":"g/a","from":-1}`, 400, fault.BadRequest},
		"too many bytes":    {"POST", "/v1/read", `{"name":"g/a","max_bytes":1000000000}`, 400, fault.BadRequest},
		"too many leaves":   {"POST", "/v1/leaves", `{"name":"g/a","count":1000000000}`, 400, fault.BadRequest},
		"a negative count":  {"POST", "/v1/leaves", `{"name":"g/a","count":-1}`, 400, fault.BadRequest},
		"an empty page":     {"POST", "/v1/list", `{"limit":0}`, 400, fault.BadRequest},
		"too large a page":  {"POST", "/v1/list", `{"limit":1001}`, 400, fault.BadRequest},
		"a long prefix":     {"POST", "/v1/list", `{"prefix":"` + strings.Repeat("a", 3000) + `"}`, 400, fault.BadName},
		"GET":               {"GET", "/v1/list", "", 400, fault.BadRequest},
		"an unknown path":   {"POST", "/v1/format", "{}", 404, fault.NotFound},
		"a later version":   {"POST", "/v2/list", "{}", 400, fault.Unsupported},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, "http://atedb"+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		reply, err := c.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var p Problem
		err = json.NewDecoder(reply.Body).Decode(&p)
		reply.Body.Close()
		if err != nil || reply.StatusCode != test.status || p.Code != string(test.code) || p.Reason == "" {
			t.Errorf("%s: status %d, %+v, %v", what, reply.StatusCode, p, err)
		}
	}
	for _, bytes := range []string{"\x16\x03\x01\x02\x00\r\n\r\n", "POST /v1/list HTTP/1.1\r\n\r\n", "GET " + strings.Repeat("x", 3*maxHeaders) + " HTTP/1.1\r\n"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, bytes); err == nil {
			conn.Read(make([]byte, 1))
		}
		conn.Close()
	}
	if _, err := c.Inspect(t.Context(), "g/a"); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// TestCompactTells has progress come while a compaction runs, and the outcome
// at its end, be it an error.
func TestCompactTells(t *testing.T) {
	var wrong error
	told := make(chan struct{})
	c, _ := start(t, &fake{onCompact: func(_ context.Context, progress func(Progress)) (Compacted, error) {
		time.Sleep(progressEvery)
		progress(Progress{7})
		progress(Progress{8}) // too soon to be told
		<-told
		return Compacted{Dropped: 3}, wrong
	}})
	for _, wrong = range []error{nil, fault.New(fault.Damaged, "it is damaged")} {
		var got []uint64
		result, err := c.Compact(t.Context(), "g/a", func(p Progress) {
			got = append(got, p.Bytes)
			told <- struct{}{}
		})
		if fault.CodeOf(err) != fault.CodeOf(wrong) || err == nil && result.Dropped != 3 || len(got) != 1 || got[0] != 7 {
			t.Errorf("%+v, %v after %v; want %v", result, err, got, wrong)
		}
	}
}

// TestCompactAlready refuses a second compaction of a chain as the chain does,
// and lets the first end.
func TestCompactAlready(t *testing.T) {
	running, finish := make(chan struct{}), make(chan struct{})
	busy := make(chan struct{}, 1)
	c, _ := start(t, &fake{onCompact: func(context.Context, func(Progress)) (Compacted, error) {
		select {
		case busy <- struct{}{}:
			close(running)
			<-finish
			return Compacted{Dropped: 1}, nil
		default:
			return Compacted{}, fault.New(fault.Overloaded, "chain g/a is being compacted already")
		}
	}})
	first := make(chan error, 1)
	go func() { first <- errorOf(c.Compact(t.Context(), "g/a", func(Progress) {})) }()
	<-running
	if _, err := c.Compact(t.Context(), "g/a", nil); !fault.Is(err, fault.Overloaded) || !strings.Contains(err.Error(), "compacted already") {
		t.Errorf("the second: %v", err)
	}
	close(finish)
	if err := <-first; err != nil {
		t.Errorf("the first: %v", err)
	}
}

// TestLimits refuses more requests at once than are allowed, and more
// compactions, and takes them again once the others have ended.
func TestLimits(t *testing.T) {
	began, finish := make(chan struct{}, maxAtOnce), make(chan struct{})
	hang := func(ctx context.Context) error {
		began <- struct{}{}
		<-finish
		return ctx.Err()
	}
	f := &fake{onInspect: hang, onCompact: func(ctx context.Context, _ func(Progress)) (Compacted, error) { return Compacted{}, hang(ctx) }}
	c, _ := start(t, f)
	ended := make(chan error, maxAtOnce)
	for i := range maxAtOnce {
		if i < maxCompactions {
			go func() { ended <- errorOf(c.Compact(t.Context(), "g/a", nil)) }()
		} else {
			go func() { ended <- errorOf(c.Inspect(t.Context(), "g/a")) }()
		}
		<-began
		if i == maxCompactions {
			if _, err := c.Compact(t.Context(), "g/a", nil); !fault.Is(err, fault.Overloaded) {
				t.Errorf("one compaction more than are allowed: %v", err)
			}
		}
	}
	if _, err := c.Leaves(t.Context(), "g/a", 0, 1); !fault.Is(err, fault.Overloaded) {
		t.Errorf("one request more than are allowed: %v", err)
	}
	close(finish)
	for range maxAtOnce {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Leaves(t.Context(), "g/a", 0, 1); err != nil {
		t.Errorf("after they have ended: %v", err)
	}
}

// TestCompactEndsWithClient ends a compaction whose client is gone, and, at
// Close, one whose client waits.
func TestCompactEndsWithClient(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{}, 1)
	f := &fake{onCompact: func(ctx context.Context, _ func(Progress)) (Compacted, error) {
		began <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return Compacted{}, fault.New(fault.Unavailable, "given up: %w", ctx.Err())
	}}
	path := filepath.Join(t.TempDir(), "c.sock")
	s, err := Start(path, f, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	go c.Compact(ctx, "g/a", nil)
	<-began
	cancel()
	<-ended
	last := make(chan error, 1)
	go func() { last <- errorOf(c.Compact(t.Context(), "g/a", nil)) }()
	<-began
	s.Close()
	select {
	case <-ended:
	default:
		t.Error("Close returned before the compaction did")
	}
	if err := <-last; !fault.Is(err, fault.ShuttingDown) {
		t.Errorf("a compaction at Close: %v", err)
	}
	if _, err := Connect(t.Context(), path); !fault.Is(err, fault.NotFound) {
		t.Errorf("connecting after Close: %v", err)
	}
}

// TestClientDoubts has something else answer on the socket: no answer is taken
// for one of the protocol, nor more memory than one may need.
func TestClientDoubts(t *testing.T) {
	var reply string
	path := filepath.Join(t.TempDir(), "c.sock")
	l, err := net.Listen("unix", path) //nolint:noctx // a test's own
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // a test's own
		if status, body, _ := strings.Cut(reply, " "); status == "200" {
			io.WriteString(w, body)
		} else {
			http.Error(w, body, http.StatusTeapot)
		}
	}))
	c := connect(t, path)
	none := func(Progress) {}
	for _, reply = range []string{
		"418 no", "418 {}", "200 ", "200 {", "200 []", "200 {\"result\":7}", "200 " + strings.Repeat("x", 40000),
	} {
		for what, err := range map[string]error{"inspect": errorOf(c.Inspect(t.Context(), "g/a")), "compact": errorOf(c.Compact(t.Context(), "g/a", none))} {
			if !fault.Is(err, fault.BadMessage) && !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s answered by %.20q: %v", what, reply, err)
			}
		}
	}
	reply = "200 " + strings.Repeat("x", event.MaxBatchEvents*32+32)
	if _, err := c.Leaves(t.Context(), "g/a", 0, 1); !fault.Is(err, fault.BadMessage) {
		t.Errorf("leaf hashes without an end: %v", err)
	}
	reply = "200 short"
	if _, err := c.Leaves(t.Context(), "g/a", 0, 1); !fault.Is(err, fault.BadMessage) {
		t.Errorf("a part of a leaf hash: %v", err)
	}
}

// TestPageOf tables where a list goes on.
func TestPageOf(t *testing.T) {
	names := []chainname.Name{"a/1", "b/1", "b/2", "c/1"}
	for _, test := range []struct {
		prefix string
		limit  int
		want   string
	}{
		{"", 4, "a/1 b/1 b/2 c/1, then c/1"}, {"", 5, "a/1 b/1 b/2 c/1, then "}, {"b", 4, "b/1 b/2, then "},
		{"c/", 4, "c/1, then c/1"}, {"d", 4, ", then c/1"}, {"d", 5, ", then "}, {"b/2", 4, "b/2, then "},
	} {
		page := PageOf(names, test.limit, test.prefix, func(name chainname.Name) Listed { return Listed{Name: name} })
		var got []string
		for _, c := range page.Chains {
			got = append(got, c.Name.String())
		}
		if text := strings.Join(got, " ") + ", then " + page.More.String(); text != test.want {
			t.Errorf("%q, %d: %s; want %s", test.prefix, test.limit, text, test.want)
		}
	}
}

// FuzzRequest has whatever comes as a request's body answered, with JSON or
// bytes, and never costs more than it may.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{`{"name":"g/a"}`, `{"name":"g/a","from":1,"count":2}`, `{"prefix":"g","after":"g/a","limit":3}`, `{`, `null`, "\xff"} {
		for path := range 5 {
			f.Add(path, []byte(body))
		}
	}
	s := &Server{daemon: &fake{}, ctx: context.Background(), atOnce: make(chan struct{}, maxAtOnce), compactions: make(chan struct{}, maxCompactions)}
	handler := s.handler()
	f.Fuzz(func(t *testing.T, path int, body []byte) {
		paths := []string{"list", "inspect", "compact", "read", "leaves"}
		at := paths[uint(path)%uint(len(paths))]
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/"+at, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		w := &recorder{header: http.Header{}}
		handler.ServeHTTP(w, r)
		isJSON := w.header.Get("Content-Type") != "application/octet-stream"
		if w.status == 0 && at != "compact" || isJSON && !json.Valid(w.body.Bytes()) {
			t.Errorf("%s %q is answered with %d %q", at, body, w.status, w.body.Bytes())
		}
	})
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
