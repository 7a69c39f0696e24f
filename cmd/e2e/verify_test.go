package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/event"
)

// person runs ate with a home of their own.
type person struct {
	t     *testing.T
	home  string
	env   []string
	stdin io.Reader
}

func newPerson(t *testing.T, withKey bool) *person {
	t.Helper()
	p := &person{t: t, home: t.TempDir()}
	if withKey {
		p.must("key", "new", "--no-passphrase")
	}
	return p
}

// ate runs a command and returns its exit status, output and errors.
func (p *person) ate(args ...string) (status int, stdout, stderr string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "ate"), args...)
	cmd.Env = append(append(os.Environ(), "ATE_HOME="+p.home), p.env...)
	cmd.Stdin = p.stdin
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// must runs a command that has to succeed.
func (p *person) must(args ...string) string {
	p.t.Helper()
	status, stdout, stderr := p.ate(args...)
	if status != 0 {
		p.t.Fatalf("ate %s exits with %d: %s", strings.Join(args, " "), status, stderr)
	}
	return stdout
}

// refused runs a command that has to be refused, with each of some words.
func (p *person) refused(words []string, args ...string) {
	p.t.Helper()
	status, _, stderr := p.ate(args...)
	if status != 1 {
		p.t.Errorf("ate %s exits with %d: %s", strings.Join(args, " "), status, stderr)
	}
	for _, word := range words {
		if !strings.Contains(stderr, word) {
			p.t.Errorf("ate %s does not say %q: %s", strings.Join(args, " "), word, stderr)
		}
	}
}

// section is a part of a saved log: package savedlog has the format.
type section struct {
	kind    byte
	payload []byte // in the file
}

// sections parts a saved log.
func sections(t *testing.T, saved []byte) (all []section) {
	t.Helper()
	for b := saved[bytes.IndexByte(saved, '\n')+1:]; len(b) > 0; {
		n := int(binary.LittleEndian.Uint32(b[1:]))
		all = append(all, section{b[0], b[5 : 5+n]})
		b = b[5+n:]
	}
	return all
}

// TestFlippedBitIsNamed changes one bit of a saved log at a time. Where a record
// was changed, its event is named, also when its checksum was made to fit.
func TestFlippedBitIsNamed(t *testing.T) {
	d := startDaemonWith(t, []string{"--trust", "distributed", "solo"}, t.TempDir())
	joe := newPerson(t, true)
	url := d.url("example.com/joe/mydb")
	for i := range 4 {
		joe.must("put", url, fmt.Sprintf("key%d", i), fmt.Sprintf("value%d", i))
	}
	path := filepath.Join(t.TempDir(), "saved")
	joe.must("verify", "--save", path, url)
	saved, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d.stop()

	try := func(what string, want *regexp.Regexp, change func(all []section)) {
		t.Helper()
		changed := slices.Clone(saved)
		change(sections(t, changed))
		file := filepath.Join(t.TempDir(), "changed")
		if err := os.WriteFile(file, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		status, stdout, stderr := joe.ate("verify", "--offline", file, url)
		if status != 1 || stdout != "" || !want.MatchString(stderr) {
			t.Errorf("%s: exit status %d, %s%s; want %s", what, status, stdout, stderr, want)
		}
	}
	of := func(all []section, kind byte, n int) []byte {
		for _, s := range all {
			if s.kind == kind {
				if n == 0 {
					return s.payload
				}
				n--
			}
		}
		t.Fatalf("there is no section %c", kind)
		return nil
	}
	const evidenceAt = event.RecordHeader + event.BatchHeader
	for what, test := range map[string]struct {
		at   int // in event 2's record; from the end if negative
		want string
	}{
		"length": {0, `event 2\b`}, "checksum": {4, `event 2\b`}, "seq": {8, `event 2\b|event 3\b`}, "commit id": {30, `event 2\b`},
		"count": {40, `event 2\b`}, "seal's version": {evidenceAt, `event 2\b`}, "seal's signer": {evidenceAt + 1, `event 2\b`},
		"seal's number": {evidenceAt + 49, `event 2\b`}, "seal's head": {evidenceAt + 65, `event 2\b`}, "seal's leaves": {evidenceAt + 101, `event 2\b`},
		"signature": {evidenceAt + 200, `event 2\b`}, "signature's end": {evidenceAt + 133 + 3372, `event 2\b`},
		"header": {-8, `event 2\b`}, "data": {-1, `event 2\b`},
	} {
		index := func(record []byte) int { return (test.at + len(record)) % len(record) }
		try(what, regexp.MustCompile(test.want), func(all []section) {
			record := of(all, 'R', 2)
			record[index(record)] ^= 1
		})
		if what == "checksum" || what == "length" || what == "commit id" {
			continue // nothing but the checksum covers a commit's id
		}
		try(what+", checksum made to fit", regexp.MustCompile(test.want), func(all []section) {
			record := of(all, 'R', 2)
			record[index(record)] ^= 1
			binary.LittleEndian.PutUint32(record[4:], event.Checksum(record[event.RecordHeader:]))
		})
	}
	try("leaf hash", regexp.MustCompile(`event 3 was changed`), func(all []section) { of(all, 'L', 0)[3*32+5] ^= 1 })
	try("leaf hash of the genesis", regexp.MustCompile(`event 0 was changed`), func(all []section) { of(all, 'L', 0)[0] ^= 1 })
	try("genesis", regexp.MustCompile(`event 0\b`), func(all []section) { r := of(all, 'R', 0); r[len(r)-1] ^= 1 })
	try("checkpoint's head", regexp.MustCompile(`checkpoint`), func(all []section) {
		note := of(all, 'C', 0)
		note[bytes.IndexByte(note, '\n')+2] ^= 1
	})
	try("checkpoint's signature", regexp.MustCompile(`checkpoint`), func(all []section) { note := of(all, 'C', 0); note[len(note)-100] ^= 1 })
	try("server's key", regexp.MustCompile(`key|checkpoint`), func(all []section) { of(all, 'S', 0)[100] ^= 1 })
}

// TestFlippedBitOnDiskIsNamed flips one bit of a stored chain: ate verify fails,
// and says in which file and where.
func TestFlippedBitOnDiskIsNamed(t *testing.T) {
	for _, trust := range []string{"centralized", "distributed"} {
		t.Run(trust, func(t *testing.T) {
			data := t.TempDir()
			d := startDaemonWith(t, []string{"--no-auth", "--no-wire-encryption", "--trust", trust, "solo"}, data)
			joe := newPerson(t, true)
			url := d.url("example.com/joe/mydb")
			for i := range 4 {
				joe.must("put", url, fmt.Sprintf("key%d", i), fmt.Sprintf("the value of %d", i))
			}
			joe.must("verify", url)
			d.stop()
			found := filesWith(filepath.Join(data, "db"), []byte("the value of 2"))
			if len(found) != 1 {
				t.Fatalf("the value is in %v", found)
			}
			b, err := os.ReadFile(found[0])
			if err != nil {
				t.Fatal(err)
			}
			b[bytes.Index(b, []byte("the value of 2"))] ^= 1
			if err := os.WriteFile(found[0], b, 0o600); err != nil {
				t.Fatal(err)
			}
			d.restart()
			status, _, stderr := joe.ate("verify", url)
			if status != 1 || !strings.Contains(stderr, filepath.Base(found[0])) || !regexp.MustCompile(`offset \d+.*\[damaged\]`).MatchString(stderr) {
				t.Errorf("exit status %d: %s", status, stderr)
			}
		})
	}
}
