package chain

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

func TestSealedCommitsAreStored(t *testing.T) {
	owner := newSigner()
	f, _ := newDistributed(t, owner)
	opened := f.Head()
	f.want(f.do(owner.seal(f, opened, newCommit(1, put{"a", "1", false}, put{"b", "2", false}))), 1, 3)
	// Pipelined: several that build on one head, which is old by then.
	f.want(f.do(owner.seal(f, opened, newCommit(2, put{"a", "3", false}))), 3, 4)
	r := f.do(owner.seal(f, f.Head(), newCommit(3, put{"a", "4", false})))
	f.want(r, 4, 5)
	f.want(f.do(owner.seal(f, r.Head, newCommit(4, put{"a", "5", false}))), 5, 6)
	f.open()
	f.want(f.do(owner.seal(f, r.Head, newCommit(5, put{"a", "6", false}))), 6, 7)
	for batch := range event.Records(f.log.Records()) {
		if batch.First > 0 && len(batch.Evidence) != evidence.SealSize {
			t.Errorf("event %d is stored with %d bytes of evidence", batch.First, len(batch.Evidence))
		}
	}
}

// TestAttacksOnSeals has each attack refused with its code and a sentence, alone
// and among good commits in one round, which it must not disturb.
func TestAttacksOnSeals(t *testing.T) {
	stranger := newSigner()
	for name, attack := range map[string]struct {
		code fault.Code
		make func(f *fixture, owner *signer) *Commit
	}{
		"stripped seal": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			return newCommit(9, put{"x", "forged", false})
		}},
		"seal cut short": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			c := owner.seal(f, f.Head(), newCommit(9, put{"x", "forged", false}))
			c.Evidence = c.Evidence[:len(c.Evidence)-1]
			return c
		}},
		"seal of a later version": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			c := owner.seal(f, f.Head(), newCommit(9, put{"x", "forged", false}))
			c.Evidence[0]++
			return c
		}},
		"flipped bit of the signature": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			c := owner.seal(f, f.Head(), newCommit(9, put{"x", "forged", false}))
			c.Evidence[len(c.Evidence)-7] ^= 4
			return c
		}},
		"seal of other leaves": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			c := newCommit(9, put{"x", "forged", false})
			c.Evidence = owner.seal(f, f.Head(), newCommit(9, put{"x", "true", false})).Evidence
			return c
		}},
		"reordered events": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			c := newCommit(9, put{"x", "forged", false}, put{"y", "forged", false})
			c.Evidence = owner.seal(f, f.Head(), newCommit(9, put{"y", "forged", false}, put{"x", "forged", false})).Evidence
			return c
		}},
		"dropped event": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			c := newCommit(9, put{"x", "forged", false})
			c.Evidence = owner.seal(f, f.Head(), newCommit(9, put{"x", "forged", false}, put{"y", "", false})).Evidence
			return c
		}},
		"seal for another chain": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			c := newCommit(9, put{"x", "forged", false})
			owner.number++
			c.Evidence = evidence.SignSeal(owner.key, event.ChainID{1}, leavesOf(f, 1, c.Frames), owner.writer, owner.number, f.Head())
			return c
		}},
		"unknown key": {fault.UnknownKey, func(f *fixture, _ *signer) *Commit {
			return stranger.seal(f, f.Head(), newCommit(9, put{"x", "forged", false}))
		}},
		"outsider who introduces himself": {fault.NotAuthorized, func(f *fixture, _ *signer) *Commit {
			return stranger.seal(f, f.Head(), introduce(9, stranger.key))
		}},
		"proven key instead of a seal's": {fault.UnknownKey, func(f *fixture, owner *signer) *Commit {
			c := stranger.seal(f, f.Head(), newCommit(9, put{"x", "forged", false}))
			c.Writer.Proven = []event.Hash{owner.key.Public().ID()}
			return c
		}},
		"head of another history": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			head := f.Head()
			head.Root[3] ^= 1
			return owner.seal(f, head, newCommit(9, put{"x", "forged", false}))
		}},
		"head that never was, of an old size": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			return owner.seal(f, merkle.Head{Size: 2, Root: event.Hash{7}}, newCommit(9, put{"x", "forged", false}))
		}},
		"head not reached": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			head := f.Head()
			head.Size += 1000
			return owner.seal(f, head, newCommit(9, put{"x", "forged", false}))
		}},
		"head of the largest size": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			return owner.seal(f, merkle.Head{Size: merkle.MaxSize}, newCommit(9, put{"x", "forged", false}))
		}},
		"replayed under a new commit id": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			for batch := range event.Records(f.log.Records()) {
				if batch.Commit == (event.CommitID{1}) {
					return &Commit{ID: event.CommitID{9}, Count: batch.Count, Frames: batch.Frames, Evidence: batch.Evidence}
				}
			}
			panic("the commit is not there")
		}},
		"number going back": {fault.BadSeal, func(f *fixture, owner *signer) *Commit {
			earlier := *owner
			earlier.number = 0
			return earlier.seal(f, f.Head(), newCommit(9, put{"x", "forged", false}))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			owner := newSigner()
			f, _ := newDistributed(t, owner)
			f.want(f.do(owner.seal(f, f.Head(), newCommit(1, put{"a", "1", false}, put{"b", "2", false}))), 1, 3)
			r := f.do(attack.make(f, owner))
			f.refuse(r, attack.code)
			before := f.log.Appends()
			good := func(id byte) *Commit {
				return owner.seal(f, f.Head(), newCommit(id, put{"good", fmt.Sprint(id), false}))
			}
			leader, first, bad, last := good(200), good(2), attack.make(f, owner), good(3)
			results := f.roundBehind(leader, first, bad, last)
			f.want(results[0], 4, 5)
			f.refuse(results[1], attack.code)
			f.want(results[2], 5, 6)
			if strings.Contains(strings.Join(slices.Collect(maps.Values(f.stored())), " "), "forged") {
				t.Errorf("stored: %v", f.stored())
			}
			if n := f.log.Appends() - before; n != 2 {
				t.Errorf("%d appends", n)
			}
		})
	}
}

