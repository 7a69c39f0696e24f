package pluginhost

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// maxLine is how much of one log line is kept, in bytes. maxWords is how much
// of one is quoted in an error.
const (
	maxLine  = 64 << 10
	maxWords = 300
)

// relay is a Writer that puts the lines written to it into the daemon's log.
// Lines of hclog's JSON keep their level and fields.
type relay struct {
	log hclog.Logger

	mu       sync.Mutex // guards what follows
	line     []byte     // the beginning of a line that has not ended yet
	cut      bool       // the rest of the line is left out
	panicked bool       // the plain lines are a panic's trace
	words    string     // the last that was said, or the panic
}

// Write takes output in any portions. It never fails.
func (r *relay) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(b)
	for {
		part, rest, ended := bytes.Cut(b, []byte{'\n'})
		room := maxLine - len(r.line)
		r.line = append(r.line, part[:min(len(part), room)]...)
		r.cut = r.cut || len(part) > room
		if !ended {
			return n, nil
		}
		r.endLineLocked()
		b = rest
	}
}

// flush logs what stands on a line that was not ended.
func (r *relay) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endLineLocked()
}

// lastWords returns the last line, or how a panic began, fit for an error.
func (r *relay) lastWords() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.words
}

func (r *relay) endLineLocked() {
	line := bytes.TrimRight(r.line, "\r")
	if len(line) > 0 {
		r.logLocked(line)
	}
	r.line, r.cut = r.line[:0], false
}

func (r *relay) logLocked(line []byte) {
	var fields map[string]any
	if !r.cut && json.Unmarshal(line, &fields) == nil {
		if message, ok := fields["@message"].(string); ok {
			level, args := hclogFields(fields)
			r.sayLocked(message)
			r.log.Log(level, message, args...)
			return
		}
	}
	text := string(line)
	if r.cut {
		text += " ... (cut)"
	}
	if !r.panicked && (strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ")) {
		r.sayLocked(text)
		r.panicked = true
	}
	if r.panicked {
		r.log.Error(text)
		return
	}
	r.sayLocked(text)
	r.log.Info(text)
}

func (r *relay) sayLocked(words string) {
	if r.panicked {
		return
	}
	if len(words) > maxWords {
		words = words[:maxWords] + "..."
	}
	r.words = words
}

// hclogFields returns the level and the key-value pairs of a line of hclog's
// JSON, ordered by key.
func hclogFields(fields map[string]any) (hclog.Level, []any) {
	level := hclog.Info
	if name, ok := fields["@level"].(string); ok {
		if l := hclog.LevelFromString(name); l != hclog.NoLevel {
			level = l
		}
	}
	keys := make([]string, 0, len(fields))
	for key := range fields {
		if !strings.HasPrefix(key, "@") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	args := make([]any, 0, 2*len(keys))
	for _, key := range keys {
		args = append(args, key, fields[key])
	}
	return level, args
}
