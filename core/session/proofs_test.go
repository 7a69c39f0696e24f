package session

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"testing"
	"unsafe"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/trust"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// seals checks seals as the trust plugin does.
type seals struct{}

func (seals) ValidateBatches(_ context.Context, chain event.ChainID, batches []trust.Batch) ([]trust.Verdict, error) {
	verdicts := make([]trust.Verdict, len(batches))
	for i, b := range batches {
		seal, err := evidence.ParseSeal(b.Evidence)
		if err == nil {
			var pub keys.PublicKey
			if pub, err = keys.ParsePublicKey(b.Signer); err == nil {
				err = seal.VerifyBatch(pub, chain, b.Leaves)
			}
		}
		if err != nil {
			verdicts[i].Reason = err.Error()
		}
	}
	return verdicts, nil
}

// proofs checks proofs as the trust plugin does. It can be told to fail.
type proofs struct {
	err   error
	calls int
}

func (p *proofs) VerifyProof(_ context.Context, proof trust.Proof) error {
	if p.calls++; p.err != nil {
		return p.err
	}
	pub, err := keys.ParseAnyPublicKey(proof.PublicKey)
	if err != nil {
		return err
	}
	return evidence.VerifyProof(pub, proof.Chain, proof.Binding, proof.Proof)
}

// fakeProofs takes every proof that says "good".
type fakeProofs struct{}

func (fakeProofs) VerifyProof(_ context.Context, proof trust.Proof) error {
	if string(proof.Proof) != "good" {
		return fault.New(fault.BadProof, "the proof does not say good")
	}
	return nil
}

func (c *client) ask(t wire.Type, m interface {
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
}, want wire.Type, reply interface{ UnmarshalVTUnsafe([]byte) error }) {
	c.t.Helper()
	if err := c.Send(t, m); err != nil {
		c.t.Fatal(err)
	}
	c.expect(want, reply)
}

func (c *client) prove(m *wirepb.Prove) string {
	c.t.Helper()
	reply := new(wirepb.Proven)
	c.ask(wire.Prove, m, wire.Proven, reply)
	if reply.Code == "" != (reply.Reason == "") {
		c.t.Errorf("proven: %+v", reply)
	}
	return reply.Code
}

// rejected commits and returns the code that it is refused with, or "".
func (c *client) rejected(m *wirepb.Commit) string {
	c.t.Helper()
	if err := c.Send(wire.Commit, m); err != nil {
		c.t.Fatal(err)
	}
	t, payload, err := c.Receive()
	if err != nil {
		c.t.Fatal(err)
	}
	if t == wire.Committed {
		return ""
	}
	var refused wirepb.Rejected
	if err := refused.UnmarshalVTUnsafe(payload); err != nil || t != wire.Rejected {
		c.t.Fatalf("message of type %d, %v", t, err)
	}
	return refused.Code
}

