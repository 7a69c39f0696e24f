package main

import (
	"context"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
)

// TestLogSaysWhatIsGone: who reads on from an event is told, beside the log, that
// compaction dropped some of what comes; who reads all is not.
func TestLogSaysWhatIsGone(t *testing.T) {
	t.Setenv("ATE_HOME", t.TempDir())
	s, err := clienttest.Start(clienttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	url := s.URL("ws", "example.com/joe/compacted")
	c, err := client.Dial(context.Background(), url, client.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, e := range []event.Header{{Key: []byte("a")}, {Key: []byte("b")}, {Key: []byte("a"), Tombstone: true}, {Key: []byte("b")}} {
		if _, err := c.Commit(t.Context(), client.Event{Header: e}); err != nil {
			t.Fatal(err)
		}
	}
	const superseded = "ate: the chain was compacted: some events from 2 to 2 are gone, superseded by later ones\n"
	const forgotten = "ate: the chain was compacted: some events from 2 to 3 are gone, superseded by later ones, and with them that some objects have ended: only the log from its beginning shows what lives\n"
	for _, step := range []struct {
		drop  []event.Seq
		from  string
		wrote string
		log   string // the seqs
	}{
		{nil, "2", "", "2 3 4 5 6"},
		{[]event.Seq{1, 2}, "2", superseded, "3 4 5 6 7 8"},
		{[]event.Seq{3}, "2", forgotten, "4 5 6 7 8 9 10"},
		{nil, "4", "", "4 5 6 7 8 9 10 11 12"},
		{nil, "0", "", "0 4 5 6 7 8 9 10 11 12 13 14"},
	} {
		s.Compact("example.com/joe/compacted", step.drop...)
		status, stdout, stderr := ate(t, "log", "--from", step.from, url)
		var seqs []string
		for line := range strings.Lines(stdout) {
			seqs = append(seqs, strings.SplitN(line, "\t", 2)[0])
		}
		if got := strings.Join(seqs, " "); status != 0 || stderr != step.wrote || got != step.log {
			t.Errorf("after %d were dropped, from %s: %s\n%s", step.drop, step.from, got, stderr)
		}
	}
}
