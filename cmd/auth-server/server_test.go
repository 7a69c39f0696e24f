package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/atedb/atedb/core/authserver"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
)

// server is a running auth-server.
type server struct {
	cmd     *exec.Cmd
	address string
	done    chan struct{} // closed when the process has ended and been waited for
	err     error         // what waiting for it gave

	mu    sync.Mutex // guards lines
	lines []string
}

// start starts a server and waits until it serves.
func start(cmd *exec.Cmd) (*server, error) {
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, done: make(chan struct{})}
	serving := make(chan string, 1)
	go s.follow(stderr, serving)
	select {
	case s.address = <-serving:
		return s, nil
	case <-s.done:
		return nil, fmt.Errorf("the server does not start: %w\n%s", s.err, s.log())
	case <-time.After(30 * time.Second):
		s.kill()
		return nil, fmt.Errorf("the server does not serve\n%s", s.log())
	}
}

// follow keeps the server's log and notices where it serves and when it ends.
func (s *server) follow(stderr io.Reader, serving chan<- string) {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Message string `json:"@message"`
			Listen  string `json:"listen"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "serving" && line.Listen != "" {
			serving <- line.Listen
		}
		s.mu.Lock()
		s.lines = append(s.lines, lines.Text())
		s.mu.Unlock()
	}
	s.err = s.cmd.Wait()
	close(s.done)
}

func (s *server) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n") + "\n"
}

// kill ends the server with SIGKILL.
func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.done
}

// stop ends the server with SIGTERM.
func (s *server) stop() error {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		return s.err
	case <-time.After(20 * time.Second):
		s.kill()
		return errors.New("the server does not stop")
	}
}

// serve starts a server over a folder, which holds its key too.
func serve(t *testing.T, folder string, args ...string) *server {
	t.Helper()
	s, err := start(command(t, folder, args...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Log(s.log())
		}
	})
	return s
}

func command(t *testing.T, folder string, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	line := append([]string{"run", "-l", "127.0.0.1", "-p", "0", "--plugin-dir", dir, "--runtime-dir", filepath.Join(scratch, "run")}, args...)
	return exec.Command(filepath.Join(dir, "auth-server"), append(line, filepath.Join(folder, "auth"), filepath.Join(folder, "key"))...)
}

// client is a connection to a server.
type client struct {
	*wire.Conn
	greeting wire.Greeting
}

func (s *server) dial(t *testing.T) *client {
	t.Helper()
	conn, greeting, err := wire.DialPath(t.Context(), "ws", s.address, authserver.Path, wire.DialOptions{MinEncryption: 128})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetLimit(1 << 20)
	return &client{conn, greeting}
}

// ask sends a request and returns the reply, or what it refuses.
func (c *client) ask(request *pb.Request) (*pb.Reply, error) {
	if err := c.Send(wire.AuthRequest, request); err != nil {
		return nil, err
	}
	t, payload, err := c.Receive()
	if err != nil {
		return nil, err
	}
	if t != wire.AuthReply {
		return nil, fmt.Errorf("the server sends a message of type %d", t)
	}
	reply := new(pb.Reply)
	if err := stream.Unmarshal(t, payload, reply); err != nil {
		return nil, err
	}
	if reply.Code != "" {
		return nil, fault.New(fault.Code(reply.Code), "%s", reply.Reason)
	}
	return reply, nil
}
