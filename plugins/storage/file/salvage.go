package file

import (
	"errors"
	"io/fs"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// salvage keeps what the journal had of damaged chains in their folders,
// because the journal's files will be used again.
func (r *recovery) salvage() error {
	for _, l := range r.lost {
		r.store.log.Error("a chain is damaged; what the journal has of it is kept beside it",
			"chain", l.chain.name, "file", l.chain.path(salvageName), "bytes", len(l.records), "error", l.reason)
		held, err := l.chain.readSalvage()
		if err != nil {
			return err
		}
		records, err := joinRecords(held, l.records)
		if err != nil {
			return fault.New(fault.Damaged, "keeping what the journal has of chain %q: %s", l.chain.name, fault.From(err).Reason)
		}
		if err := l.chain.store.disk.write(l.chain.path(salvageName), records); err != nil {
			return err
		}
	}
	return nil
}

// joinRecords appends those records of more that come after the last of held.
func joinRecords(held, more []byte) ([]byte, error) {
	next, err := lastNext(held)
	if err != nil {
		return nil, err
	}
	for rest := more; len(rest) > 0; {
		first, count, size, err := event.PeekRecord(rest)
		if err != nil {
			return nil, err
		}
		if first >= next {
			held = append(held, rest[:size]...)
			next = first + event.Seq(count)
		}
		rest = rest[size:]
	}
	return held, nil
}

// readSalvage returns the records that an earlier recovery kept, if there are
// any.
func (c *chain) readSalvage() ([]byte, error) {
	path := c.path(salvageName)
	b, err := c.store.disk.read(path, maxSalvage)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, ioFault(err, "reading "+path)
	}
	offset := int64(0)
	for batch, err := range event.Records(b) {
		if err != nil {
			return nil, damaged(path, offset, err)
		}
		offset += int64(batch.RecordSize())
	}
	return b, nil
}

// applySalvage appends what an earlier recovery kept to a chain that has been
// mended since. It is called while the chain is being opened.
func (c *chain) applySalvage() error {
	b, err := c.readSalvage()
	if err != nil || len(b) == 0 {
		return err
	}
	var records []byte
	next := c.next
	for rest := b; len(rest) > 0; {
		first, count, size, err := event.PeekRecord(rest)
		if err != nil {
			return err
		}
		if first > next {
			return fault.New(fault.Damaged, "%s has records from seq %d on, but %s ends at %d; restore the latter from a copy, and the former is appended", c.path(salvageName), first, c.active.path, next)
		}
		if first == next {
			records = append(records, rest[:size]...)
			next = first + event.Seq(count)
		}
		rest = rest[size:]
	}
	if err := c.appendSettled(records, next); err != nil {
		return err
	}
	if err := c.store.disk.Remove(c.path(salvageName)); err != nil {
		return ioFault(err, "removing "+c.path(salvageName))
	}
	return c.store.disk.syncDir(c.dir)
}

// appendSettled appends records to the chain's file without the journal,
// durably.
func (c *chain) appendSettled(records []byte, next event.Seq) error {
	if len(records) == 0 {
		return nil
	}
	in := &buffer{bytes: records}
	in.users.Store(1)
	c.store.freed(-int64(cap(records)))
	c.place(piece{c.next, next, records, in}, uint64(next-c.next))
	if _, err := c.flush(); err != nil {
		c.discard()
		return err
	}
	if err := c.roll(); err != nil {
		return err
	}
	c.store.log.Info("records that were kept beside a damaged chain have been appended to it", "chain", c.name, "bytes", len(records))
	return nil
}
