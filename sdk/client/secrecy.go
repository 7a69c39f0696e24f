package client

import (
	"context"
	"slices"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/secrecy"
)

// Encrypt encrypts an event's data, in place of the plain one, if only the
// holders of a data key may read the object, or the place where the event puts
// it. Nothing is sent. Without such an authority the event stays as it is; that
// none of the client's read keys opens the data key is a no_read_key fault.
//
// In centralized trust, who may read is what the server says. An application
// that must not depend on that sets the event's Read, or checks its Encryption.
func (c *Client) Encrypt(ctx context.Context, e *Event) error {
	read, err := c.readAuthority(ctx, e)
	if err != nil || read.Kind != event.ReadByKey || len(e.Data) == 0 {
		return err
	}
	key, err := c.dataKey(ctx, read.Key)
	if err != nil {
		return err
	}
	return c.encrypt(key, e)
}

func (c *Client) encrypt(key *secrecy.DataKey, e *Event) error {
	data, encryption, err := key.Seal(c.chain.ID, e.Header.Key, e.Data)
	if err == nil {
		e.Data, e.Header.Encryption = data, encryption
	}
	return err
}

// Decrypt puts an event's plain data in the place of the encrypted one. An
// event that is not encrypted, or whose data was left out, stays as it is; that
// none of the client's read keys opens its data key is a no_read_key fault.
func (c *Client) Decrypt(ctx context.Context, e *StoredEvent) error {
	if e.Header.Encryption == (event.Encryption{}) || e.Omitted {
		return nil
	}
	key, err := c.dataKey(ctx, e.Header.Encryption.Key)
	if err != nil {
		return fault.New(fault.CodeOf(err), "the data of object %q is encrypted: %w", e.Header.Key, err)
	}
	e.Data, err = key.Open(c.chain.ID, e.Header.Key, e.Header.Encryption, e.Data)
	return err
}

// Share returns a batch with which only members can read what an event writes,
// and from then on everything that is written to its object and under it: the
// event, encrypted with a new data key, and the record that gives them the key.
//
// If the object has a data key already, the new one is its next generation, and
// who is not among the members can read nothing that is written from then on.
func (c *Client) Share(ctx context.Context, e Event, members ...keys.ReadPublicKey) (Batch, error) {
	object := e.Header.Key
	in, err := c.readAuthority(ctx, &e)
	if err != nil {
		return Batch{}, err
	}
	key := secrecy.NewDataKey()
	if in.Kind == event.ReadByKey {
		old, err := c.dataKey(ctx, in.Key)
		if err != nil {
			return Batch{}, err
		}
		key = old.Next()
	}
	record, err := secrecy.Wrap(key, c.chain.ID, object, members)
	if err != nil {
		return Batch{}, err
	}
	c.keyring().Put(key)
	e.Header.Read = key.Authority()
	if len(e.Data) > 0 {
		if err := c.encrypt(key, &e); err != nil {
			return Batch{}, err
		}
	}
	return Batch{Events: []Event{e, {
		Header: event.Header{
			Key: secrecy.RecordKey(key.ID()), Type: secrecy.RecordType,
			Parent: event.Parent{Key: object}, Read: event.ReadAuthority{Kind: event.ReadEveryone},
		},
		Data: record,
	}}}, nil
}

// readAuthority returns who will be able to read an event's object. An object
// that is moved may have an authority of its own or come under that of its new
// parent, which cannot be asked for: then it is whichever has a data key, so
// that no server is sent what it may not see. At worst it refuses the event.
func (c *Client) readAuthority(ctx context.Context, e *Event) (event.ReadAuthority, error) {
	parent := e.Header.Parent
	switch e.Header.Read.Kind {
	case event.ReadByKey, event.ReadEveryone:
		return e.Header.Read, nil
	case event.ReadInherit:
		switch {
		case parent.Top:
			return event.ReadAuthority{Kind: event.ReadEveryone}, nil
		case len(parent.Key) == 0:
			return event.ReadAuthority{}, fault.New(fault.BadRequest, "object %q is to be read by whoever may read its parent; name the parent with it, so that the data is encrypted for those", e.Header.Key)
		}
		in, err := c.Authority(ctx, parent.Key, nil)
		return in.Read, err
	}
	in, err := c.Authority(ctx, e.Header.Key, parent.Key)
	if err == nil && in.Read.Kind != event.ReadByKey && len(parent.Key) > 0 {
		in, err = c.Authority(ctx, parent.Key, nil)
	}
	return in.Read, err
}

// Authority returns who may write and read an object or, if there is none, one
// that would be made under a parent; without a parent, at the top. In
// distributed trust it is what the client has verified, otherwise what the
// server says.
func (c *Client) Authority(ctx context.Context, key, parent []byte) (authority.Resolved, error) {
	a, err := c.audited(ctx)
	if err != nil {
		return authority.Resolved{}, err
	}
	if a == nil {
		return c.askAuthority(ctx, key, parent)
	}
	return a.authority(ctx, c.Head(), key, parent)
}

// dataKey returns a data key that one of the client's read keys opens.
func (c *Client) dataKey(ctx context.Context, id event.Hash) (*secrecy.DataKey, error) {
	ring := c.keyring()
	if key, ok := ring.Find(id); ok {
		return key, nil
	}
	e, err := c.Get(ctx, secrecy.RecordKey(id))
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NoReadKey, "the chain holds no record of the data key %s", id)
	}
	if err != nil {
		return nil, err
	}
	record, err := secrecy.ParseRecord(slices.Clone(e.Data))
	if err != nil {
		return nil, err
	}
	if record.ID != id {
		return nil, fault.New(fault.Damaged, "the record of the data key %s is of another one, %s", id, record.ID)
	}
	if err := ring.Add(record); err != nil {
		return nil, err
	}
	key, ok := ring.Find(id)
	if !ok {
		return nil, fault.New(fault.NoReadKey, "none of your read keys opens the data key %s", id)
	}
	return key, nil
}

// keyring returns the data keys that were opened.
func (c *Client) keyring() *secrecy.Keyring {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ring == nil {
		c.ring = secrecy.NewKeyring(c.chain.ID, c.options.Readers...)
	}
	return c.ring
}
