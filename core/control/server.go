package control

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/net/netutil"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Server answers the requests of operators' commands.
type Server struct {
	daemon  Daemon
	http    *http.Server
	socket  *socket
	ctx     context.Context // ends at Close
	cancel  context.CancelFunc
	serving sync.WaitGroup // the goroutine that accepts

	mu       sync.Mutex // guards closed, and that no request begins once it is set
	closed   bool
	requests sync.WaitGroup

	atOnce, compactions chan struct{} // hold a token for each request under way
}

// Start serves on the socket of a path until Close.
func Start(path string, daemon Daemon, log hclog.Logger) (*Server, error) {
	l, err := listen(path)
	if err != nil {
		return nil, err
	}
	s := &Server{daemon: daemon, socket: l, atOnce: make(chan struct{}, maxAtOnce), compactions: make(chan struct{}, maxCompactions)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: requestTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaders,
		ErrorLog: log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
	s.serving.Go(func() {
		// It ends with an error when it is closed, and with no other: accepting
		// is tried again.
		_ = s.http.Serve(netutil.LimitListener(l, maxConnections))
	})
	return s, nil
}

// Close ends the requests under way and waits for them. Their clients are told,
// as far as they listen.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	cutOff := time.AfterFunc(farewellTime, func() { s.http.Close() })
	s.requests.Wait()
	cutOff.Stop()
	s.http.Close()
	s.serving.Wait()
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for path, handle := range map[string]http.HandlerFunc{
		"list": s.list, "inspect": s.inspect, "compact": s.compact, "reload": s.reload, "read": s.read, "leaves": s.leaves,
	} {
		mux.HandleFunc("/v1/"+path, s.limited(handle))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") {
			refuse(w, fault.New(fault.Unsupported, "this server speaks version 1 of the control protocol, whose paths begin with /v1/; %.100q does not", r.URL.Path))
			return
		}
		refuse(w, fault.New(fault.NotFound, "version 1 of the control protocol has no %.100q", r.URL.Path))
	})
	return mux
}

// limited has a request counted, and refused if there are too many. Its context
// ends with the client's connection, and at Close.
func (s *Server) limited(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.begin() {
			refuse(w, fault.New(fault.ShuttingDown, "the server is stopping"))
			return
		}
		defer s.requests.Done()
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			refuse(w, fault.New(fault.BadRequest, "%s is asked with POST, not %.20q", r.URL.Path, r.Method))
			return
		}
		select {
		case s.atOnce <- struct{}{}:
			defer func() { <-s.atOnce }()
		default:
			refuse(w, fault.New(fault.Overloaded, "%d requests are answered now, which is the most allowed; try again later", maxAtOnce))
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.ctx, cancel)()
		handle(w, r.WithContext(ctx))
	}
}

// begin counts a request, unless the server is being closed.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.requests.Add(1)
	}
	return !s.closed
}

type listRequest struct {
	Prefix string         `json:"prefix"`
	After  chainname.Name `json:"after"`
	Limit  int            `json:"limit"`
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q := listRequest{Limit: maxPage}
	err := decode(w, r, &q)
	var page Page
	switch {
	case err != nil:
	case q.Limit < 1 || q.Limit > maxPage:
		err = fault.New(fault.BadRequest, "a page has 1 to %d chains, not %d", maxPage, q.Limit)
	case len(q.Prefix) > chainname.MaxName || len(q.After) > chainname.MaxName:
		err = fault.New(fault.BadName, "no chain has a name of more than %d bytes", chainname.MaxName)
	default:
		page, err = s.daemon.List(r.Context(), q.Prefix, q.After, q.Limit)
	}
	answer(w, page, err)
}

type chainRequest struct {
	Name string `json:"name"`
}

// decodeName reads a request that names a chain and nothing else.
func decodeName(w http.ResponseWriter, r *http.Request) (chainname.Name, error) {
	var q chainRequest
	if err := decode(w, r, &q); err != nil {
		return "", err
	}
	return chainname.Parse(q.Name)
}

func (s *Server) inspect(w http.ResponseWriter, r *http.Request) {
	name, err := decodeName(w, r)
	var c Chain
	if err == nil {
		c, err = s.daemon.Inspect(r.Context(), name)
	}
	answer(w, c, err)
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	err := decode(w, r, &struct{}{})
	var told Reloaded
	if err == nil {
		told, err = s.daemon.Reload(r.Context())
	}
	answer(w, told, err)
}

type readRequest struct {
	Name     string    `json:"name"`
	From     event.Seq `json:"from"`
	MaxBytes int       `json:"max_bytes"`
}

func (s *Server) read(w http.ResponseWriter, r *http.Request) {
	q := readRequest{MaxBytes: storage.MaxRead}
	err := decode(w, r, &q)
	name, nameErr := chainname.Parse(q.Name)
	var records []byte
	switch {
	case err != nil:
	case nameErr != nil:
		err = nameErr
	case q.MaxBytes < 0 || q.MaxBytes > storage.MaxRead:
		err = fault.New(fault.BadRequest, "at most %d bytes are read at a time, not %d", storage.MaxRead, q.MaxBytes)
	default:
		records, err = s.daemon.Read(r.Context(), name, q.From, q.MaxBytes)
	}
	answerBytes(w, records, err)
}

type leavesRequest struct {
	Name  string    `json:"name"`
	From  event.Seq `json:"from"`
	Count int       `json:"count"`
}

func (s *Server) leaves(w http.ResponseWriter, r *http.Request) {
	var q leavesRequest
	err := decode(w, r, &q)
	name, nameErr := chainname.Parse(q.Name)
	var raw []byte
	switch {
	case err != nil:
	case nameErr != nil:
		err = nameErr
	case q.Count < 0 || q.Count > event.MaxBatchEvents:
		err = fault.New(fault.BadRequest, "at most %d leaf hashes are asked for at a time, not %d", event.MaxBatchEvents, q.Count)
	default:
		var leaves []event.Hash
		leaves, err = s.daemon.Leaves(r.Context(), name, q.From, q.Count)
		for i := range leaves {
			raw = append(raw, leaves[i][:]...)
		}
	}
	answerBytes(w, raw, err)
}
