package control

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// decode reads a request's body into q, strictly.
func decode(w http.ResponseWriter, r *http.Request, q any) error {
	deadline := http.NewResponseController(w)
	// Without deadlines, as in tests, nothing is lost by this failing.
	_ = deadline.SetReadDeadline(time.Now().Add(requestTimeout))
	defer func() { _ = deadline.SetReadDeadline(time.Time{}) }()
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.DisallowUnknownFields()
	err := d.Decode(q)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return nil
		}
		if err == nil {
			err = errors.New("something follows it")
		}
	}
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return fault.New(fault.TooLarge, "a request has at most %d bytes", maxRequest)
	}
	return fault.New(fault.BadRequest, "the body of a request is one JSON object with the keys of its path: %w", err)
}

// answer writes what was asked for, or a problem.
func answer(w http.ResponseWriter, v any, err error) {
	var body []byte
	if err == nil {
		if body, err = json.Marshal(v); err != nil {
			err = fault.New(fault.Internal, "encoding an answer: %w", err)
		}
	}
	if err != nil {
		refuse(w, err)
		return
	}
	send(w, http.StatusOK, "application/json", append(body, '\n'))
}

func answerBytes(w http.ResponseWriter, body []byte, err error) {
	if err != nil {
		refuse(w, err)
		return
	}
	send(w, http.StatusOK, "application/octet-stream", body)
}

// refuse answers with a problem.
func refuse(w http.ResponseWriter, err error) {
	f := fault.From(err)
	body, marshalErr := json.Marshal(problemOf(f))
	if marshalErr != nil {
		body = []byte(`{"code":"internal","reason":"a problem cannot be told"}`)
	}
	send(w, statusOf(f.Code), "application/json", append(body, '\n'))
}

func problemOf(f *fault.Error) Problem { return Problem{string(f.Code), f.Reason} }

func statusOf(code fault.Code) int {
	switch code {
	case fault.BadRequest, fault.BadName, fault.Unsupported:
		return http.StatusBadRequest
	case fault.NotFound:
		return http.StatusNotFound
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Overloaded, fault.Unavailable, fault.ShuttingDown:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// send writes a whole answer. A client that does not take it is its own loss.
func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
