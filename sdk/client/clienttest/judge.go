package clienttest

import (
	"context"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
)

// judge decides who may write what in a chain.
type judge struct {
	tree    *authority.Tree
	writers *evidence.Writers
	keyring evidence.Keyring
}

func newJudge(genesis event.Genesis) *judge {
	return &judge{tree: authority.New(genesis), writers: evidence.NewWriters()}
}

// follow takes note of a batch that is stored.
func (j *judge) follow(batch *event.Batch, headers []eventpb.Header) {
	for i := range headers {
		// If it is judged at all, the batch was before it was stored.
		_ = j.tree.Apply(batch.First+event.Seq(i), &headers[i])
	}
	if seal, err := evidence.ParseSeal(batch.Evidence); err == nil {
		_ = j.writers.Admit(&seal) // so was its number
	}
}

// admit judges a batch that comes next, and takes note of it unless it returns
// an error.
func (c *chain) admit(by *session, batch *event.Batch, headers []eventpb.Header) error {
	j, writer := c.judge, by.proven
	if !c.judged {
		j.follow(batch, headers)
		return nil
	}
	var seal *evidence.Seal
	if c.genesis.Trust == event.Distributed {
		var err error
		if seal, err = c.checkSeal(batch, headers); err != nil {
			return err
		}
		writer = []event.Hash{seal.Signer}
	}
	mark := j.tree.Mark()
	i := 0
	for f, err := range batch.Events() {
		if err == nil {
			err = j.tree.Judge(batch.First+event.Seq(i), &headers[i], len(f.Data) > 0, writer)
		}
		if err != nil {
			j.tree.Revert(mark)
			return err
		}
		i++
	}
	j.tree.Settle()
	if seal != nil {
		return j.writers.Admit(seal) // checkSeal has checked it
	}
	return nil
}

func (c *chain) checkSeal(batch *event.Batch, headers []eventpb.Header) (*evidence.Seal, error) {
	seal, err := evidence.ParseSeal(batch.Evidence)
	if err != nil {
		return nil, err
	}
	encoded, ok := c.judge.tree.PublicKey(seal.Signer)
	for i := range headers {
		for _, key := range headers[i].Keys {
			if event.KeyID(key) == seal.Signer {
				encoded, ok = key, true
			}
		}
	}
	if !ok {
		return nil, fault.New(fault.UnknownKey, "no event introduced the key %s", seal.Signer)
	}
	key, err := c.judge.keyring.Parse(encoded)
	if err != nil {
		return nil, err
	}
	if err := seal.VerifyBatch(key, c.id, leavesOf(batch, c.id)); err != nil {
		return nil, err
	}
	if err := seal.CheckPlace(batch.First); err != nil {
		return nil, err
	}
	root, err := c.tree.RootAt(context.Background(), seal.Head.Size)
	if err != nil {
		return nil, err
	}
	if root != seal.Head.Root {
		return nil, fault.New(fault.BadSeal, "the seal builds on %s, another history", seal.Head)
	}
	return &seal, c.judge.writers.Check(&seal)
}
