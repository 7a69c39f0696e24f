package client

import (
	"bytes"
	"slices"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/token"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// sealer seals batches in chains of distributed trust.
type sealer struct {
	mu         sync.Mutex      // held from numbering a seal until its commit is queued, so that numbers ascend in the log
	writer     evidence.Writer // this client
	number     uint64          // of the last seal
	introduced bool            // the chain knows the key; guarded by Client.mu
}

// seals reports whether commits to the chain are sealed.
func (c *Client) seals() bool {
	return c.options.Signer != nil && c.chain.Genesis.Trust == event.Distributed
}

// checkSigner refuses a key that cannot write to a chain of this genesis.
func (c *Client) checkSigner(g *event.Genesis) error {
	signer := c.options.Signer
	if signer == nil || g.Trust != event.Distributed || signer.Public().QuantumResistant() {
		return nil
	}
	return fault.New(fault.Unsupported, "the chain %s has distributed trust, where every commit is sealed with a quantum-resistant key, and the key %s is of Ed25519 alone; write with a key that ate key new makes, or read without one", g.Name, signer.Public())
}

// seal gives a commit its evidence. The caller holds sealer.mu.
func (c *Client) seal(p *Pending) error {
	batch := event.Batch{Count: p.count, Frames: p.frames}
	leaves := make([]event.Hash, 0, p.count)
	for f, err := range batch.Events() {
		if err != nil {
			return err
		}
		leaves = append(leaves, f.Leaf(c.chain.ID))
	}
	if c.sealer.number == 0 {
		c.sealer.writer = evidence.NewWriter()
	}
	c.sealer.number++
	p.evidence = evidence.SignSeal(c.options.Signer, c.chain.ID, leaves, c.sealer.writer, c.sealer.number, c.Head())
	return nil
}

// introduces reports whether a commit should introduce the client's key: until
// one that did is stored, all of them do.
func (c *Client) introduces() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seals() && !c.sealer.introduced
}

// isRoot reports whether the genesis names the client's key.
func isRoot(g *event.Genesis, key []byte) bool {
	return slices.ContainsFunc(g.RootKeys, func(root []byte) bool { return bytes.Equal(root, key) })
}

// queueProof queues the proofs of the client's keys, which centralized trust
// asks for once on each connection.
func (c *Client) queueProof(conn *wire.Conn, binding [32]byte) {
	if c.options.Signer == nil || c.chain.Genesis.Trust != event.Centralized {
		return
	}
	c.queueProofOf(conn, c.options.Signer, c.options.Delegation, binding)
	for _, key := range c.options.OtherSigners {
		c.queueProofOf(conn, key, nil, binding)
	}
}

func (c *Client) queueProofOf(conn *wire.Conn, key *keys.SigningKey, delegation []byte, binding [32]byte) {
	conn.Queue(wire.Prove, &wirepb.Prove{
		PublicKey:  key.Public().Bytes(),
		Proof:      evidence.SignProof(key, c.chain.ID, binding[:]),
		Delegation: delegation,
	})
}

// owner returns the encoded public key that owns a chain that the client makes:
// its own or, with a token, that of the token's issuer.
func (o *Options) owner() ([]byte, error) {
	switch {
	case o.Signer == nil && len(o.Delegation)+len(o.OtherSigners) > 0:
		return nil, fault.New(fault.BadRequest, "a delegation, and other signers, are of use only with a signer, and there is none")
	case len(o.OtherSigners) > MaxOtherSigners:
		return nil, fault.New(fault.BadRequest, "there are %d other signers; at most %d are allowed", len(o.OtherSigners), MaxOtherSigners)
	case o.Signer == nil:
		return nil, nil
	}
	if len(o.Delegation) == 0 {
		return o.Signer.Public().Bytes(), nil
	}
	d, err := token.ParseDelegation(o.Delegation)
	if err != nil {
		return nil, err
	}
	if signer := o.Signer.Public(); d.Key != signer.ID() {
		return nil, fault.New(fault.BadToken, "the delegation is about another key than the signer %s", signer)
	}
	return d.Issuer.Bytes(), nil
}

// proofAnswered ends the client if the server does not believe its proof.
func (c *Client) proofAnswered(payload []byte) error {
	var m wirepb.Proven
	if err := stream.Unmarshal(wire.Proven, payload, &m); err != nil {
		return err
	}
	if err := refusal(m.Code, m.Reason); err != nil {
		return byeError{fault.From(err)}
	}
	return nil
}
