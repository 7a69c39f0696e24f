package client

import (
	"testing"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// TestAnswerOfAnotherType: a question that is answered with another message than
// its answer ends the connection, and not the program. The question stays.
func TestAnswerOfAnotherType(t *testing.T) {
	for answerType, kind := range questions {
		for other := range questions {
			c := &Client{calls: map[uint64]*call{7: {kind: kind, answer: make(chan answer, 1)}}}
			err := c.answer(7, other, answer{reply: new(wirepb.Loaded)})
			if other == answerType && (err != nil || len(c.calls) != 0) || other != answerType && (!fault.Is(err, fault.BadMessage) || len(c.calls) != 1) {
				t.Errorf("a question of type %d is answered with type %d: %v", kind, other, err)
			}
		}
	}
	c := &Client{calls: map[uint64]*call{}}
	if err := c.answer(7, wire.Pong, answer{}); err != nil {
		t.Errorf("an answer that nobody waits for: %v", err)
	}
}
