package authserver

import (
	"bytes"
	"context"

	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/checkpoint"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

// recall finds what is remembered of the server's log.
func (c *Client) recall() error {
	id, ok, err := c.heads.ChainOf(c.url.Host, LogName)
	if err != nil || !ok {
		return err
	}
	c.chain = id
	c.head, _, err = c.heads.Last(id)
	return err
}

// newest returns the data of an object's newest event in the server's log, nil
// if the server says that there is none, once it is proven that the log has the
// event and continues what was seen of it. What the server cannot prove is a
// forked fault.
func (c *Client) newest(ctx context.Context, name string, key []byte) ([]byte, error) {
	data, tied, err := c.lookOnce(ctx, name, key)
	if err != nil || tied {
		return data, err
	}
	// Another answer has moved the head on meanwhile, and this one's head is
	// proven to continue only the one before. Those who ask again take turns.
	select {
	case c.retrying <- struct{}{}:
		defer func() { <-c.retrying }()
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "%s has not answered: %w", c.url.Host, context.Cause(ctx))
	}
	for {
		if data, tied, err = c.lookOnce(ctx, name, key); err != nil || tied {
			return data, err
		}
	}
}

// lookOnce asks once. It reports whether the answer's head is tied to the newest
// one that is proven; without that the answer is of no use.
func (c *Client) lookOnce(ctx context.Context, name string, key []byte) (data []byte, tied bool, err error) {
	c.mu.Lock()
	base := c.head
	c.mu.Unlock()
	reply, err := c.ask(ctx, &authserverpb.Request{Ask: &authserverpb.Request_Look{Look: &authserverpb.Look{Name: name, KnownSize: base.Size}}})
	if err != nil {
		return nil, false, err
	}
	found, err := expect(reply.GetFound())
	if err != nil {
		return nil, false, err
	}
	chain, head, err := c.checkHead(found, base)
	if err != nil {
		return nil, false, err
	}
	if data, err = dataOf(found, chain, head, key); err != nil {
		return nil, false, err
	}
	tied, err = c.advance(chain, base, head)
	return data, tied, err
}

// checkHead returns the log's id and its head that the server signed, which
// continues base.
func (c *Client) checkHead(found *authserverpb.Found, base merkle.Head) (event.ChainID, merkle.Head, error) {
	if len(found.ChainId) != len(event.ChainID{}) {
		return event.ChainID{}, merkle.Head{}, fault.New(fault.BadMessage, "%s named its log by %d bytes instead of %d", c.url.Host, len(found.ChainId), len(event.ChainID{}))
	}
	chain := event.ChainID(found.ChainId)
	c.mu.Lock()
	expected := c.chain
	c.mu.Unlock()
	if expected != (event.ChainID{}) && expected != chain {
		return chain, merkle.Head{}, fault.New(fault.Forked, "the log of %s is another one than before: its id was %s and is now %s; its operator started anew, or somebody keeps two", c.url.Host, expected, chain)
	}
	signing, err := keys.ParsePublicKey(c.greeting.Server.Signing)
	if err != nil {
		return chain, merkle.Head{}, fault.New(fault.WrongServer, "%s has shown no key to sign its log with, so nothing that it says can be checked: %w", c.url.Host, err)
	}
	head, err := checkpoint.Open(found.Checkpoint, signing, chain)
	if err != nil {
		return chain, merkle.Head{}, err
	}
	if base.Size == 0 {
		return chain, head, nil
	}
	proof, err := hashes(found.Consistency)
	if err == nil {
		err = merkle.CheckConsistency(proof, base, head)
	}
	return chain, head, err
}

// dataOf returns what the frame holds, which must be the object's and in the
// head; nil if there is no frame.
func dataOf(found *authserverpb.Found, chain event.ChainID, head merkle.Head, key []byte) ([]byte, error) {
	if len(found.Frame) == 0 {
		return nil, nil
	}
	if len(found.Frame) > MaxFrame {
		return nil, fault.New(fault.TooLarge, "the authentication server showed an event of %d bytes; at most %d are allowed", len(found.Frame), MaxFrame)
	}
	frame, rest, err := event.CutFrame(found.Frame)
	if err != nil {
		return nil, err
	}
	header, err := event.DecodeHeader(frame.Header)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 || frame.Omitted || header.Tombstone || !bytes.Equal(header.Key, key) {
		return nil, fault.New(fault.Forked, "the authentication server showed an event of the object %q instead of one with a value of %q", header.Key, key)
	}
	proof, err := hashes(found.Inclusion)
	if err != nil {
		return nil, err
	}
	return frame.Data, merkle.CheckInclusion(proof, head, found.Seq, frame.Leaf(chain))
}

// advance remembers a head that is proven to continue base. It reports whether
// it is tied to the newest one that is proven.
func (c *Client) advance(chain event.ChainID, base, head merkle.Head) (bool, error) {
	if tied, err := c.tie(chain, base, head); !tied || err != nil {
		return false, err
	}
	return true, c.heads.Remember(chain, LogName, c.url.Host, head)
}

func (c *Client) tie(chain event.ChainID, base, head merkle.Head) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.chain != (event.ChainID{}) && c.chain != chain:
		return false, fault.New(fault.Forked, "%s has two logs, with the ids %s and %s", c.url.Host, c.chain, chain)
	case head.Size == c.head.Size && head != c.head:
		return false, fault.New(fault.Forked, "the log of %s has two heads: %s and %s", c.url.Host, c.head, head)
	case c.head != base && head != c.head:
		return false, nil
	}
	c.chain, c.head = chain, head
	return true, nil
}

func hashes(raw [][]byte) ([]event.Hash, error) {
	if len(raw) > merkle.MaxProof {
		return nil, fault.New(fault.BadMessage, "the authentication server sent a proof of %d hashes; none has more than %d", len(raw), merkle.MaxProof)
	}
	out := make([]event.Hash, len(raw))
	for i, h := range raw {
		if len(h) != len(event.Hash{}) {
			return nil, fault.New(fault.BadMessage, "the authentication server sent a hash of %d bytes in a proof", len(h))
		}
		out[i] = event.Hash(h)
	}
	return out, nil
}

// expect returns an answer, which must be there.
func expect[M any](m *M) (*M, error) {
	if m == nil {
		return nil, fault.New(fault.BadMessage, "the authentication server answered another question than was asked; it breaks the protocol")
	}
	return m, nil
}
