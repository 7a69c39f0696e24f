package pluginhost

import (
	"os"
	"strings"
	"sync"
)

// maxFirst is how much of a plugin's first output is kept, in bytes.
const maxFirst = 200

// handshakeReader reads a plugin's standard output and remembers how it began,
// so that one who prints there can be told what.
type handshakeReader struct {
	*os.File
	ended chan struct{} // closed when there is nothing more to read

	mu    sync.Mutex // guards what follows
	first []byte     // at most maxFirst bytes
	over  bool
}

func newHandshakeReader(f *os.File) *handshakeReader {
	return &handshakeReader{File: f, ended: make(chan struct{})}
}

func (r *handshakeReader) Read(b []byte) (int, error) {
	n, err := r.File.Read(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first = append(r.first, b[:min(n, maxFirst-len(r.first))]...)
	if err != nil && !r.over {
		r.over = true
		close(r.ended)
	}
	return n, err
}

// firstLine returns the beginning of the output, up to a line's end; "" if
// there was none.
func (r *handshakeReader) firstLine() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	line, _, _ := strings.Cut(string(r.first), "\n")
	return line
}