// TestProofs has connections prove keys: what is proven on one is good there
// alone.
func TestProofs(t *testing.T) {
	owner, thief := keys.NewSigningKey(), keys.NewSigningKey()
	h := newHostOf(t, event.Centralized, owner.Public().Bytes())
	verifier := &proofs{}
	h.options.Verifier, h.options.Binding = verifier, [32]byte{1}
	c, opened := h.open()
	if opened.ReadOnly == "" {
		t.Error("the chain is not said to be read-only")
	}
	prove := func(key *keys.SigningKey, chain event.ChainID, binding byte) *wirepb.Prove {
		b := [32]byte{binding}
		return &wirepb.Prove{PublicKey: owner.Public().Bytes(), Proof: evidence.SignProof(key, chain, b[:])}
	}
	id := h.chain.ID()
	good := prove(owner, id, 1)
	flipped := &wirepb.Prove{PublicKey: good.PublicKey, Proof: bytes.Clone(good.Proof)}
	flipped.Proof[100] ^= 1
	for name, attack := range map[string]*wirepb.Prove{
		"another's signature":             prove(thief, id, 1),
		"a proof for another connection":  prove(owner, id, 2),
		"a proof for another chain":       prove(owner, event.ChainID{9}, 1),
		"a flipped bit":                   flipped,
		"no proof":                        {PublicKey: good.PublicKey},
		"nothing":                         {},
		"a key cut short with its proof":  {PublicKey: good.PublicKey[:10], Proof: good.Proof},
		"a proof with a byte after it":    {PublicKey: good.PublicKey, Proof: append(bytes.Clone(good.Proof), 0)},
		"an empty key with a good proof":  {Proof: good.Proof},
		"a seal in the place of a proof":  {PublicKey: good.PublicKey, Proof: evidence.SignSeal(owner, id, []event.Hash{{1}}, evidence.NewWriter(), 1, h.chain.Head())},
		"a key of a huge length, no more": {PublicKey: make([]byte, 1<<20)},
	} {
		if code := c.prove(attack); code == "" {
			t.Errorf("%s was taken", name)
		}
	}
	if code := c.rejected(commit(1, "k", nil)); code != string(fault.NotAuthorized) {
		t.Errorf("a write before the proof: %q", code)
	}
	verifier.err = fault.New(fault.Unavailable, "the plugin is away")
	if code := c.prove(good); code != string(fault.Unavailable) {
		t.Errorf("without the plugin: %q", code)
	}
	verifier.err = nil
	if code := c.prove(good); code != "" {
		t.Fatalf("a good proof: %q", code)
	}
	if code := c.rejected(commit(2, "k", nil)); code != "" {
		t.Errorf("a write after the proof: %q", code)
	}
	calls := verifier.calls
	if code := c.prove(prove(thief, id, 1)); code != "" || verifier.calls != calls {
		t.Errorf("proving a proven key again: %q, %d calls", code, verifier.calls-calls)
	}
	h.options.Binding = [32]byte{2}
	other := h.connect()
	if code := other.rejected(commit(3, "k", nil)); code != string(fault.NotAuthorized) {
		t.Errorf("a write on another connection: %q", code)
	}
	if code := other.prove(good); code != string(fault.BadProof) {
		t.Errorf("replaying the proof on another connection: %q", code)
	}
}

