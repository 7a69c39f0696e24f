package trust

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/trust/trustpb"
)

// direct is a connection that calls a server in this process, whose replies a
// function may spoil.
type direct struct {
	grpc.ClientConnInterface
	server server
	spoil  func(reply any)
	calls  int
}

func (d *direct) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	d.calls++
	answer, err := d.call(ctx, args)
	if err != nil {
		return err
	}
	if d.spoil != nil {
		d.spoil(answer)
	}
	proto.Merge(reply.(proto.Message), answer)
	return nil
}

func (d *direct) call(ctx context.Context, args any) (proto.Message, error) {
	switch req := args.(type) {
	case *trustpb.RulesRequest:
		return d.server.Rules(ctx, req)
	case *trustpb.VerifyProofRequest:
		return d.server.VerifyProof(ctx, req)
	default:
		return d.server.Validate(ctx, req.(*trustpb.ValidateRequest))
	}
}

// fake judges a batch by its evidence, and keeps what it was asked.
type fake struct {
	rules   Rules
	proof   Proof
	batches []Batch
}

func (f *fake) Rules(context.Context) (Rules, error) { return f.rules, nil }

func (f *fake) VerifyProof(_ context.Context, p Proof) error {
	f.proof = p
	switch string(p.Proof) {
	case "bad":
		return fault.New(fault.BadProof, "the proof is for another key")
	case "away":
		return fault.New(fault.Unavailable, "the keys are away")
	}
	return nil
}

func (f *fake) ValidateBatches(_ context.Context, _ event.ChainID, batches []Batch) ([]Verdict, error) {
	f.batches = append(f.batches, batches...)
	verdicts := make([]Verdict, len(batches))
	for i, b := range batches {
		if string(b.Evidence) == "bad" {
			verdicts[i].Reason = "the seal is broken"
		}
	}
	return verdicts, nil
}

func TestCallsArriveAsTheyWereMade(t *testing.T) {
	f := &fake{rules: Rules{UsesAuth: true, DefaultWireEncryption: 192, PerBatch: true}}
	c := NewClient(&direct{server: server{validator: f}})
	if rules, err := c.Rules(t.Context()); err != nil || rules != f.rules {
		t.Errorf("rules are %+v, %v", rules, err)
	}
	proof := Proof{Chain: event.ChainID{1}, Binding: []byte("b"), PublicKey: []byte("k"), Proof: []byte("good")}
	if err := c.VerifyProof(t.Context(), proof); err != nil || !reflect.DeepEqual(f.proof, proof) {
		t.Errorf("the plugin got %+v, %v", f.proof, err)
	}
	err := c.VerifyProof(t.Context(), Proof{Proof: []byte("bad")})
	if f := fault.From(err); f.Code != fault.BadProof || f.Reason != "the proof is for another key" {
		t.Errorf("got %v", err)
	}
	if err := c.VerifyProof(t.Context(), Proof{Proof: []byte("away")}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	batches := []Batch{
		{First: 7, Evidence: []byte("good"), Leaves: []event.Hash{{9}, {8}}, Signer: []byte("joe's key")},
		{First: 9, Evidence: []byte("bad"), Leaves: []event.Hash{{7}}, Signer: []byte("ann's key")},
		{First: 10, Evidence: []byte("good"), Leaves: []event.Hash{{6}}, Signer: []byte("joe's key")},
	}
	verdicts, err := c.ValidateBatches(t.Context(), event.ChainID{1}, batches)
	want := []Verdict{{}, {Reason: "the seal is broken"}, {}}
	if err != nil || !slices.Equal(verdicts, want) || !reflect.DeepEqual(f.batches, batches) {
		t.Errorf("verdicts %+v, %v on %+v", verdicts, err, f.batches)
	}
}

func TestManyBatchesTakeSeveralCalls(t *testing.T) {
	f := &fake{}
	d := &direct{server: server{validator: f}}
	batches := make([]Batch, 10)
	for i := range batches {
		batches[i] = Batch{First: event.Seq(i), Evidence: make([]byte, callSize/4)}
	}
	verdicts, err := NewClient(d).ValidateBatches(t.Context(), event.ChainID{}, batches)
	if err != nil || len(verdicts) != 10 || len(f.batches) != 10 || f.batches[9].First != 9 || d.calls != 4 {
		t.Errorf("%d verdicts in %d calls, %v", len(verdicts), d.calls, err)
	}
}

func TestClientRefusesWhatTheContractForbids(t *testing.T) {
	long := strings.Repeat("x", maxReason+1)
	for want, spoil := range map[string]func(any){
		"has 64 as default wire encryption": func(r any) { setIf(r, func(r *trustpb.RulesReply) { r.DefaultWireEncryption = 64 }) },
		"refuses a proof with a reason":     func(r any) { setIf(r, func(r *trustpb.VerifyProofReply) { r.Reason = long }) },
		"0 verdicts on 1 batches":           func(r any) { setIf(r, func(r *trustpb.ValidateReply) { r.Verdicts = nil }) },
		"a verdict with a reason":           func(r any) { setIf(r, func(r *trustpb.ValidateReply) { r.Verdicts[0].Reason = long }) },
	} {
		c := NewClient(&direct{server: server{validator: &fake{}}, spoil: spoil})
		_, rulesErr := c.Rules(t.Context())
		proofErr := c.VerifyProof(t.Context(), Proof{})
		_, validateErr := c.ValidateBatches(t.Context(), event.ChainID{}, []Batch{{Leaves: make([]event.Hash, 2)}})
		found := 0
		for _, err := range []error{rulesErr, proofErr, validateErr} {
			if err == nil {
				continue
			}
			if found++; !fault.Is(err, fault.BadMessage) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want it to say %q", err, want)
			}
		}
		if found != 1 {
			t.Errorf("%q: %d errors, want 1", want, found)
		}
	}
}

// setIf changes a reply of one type.
func setIf[R any](reply any, set func(R)) {
	if r, ok := reply.(R); ok {
		set(r)
	}
}

func TestServerChecksLengths(t *testing.T) {
	s := &server{validator: &fake{}}
	if _, err := s.VerifyProof(t.Context(), &trustpb.VerifyProofRequest{ChainId: make([]byte, 31)}); err == nil {
		t.Error("a short chain id passed")
	}
	req := &trustpb.ValidateRequest{ChainId: make([]byte, 32), Batches: []*trustpb.Batch{{Leaves: make([]byte, 33)}}}
	if _, err := s.Validate(t.Context(), req); err == nil {
		t.Error("a short leaf hash passed")
	}
}