// TestKeysIntroducedOnTheWay has a key known from the event on that introduces
// it, and not before.
func TestKeysIntroducedOnTheWay(t *testing.T) {
	setUp := func(t *testing.T) (f *fixture, owner, second *signer) {
		owner, second = newSigner(), newSigner()
		f, _ = newDistributed(t, owner)
		// The second key may write, but nobody has seen it yet.
		h := event.Header{Key: []byte("theirs"), Write: event.WriteAuthority{Kind: event.WriteAnyOf, Keys: []event.Hash{second.key.Public().ID()}}}
		f.want(f.do(owner.seal(f, f.Head(), withHeader(1, h, ""))), 1, 2)
		return f, owner, second
	}
	theirs := func(id byte) *Commit { return newCommit(id, put{"theirs", "data", false}) }

	t.Run("in the same commit", func(t *testing.T) {
		f, _, second := setUp(t)
		f.refuse(f.do(second.seal(f, f.Head(), theirs(2))), fault.UnknownKey)
		h := event.Header{Key: []byte("theirs"), Keys: [][]byte{second.key.Public().Bytes()}}
		f.want(f.do(second.seal(f, f.Head(), withHeader(3, h, ""))), 2, 3)
		f.want(f.do(second.seal(f, f.Head(), theirs(4))), 3, 4)
		f.open()
		f.want(f.do(second.seal(f, f.Head(), theirs(5))), 4, 5)
	})
	t.Run("by an earlier commit of the round", func(t *testing.T) {
		f, owner, second := setUp(t)
		leader := owner.seal(f, f.Head(), newCommit(200, put{"l", "", false}))
		results := f.roundBehind(leader, owner.seal(f, f.Head(), introduce(2, second.key)), second.seal(f, f.Head(), theirs(3)))
		f.want(results[0], 3, 4)
		f.want(results[1], 4, 5)
	})
	t.Run("by a later commit of the round", func(t *testing.T) {
		f, owner, second := setUp(t)
		leader := owner.seal(f, f.Head(), newCommit(200, put{"l", "", false}))
		results := f.roundBehind(leader, second.seal(f, f.Head(), theirs(2)), owner.seal(f, f.Head(), introduce(3, second.key)), second.seal(f, f.Head(), theirs(4)))
		f.refuse(results[0], fault.UnknownKey)
		f.want(results[1], 3, 4)
		f.want(results[2], 4, 5)
	})
	t.Run("by a commit of the round that is refused", func(t *testing.T) {
		f, owner, second := setUp(t)
		refused := introduce(2, second.key)
		refused.Expected = []Expected{{Key: []byte("key"), Exists: true, Seq: 99}}
		leader := owner.seal(f, f.Head(), newCommit(200, put{"l", "", false}))
		results := f.roundBehind(leader, owner.seal(f, f.Head(), refused), second.seal(f, f.Head(), theirs(3)))
		f.refuse(results[0], fault.VersionConflict)
		f.refuse(results[1], fault.UnknownKey)
		if got := f.Newest([][]byte{[]byte("theirs")}); !slices.Equal(got, []event.Seq{1}) || f.Next() != 3 {
			t.Errorf("the chain goes up to event %d, and the object is at %d", f.Next(), got)
		}
	})
}