// TestEd25519Owner has the owner of a chain write with a key of Ed25519 alone,
// and nobody else: not another such key, and not whoever has a quantum-resistant
// one with the same Ed25519 half.
func TestEd25519Owner(t *testing.T) {
	whole, thief := keys.NewSigningKey(), keys.NewSigningKey()
	alone := func(of *keys.SigningKey) *keys.SigningKey {
		key, err := keys.Ed25519SigningKey(ed25519.NewKeyFromSeed(of.Seed()[keys.SigningSeedSize-ed25519.SeedSize:]))
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	owner := alone(whole)
	h := newHostOf(t, event.Centralized, owner.Public().Bytes())
	h.options.Verifier, h.options.Binding = &proofs{}, [32]byte{1}
	prove := func(key, signer *keys.SigningKey) *wirepb.Prove {
		return &wirepb.Prove{PublicKey: key.Public().Bytes(), Proof: evidence.SignProof(signer, h.chain.ID(), h.options.Binding[:])}
	}
	c := h.connect()
	for name, attack := range map[string]*wirepb.Prove{
		"signed by another":          prove(owner, alone(thief)),
		"signed by the whole key":    prove(owner, whole),
		"the whole key's, with half": prove(whole, owner),
	} {
		if code := c.prove(attack); code != string(fault.BadProof) {
			t.Errorf("%s: %q", name, code)
		}
	}
	for _, other := range []*keys.SigningKey{alone(thief), whole} {
		if code := c.prove(prove(other, other)); code != "" {
			t.Errorf("a good proof of another key: %q", code)
		}
	}
	if code := c.rejected(commit(1, "k", nil)); code != string(fault.NotAuthorized) {
		t.Errorf("a write before the owner's proof: %q", code)
	}
	if code := c.prove(prove(owner, owner)); code != "" {
		t.Fatalf("the owner's proof: %q", code)
	}
	if code := c.rejected(commit(2, "k", nil)); code != "" {
		t.Errorf("a write after it: %q", code)
	}
}

// TestCommitsRightBehindAProof has commits count as proven that are sent with
// the proof, without waiting for its answer, and none that are sent before it.
func TestCommitsRightBehindAProof(t *testing.T) {
	h := newHostOf(t, event.Centralized, []byte("owner"))
	h.options.Verifier = fakeProofs{}
	c := h.connect()
	c.Queue(wire.Commit, commit(1, "k", nil))
	c.Queue(wire.Prove, &wirepb.Prove{PublicKey: []byte("owner"), Proof: []byte("good")})
	c.Queue(wire.Commit, commit(2, "k", nil))
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	// Commits are answered in order, and proofs are, but a commit's answer may
	// come behind the next proof's.
	var got []wire.Type
	for range 3 {
		m, _, err := c.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if m != wire.Proven {
			got = append(got, m)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint([]wire.Type{wire.Rejected, wire.Committed}) {
		t.Errorf("answers: %d", got)
	}
}

func TestTooManyProofs(t *testing.T) {
	h := newHost(t)
	h.options.Verifier = fakeProofs{}
	c := h.connect()
	prove := func(i int) string {
		return c.prove(&wirepb.Prove{PublicKey: fmt.Append(nil, "key ", i), Proof: []byte("good")})
	}
	for i := range MaxProven {
		if code := prove(i); code != "" {
			t.Fatalf("key %d: %q", i, code)
		}
	}
	if code := prove(MaxProven); code != string(fault.TooLarge) {
		t.Errorf("one too many: %q", code)
	}
	if code := prove(3); code != "" {
		t.Errorf("one that is proven already: %q", code)
	}
}

// TestDistributedSession has a sealed commit accepted, and neither a proof nor a
// commit without a seal.
func TestDistributedSession(t *testing.T) {
	key := keys.NewSigningKey()
	h := newHostOf(t, event.Distributed, key.Public().Bytes())
	verifier := &proofs{}
	h.options.Verifier = verifier
	c, opened := h.open()
	if opened.ReadOnly != "" {
		t.Errorf("read-only: %s", opened.ReadOnly)
	}
	proof := &wirepb.Prove{PublicKey: key.Public().Bytes(), Proof: evidence.SignProof(key, h.chain.ID(), make([]byte, 32))}
	if code := c.prove(proof); code != string(fault.BadRequest) || verifier.calls != 0 {
		t.Errorf("a proof: %q, %d calls", code, verifier.calls)
	}
	if code := c.rejected(commit(1, "k", nil)); code != string(fault.BadSeal) {
		t.Errorf("without a seal: %q", code)
	}
	m := commit(2, "k", []byte("data"))
	f, _, err := event.CutFrame(m.Frames)
	if err != nil {
		t.Fatal(err)
	}
	head, err := merkle.HeadOf(opened.Head)
	if err != nil {
		t.Fatal(err)
	}
	m.Evidence = evidence.SignSeal(key, h.chain.ID(), []event.Hash{f.Leaf(h.chain.ID())}, evidence.NewWriter(), 1, head)
	if code := c.rejected(m); code != "" {
		t.Errorf("with a seal: %q", code)
	}
	m.Id[5]++
	if code := c.rejected(m); code != string(fault.BadSeal) {
		t.Errorf("replayed: %q", code)
	}
}

// TestOpenedProvesContinuity opens with known heads of several sizes.
func TestOpenedProvesContinuity(t *testing.T) {
	h := newHost(t)
	c := h.connect()
	heads := []merkle.Head{merkle.EmptyHead(), h.chain.Head()}
	for i := range byte(6) {
		if code := c.rejected(commit(i, "k", []byte{i})); code != "" {
			t.Fatal(code)
		}
		heads = append(heads, h.chain.Head())
	}
	newest := heads[len(heads)-1]
	for size := range uint64(10) {
		h.options.KnownSize = size
		_, opened := h.open()
		head, err := merkle.HeadOf(opened.Head)
		if err != nil || head != newest || opened.Next != head.Size {
			t.Errorf("the head is %s, %v, want %s; next is %d", head, err, newest, opened.Next)
		}
		if size == 0 || size >= newest.Size {
			if len(opened.Consistency) != 0 {
				t.Errorf("size %d: a proof of %d hashes", size, len(opened.Consistency))
			}
			continue
		}
		if err := merkle.CheckConsistency(hashesOf(opened.Consistency), heads[size], newest); err != nil {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

func hashesOf(raw [][]byte) (hashes []event.Hash) {
	for _, h := range raw {
		hashes = append(hashes, event.Hash(h))
	}
	return hashes
}

// TestHeadsInAnswers has Committed, Pong and CaughtUp carry the chain's head.
func TestHeadsInAnswers(t *testing.T) {
	h := newHost(t)
	c := h.connect()
	var committed wirepb.Committed
	c.ask(wire.Commit, commit(1, "k", nil), wire.Committed, &committed)
	var pong wirepb.Pong
	c.ask(wire.Ping, &wirepb.Ping{Id: 9}, wire.Pong, &pong)
	c.Send(wire.Subscribe, &wirepb.Subscribe{From: 2, Credit: 1 << 20})
	var caughtUp wirepb.CaughtUp
	c.expect(wire.CaughtUp, &caughtUp)
	for name, m := range map[string]*wirepb.Head{"committed": committed.Head, "pong": pong.Head, "caught up": caughtUp.Head} {
		if head, err := merkle.HeadOf(m); err != nil || head != h.chain.Head() || head.Size != 2 {
			t.Errorf("%s: head %s, %v", name, head, err)
		}
	}
	if caughtUp.Next != 2 || pong.Id != 9 {
		t.Errorf("caught up at %d; pong %d", caughtUp.Next, pong.Id)
	}
}

// fill commits a few events, and returns their leaf hashes after the genesis's.
func fill(t *testing.T, h *host, c *client) []event.Hash {
	t.Helper()
	for i := range byte(6) {
		if code := c.rejected(commit(i, "k", []byte{i})); code != "" {
			t.Fatal(code)
		}
	}
	leaves, err := h.chain.Leaves(t.Context(), 0, 7)
	if err != nil {
		t.Fatal(err)
	}
	return leaves
}

func TestLeaves(t *testing.T) {
	h := newHost(t)
	c := h.connect()
	leaves := fill(t, h, c)
	ask := func(from uint64, count uint32) *wirepb.LeafHashes {
		t.Helper()
		reply := new(wirepb.LeafHashes)
		c.ask(wire.Leaves, &wirepb.Leaves{Id: 5, From: from, Count: count}, wire.LeafHashes, reply)
		if reply.Id != 5 || reply.Code != "" && (reply.Reason == "" || len(reply.Hashes) > 0) {
			t.Errorf("%d from %d: %+v", count, from, reply)
		}
		return reply
	}
	for from := range leaves {
		for count := range len(leaves) - from + 1 {
			var want []byte
			for _, leaf := range leaves[from : from+count] {
				want = append(want, leaf[:]...)
			}
			if got := ask(uint64(from), uint32(count)); got.Code != "" || !bytes.Equal(got.Hashes, want) {
				t.Errorf("%d from %d: %+v", count, from, got)
			}
		}
	}
	for _, bad := range []struct {
		from  uint64
		count uint32
		code  fault.Code
	}{
		{0, 8, fault.BadRequest}, {6, 2, fault.BadRequest}, {8, 0, fault.BadRequest}, {1 << 63, 1, fault.BadRequest},
		{1<<64 - 1, 2, fault.BadRequest}, {0, wire.MaxLeaves + 1, fault.TooLarge}, {0, 1<<32 - 1, fault.TooLarge},
	} {
		if got := ask(bad.from, bad.count); got.Code != string(bad.code) {
			t.Errorf("%d from %d: %q, want %q", bad.count, bad.from, got.Code, bad.code)
		}
	}
}

func TestGetProof(t *testing.T) {
	h := newHost(t)
	c := h.connect()
	leaves := fill(t, h, c)
	head := h.chain.Head()
	ask := func(m *wirepb.GetProof) *wirepb.Proof {
		t.Helper()
		m.Id = 6
		reply := new(wirepb.Proof)
		c.ask(wire.GetProof, m, wire.Proof, reply)
		if reply.Id != 6 || reply.Code != "" && (reply.Reason == "" || len(reply.Hashes) > 0) {
			t.Errorf("%+v: %+v", m, reply)
		}
		return reply
	}
	for seq := range uint64(len(leaves)) {
		got := ask(&wirepb.GetProof{Size: head.Size, Seq: &seq})
		if got.Code != "" || merkle.CheckInclusion(hashesOf(got.Hashes), head, seq, leaves[seq]) != nil {
			t.Errorf("event %d: %+v", seq, got)
		}
		older := merkle.Head{Size: seq, Root: merkle.Root(leaves[:seq])}
		got = ask(&wirepb.GetProof{Size: head.Size, From: seq})
		if got.Code != "" || merkle.CheckConsistency(hashesOf(got.Hashes), older, head) != nil {
			t.Errorf("from size %d: %+v", seq, got)
		}
	}
	if got := ask(&wirepb.GetProof{Size: head.Size, From: head.Size}); got.Code != "" || len(got.Hashes) > 0 {
		t.Errorf("from the head itself: %+v", got)
	}
	for _, bad := range []*wirepb.GetProof{
		{Size: 8, Seq: new(uint64(0))}, {Size: 7, Seq: new(uint64(7))}, {Size: 0, Seq: new(uint64(0))}, {Size: 1 << 63, Seq: new(uint64(1 << 62))},
		{Size: 8, From: 1}, {Size: 3, From: 4}, {Size: 1<<64 - 1, From: 1}, {Size: 1, From: 1<<64 - 1},
	} {
		if got := ask(bad); got.Code != string(fault.BadRequest) {
			t.Errorf("%+v: %+v", bad, got)
		}
	}
}

func TestGetCheckpoint(t *testing.T) {
	h := newHost(t)
	var err error
	h.options.Checkpoint = func() (string, error) { return "a signed note", err }
	c := h.connect()
	var good, bad wirepb.Checkpoint
	c.ask(wire.GetCheckpoint, &wirepb.GetCheckpoint{Id: 3}, wire.Checkpoint, &good)
	if good.Id != 3 || good.Note != "a signed note" || good.Code != "" {
		t.Errorf("got %+v", &good)
	}
	err = fault.New(fault.Unavailable, "the key is away")
	c.ask(wire.GetCheckpoint, &wirepb.GetCheckpoint{Id: 4}, wire.Checkpoint, &bad)
	if bad.Id != 4 || bad.Note != "" || bad.Code != string(fault.Unavailable) || bad.Reason == "" {
		t.Errorf("got %+v", &bad)
	}
}

func TestGetAuthority(t *testing.T) {
	owner := []byte("owner")
	h := newHostOf(t, event.Centralized, owner)
	h.options.Verifier = fakeProofs{}
	c := h.connect()
	if code := c.prove(&wirepb.Prove{PublicKey: owner, Proof: []byte("good")}); code != "" {
		t.Fatal(code)
	}
	header, err := (&event.Header{
		Key: []byte("open"), Write: event.WriteAuthority{Kind: event.WriteEveryone},
		Read: event.ReadAuthority{Kind: event.ReadByKey, Key: event.Hash{7}, Generation: 3},
	}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	m := commit(1, "k", nil)
	m.Frames = event.AppendFrame(nil, header, nil)
	if code := c.rejected(m); code != "" {
		t.Fatal(code)
	}
	ask := func(key, parent string) *wirepb.AuthorityOf {
		t.Helper()
		reply := new(wirepb.AuthorityOf)
		c.ask(wire.GetAuthority, &wirepb.GetAuthority{Id: 8, Key: []byte(key), Parent: []byte(parent)}, wire.AuthorityOf, reply)
		if reply.Id != 8 {
			t.Errorf("got %+v", reply)
		}
		return reply
	}
	for _, place := range [][2]string{{"open", ""}, {"new", "open"}} {
		got := ask(place[0], place[1])
		if got.Write.GetKind() != eventpb.WriteAuthority_KIND_EVERYONE || got.Read.GetGeneration() != 3 || got.Read.GetDataKey()[0] != 7 {
			t.Errorf("%v: %+v", place, got)
		}
	}
	id := event.KeyID(owner)
	if got := ask("new", ""); len(got.Write.GetKeys()) != 1 || !bytes.Equal(got.Write.Keys[0], id[:]) || got.Read.GetKind() != eventpb.ReadAuthority_KIND_EVERYONE {
		t.Errorf("at the top: %+v", got)
	}
	if got := ask("new", "none"); got.Code != string(fault.NoParent) || got.Reason == "" || got.Write != nil {
		t.Errorf("under what is not there: %+v", got)
	}
}

// TestHeavyCommitsAreBounded has seals and expected versions count for how much
// a client may have unanswered.
func TestHeavyCommitsAreBounded(t *testing.T) {
	plain := &chain.Commit{Frames: make([]byte, 100)}
	sealed := &chain.Commit{Frames: plain.Frames, Evidence: make([]byte, event.MaxEvidence)}
	expects := &chain.Commit{Frames: plain.Frames, Expected: make([]chain.Expected, wire.MaxExpected)}
	if got := weight(plain); got != 100 {
		t.Errorf("a plain commit weighs %d", got)
	}
	if got := weight(sealed) - weight(plain); got != event.MaxEvidence {
		t.Errorf("a seal weighs %d", got)
	}
	if got := (weight(expects) - weight(plain)) / wire.MaxExpected; got < event.MaxKey+int(unsafe.Sizeof(chain.Expected{})) {
		t.Errorf("an expected version weighs %d", got)
	}
	s := New(Options{})
	for range MaxCommitBytes / weight(expects) {
		if err := s.reserve(weight(expects)); err != nil {
			t.Fatal(err)
		}
	}
	if !s.fullLocked(weight(expects)) {
		t.Errorf("there is room after %d bytes", s.commitBytes)
	}
}

// TestGuessingProofsEnds has a client send bad proofs without end: each costs the
// server more than the client, so the connection ends, with the reason.
func TestGuessingProofsEnds(t *testing.T) {
	h := newHostOf(t, event.Centralized, []byte("owner"))
	h.options.Verifier = fakeProofs{}
	c := h.connect()
	for range MaxRefused {
		if code := c.prove(&wirepb.Prove{PublicKey: []byte("owner"), Proof: []byte("bad")}); code != string(fault.BadProof) {
			t.Fatalf("a bad proof: %q", code)
		}
	}
	var bye wirepb.Bye
	c.ask(wire.Prove, &wirepb.Prove{PublicKey: []byte("owner"), Proof: []byte("bad")}, wire.Bye, &bye)
	if bye.Code != string(fault.BadProof) {
		t.Errorf("the end: %+v", &bye)
	}
	if err := c.end(); !fault.Is(err, fault.BadProof) {
		t.Errorf("the session ended with %v", err)
	}
}
