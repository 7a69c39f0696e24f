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

// shown is the data of events that stand in the server's log.
type shown struct {
	newest  []byte   // of an object's newest event; nil if the server says that there is none
	earlier [][]byte // of those that keep earlier statements, from a number on
}

// shown returns what the server's log has of an object, and of what it was before
// from a number on, once it is proven that the log has these events and continues
// what was seen of it. What the server cannot prove is a forked fault.
func (c *Client) shown(ctx context.Context, name string, key []byte, from uint64) (shown, error) {
	s, tied, err := c.lookOnce(ctx, name, key, from)
	if err != nil || tied {
		return s, err
	}
	// Another answer has moved the head on meanwhile, and this one's head is
	// proven to continue only the one before. Those who ask again take turns.
	select {
	case c.retrying <- struct{}{}:
		defer func() { <-c.retrying }()
	case <-ctx.Done():
		return shown{}, fault.New(fault.Unavailable, "%s has not answered: %w", c.url.Host, context.Cause(ctx))
	}
	for {
		if s, tied, err = c.lookOnce(ctx, name, key, from); err != nil || tied {
			return s, err
		}
	}
}

// lookOnce asks once. It reports whether the answer's head is tied to the newest
// one that is proven; without that the answer is of no use.
func (c *Client) lookOnce(ctx context.Context, name string, key []byte, from uint64) (s shown, tied bool, err error) {
	c.mu.Lock()
	base := c.head
	c.mu.Unlock()
	reply, err := c.ask(ctx, &authserverpb.Request{Ask: &authserverpb.Request_Look{Look: &authserverpb.Look{Name: name, KnownSize: base.Size, From: from}}})
	if err != nil {
		return s, false, err
	}
	found, err := expect(reply.GetFound())
	if err != nil {
		return s, false, err
	}
	chain, head, err := c.checkHead(found, base)
	if err != nil {
		return s, false, err
	}
	if s, err = shownBy(found, chain, head, key, from); err != nil {
		return s, false, err
	}
	tied, err = c.advance(chain, base, head)
	return s, tied, err
}

// shownBy returns what an answer shows, which must be in the head.
func shownBy(found *authserverpb.Found, chain event.ChainID, head merkle.Head, key []byte, from uint64) (s shown, err error) {
	if len(found.Earlier) > MaxEarlier || from == 0 && len(found.Earlier) > 0 {
		return s, fault.New(fault.BadMessage, "the authentication server showed %d earlier statements; %d at most are, and only who asks for them", len(found.Earlier), MaxEarlier)
	}
	if len(found.Frame) == 0 {
		return s, nil
	}
	if s.newest, err = dataOf(found, chain, head, key); err != nil {
		return s, err
	}
	for i, e := range found.Earlier {
		data, err := dataOf(e, chain, head, EarlierKey(key, from+uint64(i)))
		if err != nil {
			return s, err
		}
		s.earlier = append(s.earlier, data)
	}
	return s, nil
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

// proven is an event and the proof that it stands in a head.
type proven interface {
	GetFrame() []byte
	GetSeq() uint64
	GetInclusion() [][]byte
}

// dataOf returns what the event holds, which must be the object's and in the
// head.
func dataOf(p proven, chain event.ChainID, head merkle.Head, key []byte) ([]byte, error) {
	if size := len(p.GetFrame()); size > MaxFrame {
		return nil, fault.New(fault.TooLarge, "the authentication server showed an event of %d bytes; at most %d are allowed", size, MaxFrame)
	}
	frame, rest, err := event.CutFrame(p.GetFrame())
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
	proof, err := hashes(p.GetInclusion())
	if err != nil {
		return nil, err
	}
	return frame.Data, merkle.CheckInclusion(proof, head, p.GetSeq(), frame.Leaf(chain))
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