// TestRevokedKey has a key lose its authority with the root event that leaves it
// out: in the same round, and after opening again.
func TestRevokedKey(t *testing.T) {
	owner, heir := newSigner(), newSigner()
	f, _ := newDistributed(t, owner)
	leader := owner.seal(f, f.Head(), newCommit(200, put{"l", "", false}))
	results := f.roundBehind(leader,
		owner.seal(f, f.Head(), rootKeys(1, heir.key)),
		owner.seal(f, f.Head(), newCommit(2, put{"k", "too late", false})),
		heir.seal(f, f.Head(), newCommit(3, put{"k", "mine", false})))
	f.want(results[0], 2, 3)
	f.refuse(results[1], fault.NotAuthorized)
	f.want(results[2], 3, 4)
	f.open()
	f.refuse(f.do(owner.seal(f, f.Head(), newCommit(4, put{"k", "still too late", false}))), fault.NotAuthorized)
	f.refuse(f.do(owner.seal(f, f.Head(), rootKeys(5, owner.key))), fault.NotAuthorized)
	f.want(f.do(heir.seal(f, f.Head(), newCommit(6, put{"k", "mine still", false}))), 4, 5)
}

// TestReplayIsRefusedAfterACrash has the numbers outlive the process: from the
// log, and from a snapshot.
func TestReplayIsRefusedAfterACrash(t *testing.T) {
	for _, snapshot := range []bool{false, true} {
		owner := newSigner()
		f, _ := newDistributed(t, owner)
		c := owner.seal(f, f.Head(), newCommit(1, put{"k", "v", false}))
		f.want(f.do(c), 1, 2)
		if snapshot {
			f.save()
		}
		f.open()
		replayed := &Commit{ID: event.CommitID{2}, Count: 1, Frames: c.Frames, Evidence: c.Evidence}
		f.refuse(f.do(replayed), fault.BadSeal)
		again := &Commit{ID: event.CommitID{1}, Count: 1, Frames: c.Frames, Evidence: c.Evidence, Resent: true, ResentFrom: 1}
		f.want(f.do(again), 1, 2) // its own client, which has not seen the answer
		f.want(f.do(owner.seal(f, f.Head(), newCommit(3, put{"k", "w", false}))), 2, 3)
	}
}

// TestNumbersOfWhatIsNotStored has a client send a sealed commit again that
// could not be stored, or was refused: its number is not used up.
func TestNumbersOfWhatIsNotStored(t *testing.T) {
	owner := newSigner()
	f, _ := newDistributed(t, owner)
	c := owner.seal(f, f.Head(), newCommit(1, put{"k", "v", false}))
	again := func() *Commit {
		return &Commit{ID: c.ID, Count: 1, Frames: c.Frames, Evidence: c.Evidence, Resent: true, ResentFrom: 1}
	}
	f.log.OnAppend = func([]byte) (int, error) { return 0, fault.New(fault.DiskFull, "no space") }
	f.refuse(f.do(again()), fault.DiskFull)
	f.log.OnAppend = nil
	conflict := again()
	conflict.Expected = []Expected{{Key: []byte("k"), Exists: true, Seq: 1}}
	f.refuse(f.do(conflict), fault.VersionConflict)
	f.want(f.do(again()), 1, 2)
	f.want(f.do(again()), 1, 2)
	if n := len(f.stored()); n != 2 {
		t.Errorf("%d events are stored, want 2", n)
	}
}

// TestResentCommitIsNotValidatedAgain has what is stored need no plugin.
func TestResentCommitIsNotValidatedAgain(t *testing.T) {
	owner := newSigner()
	f, v := newDistributed(t, owner)
	c := owner.seal(f, f.Head(), newCommit(1, put{"k", "v", false}))
	f.want(f.do(c), 1, 2)
	v.batches = 0
	again := &Commit{ID: c.ID, Count: 1, Frames: c.Frames, Evidence: c.Evidence, Resent: true, ResentFrom: 1}
	r := f.do(again)
	f.want(r, 1, 2)
	if r.Head != f.Head() || v.batches > 0 {
		t.Errorf("answered with head %s; %d batches were validated", r.Head, v.batches)
	}
}

