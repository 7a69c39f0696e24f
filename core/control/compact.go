package control

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

func (s *Server) compact(w http.ResponseWriter, r *http.Request) {
	name, err := decodeName(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	select {
	case s.compactions <- struct{}{}:
		defer func() { <-s.compactions }()
	default:
		refuse(w, fault.New(fault.Overloaded, "%d compactions that were asked for run now, which is the most allowed; try again later", maxCompactions))
		return
	}
	l := &lines{w: w, deadline: http.NewResponseController(w), last: time.Now()}
	result, err := s.daemon.Compact(r.Context(), name, l.progress)
	if err != nil && s.ctx.Err() != nil {
		err = fault.New(fault.ShuttingDown, "the server is stopping, so the compaction was given up; what it has dropped stays dropped")
	}
	l.end(result, err)
}

// line is a line of an answer; one of its fields is set.
type line struct {
	Progress *Progress  `json:"progress,omitempty"`
	Result   *Compacted `json:"result,omitempty"`
	Error    *Problem   `json:"error,omitempty"`
}

// lines writes an answer of lines.
type lines struct {
	w        http.ResponseWriter
	deadline *http.ResponseController

	mu    sync.Mutex // guards what follows
	last  time.Time  // when progress was told
	began bool
}

// progress tells how far it is, now and then.
func (l *lines) progress(p Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.last) >= progressEvery {
		l.last = now
		l.writeLocked(line{Progress: &p})
	}
}

func (l *lines) end(result Compacted, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.writeLocked(line{Result: &result})
	case !l.began:
		refuse(l.w, err)
	default:
		p := problemOf(fault.From(err))
		l.writeLocked(line{Error: &p})
	}
}

func (l *lines) writeLocked(v line) {
	body, err := json.Marshal(v)
	if err != nil {
		return // no such line
	}
	if !l.began {
		l.began = true
		l.w.Header().Set("Content-Type", "application/x-ndjson")
	}
	// A client that is gone ends the request's context, which is enough.
	_ = l.deadline.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, _ = l.w.Write(append(body, '\n'))
	_ = l.deadline.Flush()
}
