package trust

import (
	"context"

	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
	"github.com/atedb/atedb/sdk/trust/trustpb"
)

const (
	// maxReason bounds the reason of a verdict, in bytes.
	maxReason = 4 << 10
	// callSize is about how many bytes of batches go into one call. A batch
	// is never divided.
	callSize = 4 << 20
)

// NewClient returns the validator at the other end of cc. A reply that is not
// what the contract says is a fault with code bad_message.
func NewClient(cc grpc.ClientConnInterface) Validator {
	return &client{rpc: trustpb.NewTrustClient(cc)}
}

type client struct{ rpc trustpb.TrustClient }

func (c *client) Rules(ctx context.Context) (Rules, error) {
	reply, err := c.rpc.Rules(ctx, &trustpb.RulesRequest{})
	if err != nil {
		return Rules{}, faultrpc.FromStatus(err)
	}
	switch reply.DefaultWireEncryption {
	case 0, 128, 192, 256:
	default:
		return Rules{}, lied("has %d as default wire encryption; 0, 128, 192 or 256 are allowed", reply.DefaultWireEncryption)
	}
	return Rules{
		UsesAuth: reply.UsesAuth, DefaultWireEncryption: int(reply.DefaultWireEncryption), PerBatch: reply.PerBatch,
	}, nil
}

func (c *client) VerifyProof(ctx context.Context, p Proof) error {
	reply, err := c.rpc.VerifyProof(ctx, &trustpb.VerifyProofRequest{
		ChainId: p.Chain[:], Binding: p.Binding, PublicKey: p.PublicKey, Proof: p.Proof,
	})
	switch {
	case err != nil:
		return faultrpc.FromStatus(err)
	case len(reply.Reason) > maxReason:
		return lied("refuses a proof with a reason of %d bytes; at most %d are allowed", len(reply.Reason), maxReason)
	case reply.Reason != "":
		return fault.New(fault.BadProof, "%s", reply.Reason)
	}
	return nil
}

// ValidateBatches sends the batches in as many calls as their size asks for.
func (c *client) ValidateBatches(ctx context.Context, chain event.ChainID, batches []Batch) ([]Verdict, error) {
	verdicts := make([]Verdict, 0, len(batches))
	for len(batches) > 0 {
		n, size := 0, 0
		for n < len(batches) && (n == 0 || size+batches[n].size() <= callSize) {
			size += batches[n].size()
			n++
		}
		some, err := c.validate(ctx, chain, batches[:n])
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, some...)
		batches = batches[n:]
	}
	return verdicts, nil
}

// size is about how many bytes the batch takes in a call.
func (b *Batch) size() int {
	return 32 + len(b.Evidence) + len(b.Signer) + len(b.Leaves)*len(event.Hash{})
}

func (c *client) validate(ctx context.Context, chain event.ChainID, batches []Batch) ([]Verdict, error) {
	req := &trustpb.ValidateRequest{ChainId: chain[:], Batches: make([]*trustpb.Batch, len(batches))}
	for i, b := range batches {
		leaves := make([]byte, 0, len(b.Leaves)*len(event.Hash{}))
		for j := range b.Leaves {
			leaves = append(leaves, b.Leaves[j][:]...)
		}
		req.Batches[i] = &trustpb.Batch{First: uint64(b.First), Evidence: b.Evidence, Leaves: leaves, Signer: b.Signer}
	}
	reply, err := c.rpc.Validate(ctx, req)
	if err != nil {
		return nil, faultrpc.FromStatus(err)
	}
	if len(reply.Verdicts) != len(batches) {
		return nil, lied("gave %d verdicts on %d batches", len(reply.Verdicts), len(batches))
	}
	verdicts := make([]Verdict, len(batches))
	for i, v := range reply.Verdicts {
		if len(v.Reason) > maxReason {
			return nil, lied("gave a verdict with a reason of %d bytes; at most %d are allowed", len(v.Reason), maxReason)
		}
		verdicts[i] = Verdict{Reason: v.Reason}
	}
	return verdicts, nil
}

func lied(format string, args ...any) error {
	return fault.New(fault.BadMessage, "the trust plugin breaks its contract: it "+format, args...)
}
