package chain

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/trust"
)

// validateTimeout is how long the seals of one round may take to validate.
const validateTimeout = 30 * time.Second

// Validator judges seals, in chains of distributed trust.
type Validator interface {
	// ValidateBatches is as trust.Validator says.
	ValidateBatches(ctx context.Context, chain event.ChainID, batches []trust.Batch) ([]trust.Verdict, error)
}

// validate returns what is wrong with the seal of each commit of a round that
// is not stored yet; it asks the trust plugin about all of them at once. What
// the signers may write, and whether their numbers ascend, is judged later.
//
// The plugin may be slow, so nobody's lock is held meanwhile.
func (j *judge) validate(round []*Commit) []error {
	verdicts := make([]error, len(round))
	introduced := introducedKeys(round)
	var batches []trust.Batch
	var asked []int
	for i, commit := range round {
		if _, stored := j.find(commit); stored || commit.shapeErr != nil || commit.own != nil {
			continue
		}
		signer, ok := j.tree.PublicKey(commit.seal.Signer)
		if !ok {
			signer, ok = introduced[commit.seal.Signer]
		}
		if !ok {
			verdicts[i] = unknownKey(commit.seal.Signer)
			continue
		}
		batches = append(batches, trust.Batch{First: j.Next(), Evidence: commit.Evidence, Leaves: commit.leaves, Signer: signer})
		asked = append(asked, i)
	}
	if len(batches) == 0 {
		return verdicts
	}
	ctx, cancel := context.WithTimeout(context.Background(), validateTimeout)
	defer cancel()
	answers, err := j.validator.ValidateBatches(ctx, j.id, batches)
	for k, i := range asked {
		switch {
		case err != nil:
			verdicts[i] = cannotValidate(err)
		case answers[k].Reason != "":
			verdicts[i] = fault.New(fault.BadSeal, "%s", answers[k].Reason)
		default:
			// A stranger cannot make this check cost anything.
			verdicts[i] = j.checkSeen(round[i].seal.Head)
		}
	}
	return verdicts
}

func unknownKey(id event.Hash) error {
	return fault.New(fault.UnknownKey, "no event of the chain has introduced the key %s that seals the commit; introduce it in the header of an event", id)
}

// cannotValidate says that the plugin failed, which is not the commit's fault.
func cannotValidate(err error) error {
	code := fault.Internal
	if fault.Is(err, fault.Unavailable) {
		code = fault.Unavailable
	}
	return fault.New(code, "the seal cannot be validated now: %w", err)
}

// introducedKeys returns the public keys that a round's events introduce, by
// id. With them, seals can be validated before it is known which of the events
// will be accepted.
func introducedKeys(round []*Commit) map[event.Hash][]byte {
	var keys map[event.Hash][]byte
	for _, commit := range round {
		for i := range commit.writes {
			if h := commit.writes[i].header; h != nil {
				for _, key := range h.Keys {
					if keys == nil {
						keys = make(map[event.Hash][]byte)
					}
					keys[event.KeyID(key)] = key
				}
			}
		}
	}
	return keys
}

// checkSeen returns a bad_seal fault unless the chain once had the head that a
// signer says it has seen.
func (c *Chain) checkSeen(head merkle.Head) error {
	root, ok := c.heads.Find(head.Size)
	if !ok {
		if head.Size > uint64(c.Next()) {
			return fault.New(fault.BadSeal, "the seal builds on the head %s, which the chain has not reached", head)
		}
		var err error
		if root, err = c.merkle.RootAt(context.Background(), head.Size); err != nil {
			return err
		}
		c.heads.Add(merkle.Head{Size: head.Size, Root: root})
	}
	if root != head.Root {
		return fault.New(fault.BadSeal, "the seal builds on the head %s, but the root of this chain at that size is %s: the signer has seen another history", head, root)
	}
	return nil
}
