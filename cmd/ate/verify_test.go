package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atedb/atedb/cmd/ate/internal/savedlog"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

const verifyChain = "example.com/joe/verified"

// startVerified returns a server with a chain of seven events in three commits:
// 1 to 3, 4, and 5 and 6.
func startVerified(t *testing.T, trust event.Trust) (s *clienttest.Server, url string) {
	t.Helper()
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	if s, err = clienttest.Start(clienttest.Options{Trust: trust, Identity: id}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	t.Setenv("ATE_HOME", t.TempDir())
	url = s.URL("tcp", verifyChain)
	c, err := client.Dial(t.Context(), url, client.Options{Create: true, Signer: keys.NewSigningKey()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, count := range []int{3, 1, 2} {
		var events []client.Event
		for range count {
			events = append(events, client.Event{Header: event.Header{Key: []byte("k")}, Data: []byte("data that somebody changes")})
		}
		if _, err := c.Commit(t.Context(), events...); err != nil {
			t.Fatal(err)
		}
	}
	return s, url
}

// ate runs the command and returns what it wrote.
func ate(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

// TestVerify: a good chain verifies from the server and from the file, also when
// compaction took events, and what was checked is said.
func TestVerify(t *testing.T) {
	for _, trust := range []event.Trust{event.Centralized, event.Distributed} {
		for name, gone := range map[string][]event.Seq{"whole": nil, "compacted": {2, 4}, "compacted, all that may": {1, 2, 3, 4, 5}} {
			t.Run(trust.String()+" "+name, func(t *testing.T) {
				s, url := startVerified(t, trust)
				s.Compact(verifyChain, gone...)
				file := filepath.Join(t.TempDir(), "log")
				status, online, stderr := ate(t, "verify", "--save", file, url)
				if status != 0 {
					t.Fatal(stderr)
				}
				status, offline, stderr := ate(t, "verify", "--offline", file, url)
				if report, _, found := strings.Cut(online, "server "); !found || status != 0 || offline != report {
					t.Errorf("offline: %s%s\nonline: %s", stderr, offline, online)
				}
				for _, want := range []string{"chain    " + verifyChain + ", " + trust.String(), "head     9:", "dropped by compaction: " + string(rune('0'+len(gone)))} {
					if !strings.Contains(online, want) {
						t.Errorf("it does not say %q: %s", want, online)
					}
				}
			})
		}
	}
}

// TestVerifyNamesTheEvent: from the server, a changed event is named, whether or
// not there are seals.
func TestVerifyNamesTheEvent(t *testing.T) {
	for trust, says := range map[event.Trust]string{event.Centralized: "event 4 is another one than was signed", event.Distributed: "the batch of event 4: the seal is of other events"} {
		s, url := startVerified(t, trust)
		s.SetFaults(clienttest.Faults{Send: func(_ int, m stream.Message) {
			e, ok := m.(*wirepb.Events)
			if !ok {
				return
			}
			var changed []byte
			for b, err := range event.Records(e.Records) {
				if err == nil && b.First == 4 {
					b.Frames[len(b.Frames)-1] ^= 1
				}
				changed = b.AppendRecord(changed)
			}
			e.Records = changed
		}})
		if status, _, stderr := ate(t, "verify", url); status == 0 || !strings.Contains(stderr, says) {
			t.Errorf("%s: exits with %d and says %q", trust, status, stderr)
		}
	}
}

// TestVerifyFlippedBits flips a bit of each byte of a saved log, one after the
// other: none is accepted but where nothing depends on it, and where it is in an
// event, that event is named.
func TestVerifyFlippedBits(t *testing.T) {
	_, url := startVerified(t, event.Distributed)
	file := filepath.Join(t.TempDir(), "log")
	if status, _, stderr := ate(t, "verify", "--save", file, url); status != 0 {
		t.Fatal(stderr)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	seq, named := event.Seq(0), 0
	in := make(map[int]event.Seq) // bytes of the file that are in an event's data
	for at := 0; ; {
		i := bytes.Index(good[at:], []byte("data that"))
		if i < 0 {
			break
		}
		seq++
		for k := range len("data that") {
			in[at+i+k] = seq
		}
		at += i + 1
	}
	if seq != 6 {
		t.Fatalf("the file has the data of %d events", seq)
	}
	for i := 0; i < len(good); i++ {
		seq, isData := in[i]
		if !isData && i%61 != 0 {
			continue
		}
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		_, err := readSaved(t.Context(), bytes.NewReader(bad))
		switch {
		case err == nil:
			t.Errorf("byte %d may be changed: %q for %q", i, bad[max(i-8, 0):i+8], good[max(i-8, 0):i+8])
		case isData:
			if named++; !strings.Contains(err.Error(), "event "+string(rune('0'+seq))+" was changed") {
				t.Errorf("byte %d is in event %d; the error is %q", i, seq, err)
			}
		}
	}
	if named == 0 {
		t.Error("no event's byte was changed")
	}
}

// TestVerifySavedLies: a saved log that was made up from good parts, with
// checksums and lengths that fit, is refused.
func TestVerifySavedLies(t *testing.T) {
	_, url := startVerified(t, event.Distributed)
	file := filepath.Join(t.TempDir(), "log")
	if status, _, stderr := ate(t, "verify", "--save", file, url); status != 0 {
		t.Fatal(stderr)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type section struct {
		kind    savedlog.Kind
		payload []byte
	}
	var good []section
	in, err := savedlog.NewReader(f)
	for err == nil {
		var s section
		if s.kind, s.payload, _, err = in.Next(); s.kind == savedlog.End {
			break
		}
		good = append(good, s)
	}
	if err != nil || len(good) != 7 {
		t.Fatalf("%d sections, %v", len(good), err)
	}
	for attack, test := range map[string]struct {
		change func([]section) []section
		says   string
	}{
		"no checkpoint":        {func(s []section) []section { return append(s[:1:1], s[2:]...) }, ""},
		"no key":               {func(s []section) []section { return s[1:] }, ""},
		"another key":          {func(s []section) []section { s[0].payload = keys.NewSigningKey().Public().Bytes(); return s }, ""},
		"no leaf hashes":       {func(s []section) []section { return append(s[:2:2], s[3:]...) }, "are not in the file"},
		"too few leaf hashes":  {func(s []section) []section { s[2].payload = s[2].payload[:6*32]; return s }, "are not in the file"},
		"too many leaf hashes": {func(s []section) []section { s[2].payload = append(s[2].payload, make([]byte, 32)...); return s }, "bytes of leaf hashes, and a head of 7 events"},
		"half a leaf hash":     {func(s []section) []section { s[2].payload = append(s[2].payload, 1); return s }, "bytes of leaf hashes, and a head of 7 events"},
		"no events":            {func(s []section) []section { return s[:3] }, "it has no events"},
		"no genesis":           {func(s []section) []section { return append(s[:3:3], s[4:]...) }, ""},
		"events reordered":     {func(s []section) []section { s[4], s[5] = s[5], s[4]; return s }, "event 1 comes after event 4"},
		"events twice":         {func(s []section) []section { return append(s, s[6]) }, "event 5 comes after event 6"},
		"leaf hash changed":    {func(s []section) []section { s[2].payload[4*32] ^= 1; return s }, "event 4 was changed, or its leaf hash"},
		"seal changed": {func(s []section) []section {
			record := s[5].payload
			record[event.RecordHeader+event.BatchHeader+1000] ^= 1
			return s
		}, "the record of event 4: its events, 1 of them, are good, and what stands before them was changed"},
		"seal changed, with a checksum": {func(s []section) []section {
			record := s[5].payload
			record[event.RecordHeader+event.BatchHeader+1000] ^= 1
			binary.LittleEndian.PutUint32(record[4:], event.Checksum(record[event.RecordHeader:]))
			return s
		}, "the batch of event 4: the seal was not made by key"},
	} {
		t.Run(attack, func(t *testing.T) {
			var parts []section
			for _, s := range good {
				parts = append(parts, section{s.kind, bytes.Clone(s.payload)})
			}
			var b bytes.Buffer
			w := savedlog.NewWriter(&b)
			for _, s := range test.change(parts) {
				if err := w.Write(s.kind, s.payload); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			_, err := readSaved(t.Context(), &b)
			if err == nil || fault.CodeOf(err) == fault.Internal || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want what says %q", err, test.says)
			}
		})
	}
}