// TestValidatorFails has commits refused while there is no trust plugin. The
// chain goes on.
func TestValidatorFails(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		code fault.Code
	}{
		"away":  {fault.New(fault.Unavailable, "the plugin is away"), fault.Unavailable},
		"lying": {fault.New(fault.BadMessage, "the trust plugin breaks its contract"), fault.Internal},
		"odd":   {errors.New("odd"), fault.Internal},
	} {
		owner := newSigner()
		f, v := newDistributed(t, owner)
		v.before = func(context.Context) error { return c.err }
		commit := owner.seal(f, f.Head(), newCommit(1, put{"k", "v", false}))
		r := f.do(commit)
		f.refuse(r, c.code)
		if !errors.Is(r.Err, c.err) || f.log.Appends() != 1 || f.failed != nil {
			t.Errorf("%s: %v; %d appends, the chain failed with %v", name, r.Err, f.log.Appends(), f.failed)
		}
		v.before = nil
		f.want(f.do(&Commit{ID: commit.ID, Count: 1, Frames: commit.Frames, Evidence: commit.Evidence}), 1, 2)
	}
}

// TestSlowValidator has a trust plugin that never answers: it is given up after
// its time, and does not keep others from reading meanwhile.
func TestSlowValidator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		owner := newSigner()
		f, v := newDistributed(t, owner)
		v.before = func(ctx context.Context) error {
			f.Lock(&LockRequest{Session: 1, Key: []byte("k"), Granted: func() {}}) // would hang if it were held
			f.Newest([][]byte{[]byte("k")})
			<-ctx.Done()
			return fault.New(fault.Unavailable, "the plugin does not answer: %w", ctx.Err())
		}
		answer := make(chan Result, 1)
		c := owner.seal(f, f.Head(), newCommit(1, put{"other", "v", false}))
		c.Answer = func(_ *Commit, r Result) { answer <- r }
		f.Commit(c)
		f.refuse(<-answer, fault.Unavailable)
		v.before = nil
		f.want(f.do(owner.seal(f, f.Head(), newCommit(2, put{"other", "v", false}))), 1, 2)
	})
}

// TestStrangersSealsAreCheap has heads looked up only for seals that are good:
// an old head may have to be computed.
func TestStrangersSealsAreCheap(t *testing.T) {
	owner := newSigner()
	f, _ := newDistributed(t, owner)
	for i := range byte(5) {
		f.do(owner.seal(f, f.Head(), newCommit(i+1, put{"k", "v", false})))
	}
	f.open() // so that only the newest head is known
	forged := owner.seal(f, merkle.Head{Size: 3}, newCommit(9, put{"k", "v", false}))
	forged.Evidence[len(forged.Evidence)-1] ^= 1
	f.refuse(f.do(forged), fault.BadSeal)
	if _, ok := f.heads.Find(3); ok {
		t.Error("the head of size 3 was computed for a forged seal")
	}
	root, err := f.merkle.RootAt(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	f.want(f.do(owner.seal(f, merkle.Head{Size: 3, Root: root}, newCommit(10, put{"k", "v", false}))), 6, 7)
	if _, ok := f.heads.Find(3); !ok {
		t.Error("the head of size 3 is computed every time")
	}
}

func TestTrustModesDoNotMix(t *testing.T) {
	f := newFixture(t)
	c := newCommit(1, put{"k", "v", false})
	c.Evidence = []byte("evidence")
	f.refuse(f.do(c), fault.BadRequest)
	owner := newSigner()
	f.refuse(f.do(owner.seal(f, f.Head(), newCommit(2, put{"k", "v", false}))), fault.BadRequest)
	if len(f.stored()) != 1 {
		t.Error("something was stored")
	}
	f.trust = event.Distributed
	if err := f.tryOpen(); !fault.Is(err, fault.Unsupported) {
		t.Errorf("a centralized chain on a distributed server: %v", err)
	}
	d, _ := newDistributed(t, owner)
	d.trust = event.Centralized
	err := d.tryOpen()
	if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "--trust distributed") {
		t.Errorf("a distributed chain on a centralized server: %v", err)
	}
}

// TestRoundsAreBounded has seals count as much as events, so that a round fits
// into what storage takes.
func TestRoundsAreBounded(t *testing.T) {
	owner := newSigner()
	f, _ := newDistributed(t, owner)
	sealed := owner.seal(f, f.Head(), newCommit(1, put{"k", "v", false}))
	const n = 2 * maxRound / evidence.SealSize
	f.queue = nil
	for i := range uint32(n) {
		c := &Commit{Count: 1, Frames: sealed.Frames, Evidence: sealed.Evidence}
		binary.LittleEndian.PutUint32(c.ID[:], i)
		f.queue = append(f.queue, c)
	}
	round := f.takeRound()
	if size := len(round) * round[0].recordSize(); size < maxRound || size > maxRound+round[0].recordSize() {
		t.Errorf("a round has %d bytes", size)
	}
}
