package client

import (
	"time"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// StoredEvent is an event of the chain. It shares memory with its neighbours:
// an application that keeps a few of many copies them.
type StoredEvent struct {
	Seq       event.Seq
	Time      time.Time // of the commit, by the server's clock
	Commit    event.CommitID
	Header    event.Header
	RawHeader []byte // the header as its writer encoded it
	Data      []byte // nil if omitted
	Omitted   bool   // the data was left out, as the subscription asked, or was erased
	DataLen   int    // in bytes, also when the data was left out

	leaf event.Hash // if the chain is audited
}

// cursor walks through the events of records, checking them.
type cursor struct {
	records []byte // not begun
	batch   event.Batch
	frames  []byte    // of batch, not read
	left    int       // events of batch that are not read
	ordered bool      // batches must come in the order of their seqs
	after   event.Seq // the seq that the next batch must not go below
}

// next returns the next event, or false after the last. The header is not
// decoded yet: see decode.
func (c *cursor) next() (seq event.Seq, f event.Frame, ok bool, err error) {
	for c.left == 0 {
		if len(c.frames) != 0 {
			err = fault.New(fault.BadMessage, "the batch of event %d has %d bytes after its last event", c.batch.First, len(c.frames))
			return 0, event.Frame{}, false, err
		}
		if len(c.records) == 0 {
			return 0, event.Frame{}, false, nil
		}
		if err := c.begin(); err != nil {
			return 0, event.Frame{}, false, err
		}
	}
	f, c.frames, err = event.CutFrame(c.frames)
	if err != nil {
		return 0, event.Frame{}, false, err
	}
	seq = c.batch.Next() - event.Seq(c.left)
	c.left--
	return seq, f, true, nil
}

func (c *cursor) begin() (err error) {
	c.batch, c.records, err = event.CutRecord(c.records)
	if err == nil && c.ordered && c.batch.First < c.after {
		err = fault.New(fault.BadMessage, "event %d came when %d or a later one was due", c.batch.First, c.after)
	}
	c.left, c.frames, c.after = c.batch.Count, c.batch.Frames, c.batch.Next()
	return err
}

func (c *Client) decode(b *event.Batch, seq event.Seq, f event.Frame) (StoredEvent, error) {
	header, err := event.DecodeHeader(f.Header)
	e := StoredEvent{
		Seq:       seq,
		Time:      b.When(),
		Commit:    b.Commit,
		Header:    header,
		RawHeader: f.Header,
		Data:      f.Data,
		Omitted:   f.Omitted,
		DataLen:   f.DataLen,
	}
	if c.chain.Genesis.Trust == event.Distributed {
		e.leaf = f.Leaf(c.chain.ID)
	}
	return e, err
}
