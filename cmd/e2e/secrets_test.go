package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys/keyfile"
)

// spellings returns the forms in which a program might show bytes by accident.
func spellings(secret []byte) (all [][]byte) {
	lower := hex.EncodeToString(secret)
	all = append(all, secret, []byte(lower), []byte(strings.ToUpper(lower)), []byte(strings.Trim(fmt.Sprint(secret), "[]")))
	for shift := range 3 { // base64 depends on where the bytes stand in what is encoded
		whole := secret[shift : shift+(len(secret)-shift)/3*3]
		all = append(all, []byte(base64.StdEncoding.EncodeToString(whole)), []byte(base64.URLEncoding.EncodeToString(whole)))
	}
	return all
}

func containsSecret(text, secret []byte) bool {
	for _, form := range spellings(secret) {
		if bytes.Contains(text, form) {
			return true
		}
	}
	return false
}

// watchCommandLines collects the command lines of all processes until stop.
func watchCommandLines(stop <-chan struct{}) (collected func() []byte) {
	var lines bytes.Buffer
	var done sync.WaitGroup
	done.Go(func() {
		seen := make(map[string]bool)
		for {
			paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, path := range paths {
				if b, err := os.ReadFile(path); err == nil && !seen[string(b)] {
					seen[string(b)] = true
					lines.Write(b)
				}
			}
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return func() []byte { done.Wait(); return lines.Bytes() }
}

// TestSecretsAppearNowhere runs servers that log everything, with clients that
// use keys, a passphrase and encrypted data, rightly and wrongly. Neither seeds
// nor the passphrase nor the plain data are in a log, an error, a command line
// or on the server's disk; and what is secret is in files of its owner alone.
func TestSecretsAppearNowhere(t *testing.T) {
	const passphrase, plain, onCommandLine = "canary passphrase 7351", "canary of the plain data", "canary-of-the-command-line"
	joe, ann, eve := newPerson(t, true), newPerson(t, false), newPerson(t, true)
	ann.env = []string{"ATE_PASSPHRASE=" + passphrase}
	ann.must("key", "new")
	public := strings.TrimSpace(ann.must("key", "export"))

	stop := make(chan struct{})
	commandLines := watchCommandLines(stop)
	var said bytes.Buffer // logs, and what ate printed, but for the data itself
	say := func(p *person, want int, args ...string) (stdout string) {
		t.Helper()
		status, stdout, stderr := p.ate(args...)
		if status != want {
			t.Errorf("ate %s exits with %d: %s", strings.Join(args, " "), status, stderr)
		}
		said.WriteString(stderr)
		if args[0] != "get" {
			said.WriteString(stdout)
		}
		return stdout
	}
	file := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(file, []byte(plain), 0o600); err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, line := range [][]string{
		{"--no-auth", "solo"},
		{"--trust", "distributed", "--wire-encryption", "256", "solo"},
		{"--trust", "distributed", "solo"},
	} {
		data := filepath.Join(t.TempDir(), "data")
		folders = append(folders, data)
		d := startDaemonWith(t, line, data)
		url := d.url("example.com/joe/secrets")
		if len(line) != 3 {
			url += "#fp=" + d.fingerprint
		}
		stdin, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		joe.stdin = stdin
		say(joe, 0, "put", "--readers=me,"+public, url, "secret", "-")
		joe.stdin = nil
		say(joe, 0, "put", url, "public", onCommandLine)
		if out := say(ann, 0, "get", url, "secret"); out != plain {
			t.Errorf("ann reads %q", out)
		}
		say(joe, 0, "log", url)
		say(eve, 1, "get", url, "secret")
		say(eve, 1, "grant", "--read-key", url, "secret")
		say(joe, 0, "grant", "--read-key", url, "secret")
		say(joe, 0, "verify", url)
		d.stop()
		d.mu.Lock()
		for _, line := range d.log {
			said.WriteString(line + "\n")
		}
		d.mu.Unlock()
	}
	wrong := *ann
	wrong.env = []string{"ATE_PASSPHRASE=" + passphrase + "!"}
	say(&wrong, 1, "get", "ws://127.0.0.1:1/db/example.com/joe/secrets", "secret")
	close(stop)
	lines := commandLines()

	secrets := map[string][]byte{"passphrase": []byte(passphrase), "plain data": []byte(plain)}
	for name, p := range map[string]*person{"joe": joe, "ann": ann, "eve": eve} {
		f, err := keyfile.Folder(filepath.Join(p.home, "keys")).Read("default")
		if err != nil {
			t.Fatal(err)
		}
		id, err := f.Open(passphrase)
		if err != nil {
			t.Fatal(err)
		}
		secrets["signing seed of "+name] = id.Signing.Seed()
		secrets["read seed of "+name] = id.Read.Seed()
	}
	for i, data := range folders {
		b, err := os.ReadFile(filepath.Join(data, "server", identity.FileName))
		if err != nil {
			t.Fatal(err)
		}
		const sum = 32
		for at := len(b) - sum - 128; at < len(b)-sum; at += 32 {
			secrets[fmt.Sprintf("seed of server %d at %d", i, at)] = b[at : at+32]
		}
	}
	stored := make(map[string][]byte) // without the room that a journal has at its end
	for _, data := range folders {
		for _, path := range filesWith(data, nil) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			stored[path] = bytes.TrimRight(b, "\x00")
		}
	}
	for what, secret := range secrets {
		if containsSecret(said.Bytes(), secret) {
			t.Errorf("the %s is in a log or an error", what)
		}
		if containsSecret(lines, secret) {
			t.Errorf("the %s is on a command line", what)
		}
		for path, b := range stored {
			if containsSecret(b, secret) && (!strings.HasPrefix(what, "seed of server") || filepath.Base(path) != identity.FileName) {
				t.Errorf("the %s is in %s", what, path)
			}
		}
	}
	// What is public is found by the same means, so that the test can fail.
	if !bytes.Contains(lines, []byte(onCommandLine)) || len(filesWith(folders[0], []byte(onCommandLine))) == 0 || !bytes.Contains(said.Bytes(), []byte(`"session begins"`)) {
		t.Error("what is public is not found either")
	}
	for _, folder := range append(folders, joe.home, ann.home) {
		checkModes(t, folder)
	}
}

// checkModes fails if others may read or write what is in a folder.
func checkModes(t *testing.T, folder string) {
	t.Helper()
	filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			t.Error(err)
		} else if mode := info.Mode().Perm(); mode&0o077 != 0 && path != folder && info.Size() > 0 { // a lock is empty
			t.Errorf("%s has the mode %#o", path, mode)
		}
		return nil
	})
}
