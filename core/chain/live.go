package chain

import (
	"crypto/rand"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
)

// sayWhatLives appends two events: one that means "as of now", and one that
// commits to what lived then. Package authority has their form. Commits go on
// between them; the first makes a round wait about 40 ms for a million objects.
func (c *Chain) sayWhatLives() error {
	var objects authority.LiveObjects
	at, err := c.commitOwn(authority.LiveBegin(), func() { objects = c.tree.LiveObjects() })
	if err == nil {
		_, err = c.commitOwn(objects.Live(at).Header(), func() {})
	}
	return err
}

// ownEvents is how many events sayWhatLives appends.
const ownEvents = 2

// commitOwn appends an event of the server's own. The leader calls then before
// anything comes after the event.
func (c *Chain) commitOwn(h event.Header, then func()) (event.Seq, error) {
	commit, err := ownCommit(h)
	if err != nil {
		return 0, err
	}
	commit.last = true
	answered := make(chan Result, 1)
	commit.Answer = func(_ *Commit, r Result) {
		if r.Err == nil {
			then()
		}
		answered <- r
	}
	c.Commit(commit)
	r := <-answered
	return r.First, r.Err
}

// ownCommit returns the commit of an event of the server's own.
func ownCommit(h event.Header) (*Commit, error) {
	encoded, err := h.Encode()
	if err != nil {
		return nil, err
	}
	commit := &Commit{Count: 1, Frames: event.AppendFrame(nil, encoded, nil), own: new(eventpb.Header)}
	_, _ = rand.Read(commit.ID[:]) // it never fails
	return commit, event.UnmarshalHeader(encoded, commit.own)
}
