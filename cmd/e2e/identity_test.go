package e2e

import (
	"slices"
	"testing"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

func owned(key string, by *keys.SigningKey) event.Header {
	return event.Header{Key: []byte(key), Write: event.WriteAuthority{Kind: event.WriteAnyOf, Keys: []event.Hash{by.Public().ID()}}}
}

// TestProofsOfOthers tries to pass for joe where trust is centralized: with his
// proof from another connection or chain, with one that eve made for his key,
// after proving eve's own. Each is refused, and nobody else notices.
func TestProofsOfOthers(t *testing.T) {
	d := startDaemon(t, t.TempDir())
	joe, eve := keys.NewSigningKey(), keys.NewSigningKey()
	url, ctx := "tcp://"+d.addr+"/db/example.com/joe/proofs", testContext(t)
	bystander, err := client.Dial(ctx, url, client.Options{Create: true, Signer: joe, OnState: func(s client.State) {
		if !s.Connected {
			t.Errorf("the bystander lost its connection: %v", s.Err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer bystander.Close()
	// Anyone is the owner of this chain, and so stands above what is at its top.
	joes := client.Event{Header: event.Header{Key: []byte("joes"), Parent: event.Parent{Key: []byte("top")}}}
	if _, err := bystander.Commit(ctx, client.Event{Header: owned("top", joe)}, joes); err != nil {
		t.Fatal(err)
	}
	write := frames(t, event.Header{Key: []byte("joes")})
	for _, encryption := range []int{0, 128} {
		first := dialRawClient(t, url, encryption, joe)
		proof := evidence.SignProof(joe, first.chain, first.binding)
		if code := first.prove(joe.Public(), proof); code != "" {
			t.Errorf("joe's proof is refused: %s", code)
		}
		if code := first.commit(1, write, nil); code != "" {
			t.Errorf("joe may not write his object: %s", code)
		}

		second := dialRawClient(t, url, encryption, eve)
		other := dialRawClient(t, url+"2", encryption, eve)
		flipped := slices.Clone(proof)
		flipped[100] ^= 1
		for what, attempt := range map[string]struct {
			key   keys.PublicKey
			proof []byte
		}{
			"replayed":            {joe.Public(), proof},
			"replayed and bent":   {joe.Public(), flipped},
			"made by eve":         {joe.Public(), evidence.SignProof(eve, second.chain, second.binding)},
			"of another chain":    {joe.Public(), evidence.SignProof(joe, other.chain, second.binding)},
			"of another binding":  {joe.Public(), evidence.SignProof(joe, second.chain, other.binding)},
			"empty":               {joe.Public(), nil},
			"cut":                 {joe.Public(), proof[:len(proof)-1]},
			"a seal for a proof":  {joe.Public(), evidence.SignSeal(joe, second.chain, []event.Hash{{1}}, evidence.NewWriter(), 1, merkle.Head{Size: 1})},
			"eve's, joe's signed": {eve.Public(), evidence.SignProof(joe, second.chain, second.binding)},
		} {
			if code := second.prove(attempt.key, attempt.proof); code != fault.BadProof {
				t.Errorf("%d bits, a proof %s: code %q", encryption, what, code)
			}
			if code := second.commit(1, write, nil); code != fault.NotAuthorized {
				t.Errorf("%d bits, after a proof %s: a write to joe's object: code %q", encryption, what, code)
			}
		}
		if code := second.prove(eve.Public(), evidence.SignProof(eve, second.chain, second.binding)); code != "" {
			t.Errorf("eve's proof is refused: %s", code)
		}
		for what, h := range map[string]event.Header{
			"value": {Key: []byte("joes")}, "owner": owned("joes", eve), "removal": {Key: []byte("joes"), Tombstone: true},
			"child": {Key: []byte("child"), Parent: event.Parent{Key: []byte("joes")}},
			"place": {Key: []byte("joes"), Parent: event.Parent{Top: true}},
		} {
			b := frames(t, h)
			if h.Tombstone {
				header, err := h.Encode()
				if err != nil {
					t.Fatal(err)
				}
				b = event.AppendFrame(nil, header, nil)
			}
			if code := second.commit(1, b, nil); code != fault.NotAuthorized {
				t.Errorf("%d bits, eve writes a new %s: code %q", encryption, what, code)
			}
		}
		both := frames(t, owned("eves", eve), event.Header{Key: []byte("joes")})
		if code := second.commit(2, both, nil); code != fault.NotAuthorized {
			t.Errorf("eve writes her object and joe's together: code %q", code)
		}
		if code := second.commit(1, frames(t, owned("eves", eve)), nil); code != "" {
			t.Errorf("eve may not write her own: %s", code)
		}
	}
	if _, err := bystander.Commit(ctx, client.Event{Header: event.Header{Key: []byte("joes")}}); err != nil {
		t.Errorf("joe himself: %v", err)
	}
}

// TestForgedSeals tries to write where trust is distributed without joe's key:
// with his seals again, for other events, other chains, with another signer's
// name, with none. The server stores none of it, and the chain verifies.
func TestForgedSeals(t *testing.T) {
	d := startDaemonWith(t, []string{"--trust", "distributed", "solo"}, t.TempDir())
	joe, eve := keys.NewSigningKey(), keys.NewSigningKey()
	url := "tcp://" + d.addr + "/db/example.com/joe/seals"
	r := dialRawClient(t, url, 0, joe)
	other := dialRawClient(t, url+"2", 0, joe)
	write := frames(t, event.Header{Key: []byte("a")}, event.Header{Key: []byte("b")})
	writer := evidence.NewWriter()
	seal := evidence.SignSeal(joe, r.chain, leaves(t, r.chain, write), writer, 7, r.head())
	if code := r.commit(2, write, seal); code != "" {
		t.Fatalf("joe's seal is refused: %s", code)
	}
	swapped := frames(t, event.Header{Key: []byte("b")}, event.Header{Key: []byte("a")})
	bent := func(at int) []byte {
		b := evidence.SignSeal(joe, r.chain, leaves(t, r.chain, write), writer, 8, r.head())
		b[at] ^= 1
		return b
	}
	made := func(by *keys.SigningKey, chain event.ChainID, number uint64, head merkle.Head) []byte {
		return evidence.SignSeal(by, chain, leaves(t, chain, write), writer, number, head)
	}
	asJoe := made(eve, r.chain, 9, r.head())
	id := joe.Public().ID()
	copy(asJoe[1:], id[:])
	forked := r.head()
	forked.Root[0] ^= 1
	ahead := r.head()
	ahead.Size = 100
	for what, attempt := range map[string]struct {
		count  int
		frames []byte
		seal   []byte
		codes  []fault.Code
	}{
		"replayed":                {2, write, seal, []fault.Code{fault.BadSeal}},
		"over other events":       {2, swapped, seal, []fault.Code{fault.BadSeal}},
		"over fewer":              {1, frames(t, event.Header{Key: []byte("a")}), seal, []fault.Code{fault.BadSeal}},
		"over more":               {3, append(slices.Clone(write), swapped[:len(swapped)/2]...), seal, []fault.Code{fault.BadSeal}},
		"stripped":                {2, write, nil, []fault.Code{fault.BadSeal, fault.NotAuthorized}},
		"of a lower number":       {2, write, made(joe, r.chain, 6, r.head()), []fault.Code{fault.BadSeal}},
		"of another chain":        {2, write, made(joe, other.chain, 10, other.head()), []fault.Code{fault.BadSeal}},
		"on another history":      {2, write, made(joe, r.chain, 11, forked), []fault.Code{fault.BadSeal}},
		"on what is to come":      {2, write, made(joe, r.chain, 12, ahead), []fault.Code{fault.BadSeal}},
		"by eve in joe's name":    {2, write, asJoe, []fault.Code{fault.BadSeal}},
		"by eve, who is unknown":  {2, write, made(eve, r.chain, 1, r.head()), []fault.Code{fault.UnknownKey, fault.NotAuthorized}},
		"with another version":    {2, write, bent(0), []fault.Code{fault.BadSeal, fault.Unsupported}},
		"with a bent number":      {2, write, bent(49), []fault.Code{fault.BadSeal}},
		"with a bent signature":   {2, write, bent(140), []fault.Code{fault.BadSeal}},
		"with a bent second half": {2, write, bent(133 + 3373 - 1), []fault.Code{fault.BadSeal}},
		"with a proof for it":     {2, write, evidence.SignProof(joe, r.chain, r.binding), []fault.Code{fault.BadSeal}},
		"cut":                     {2, write, seal[:len(seal)-1], []fault.Code{fault.BadSeal}},
	} {
		if code := r.commit(attempt.count, attempt.frames, attempt.seal); !slices.Contains(attempt.codes, code) {
			t.Errorf("a seal %s: code %q, want %v", what, code, attempt.codes)
		}
	}
	if code := r.prove(joe.Public(), evidence.SignProof(joe, r.chain, r.binding)); code != fault.BadRequest {
		t.Errorf("a proof where seals are needed: code %q", code)
	}
	introducing := event.Header{Key: []byte("eves"), Keys: [][]byte{eve.Public().Bytes()}}
	eves := frames(t, introducing)
	if code := r.commit(1, eves, evidence.SignSeal(eve, r.chain, leaves(t, r.chain, eves), evidence.NewWriter(), 1, r.head())); code != fault.NotAuthorized {
		t.Errorf("eve introduces herself: code %q", code)
	}
	if code := r.commit(2, write, made(joe, r.chain, 20, r.head())); code != "" {
		t.Errorf("joe's next seal is refused: %s", code)
	}
	newPerson(t, false).must("verify", d.url("example.com/joe/seals"))
}
