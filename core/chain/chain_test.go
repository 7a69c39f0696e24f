package chain

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// publisher keeps what it is told.
type publisher struct {
	records []byte
	next    event.Seq
}

func (p *publisher) Publish(records []byte, next event.Seq) {
	p.records = append(p.records, records...)
	p.next = next
}

// fixture is a chain over a log in memory.
type fixture struct {
	*Chain
	t      *testing.T
	log    *chaintest.Log
	pub    *publisher
	failed error

	trust     event.Trust
	validator Validator
	onProblem func(error) // fails the test unless set
}

const testName = chainname.Name("example.com/joe/mydb")

func newFixture(t *testing.T, rootKeys ...[]byte) *fixture {
	f := &fixture{t: t, log: &chaintest.Log{}, trust: event.Centralized}
	f.create(rootKeys...)
	return f
}

func (f *fixture) create(rootKeys ...[]byte) {
	f.t.Helper()
	if err := Create(f.log, event.NewGenesis(testName, f.trust, rootKeys), time.Now()); err != nil {
		f.t.Fatal(err)
	}
	f.open()
}

// open opens the chain again, as after a crash.
func (f *fixture) open() {
	f.t.Helper()
	if err := f.tryOpen(); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) tryOpen() (err error) {
	f.pub, f.failed = &publisher{}, nil
	f.Chain, err = Open(context.Background(), testName, Options{
		Log: f.log, Publisher: f.pub, OnFail: func(err error) { f.failed = err },
		Trust: f.trust, Validator: f.validator, OnProblem: func(err error) {
			if f.onProblem == nil {
				f.t.Errorf("the chain reports %v", err)
			} else {
				f.onProblem(err)
			}
		},
	})
	return err
}

type put struct {
	key, value string
	tombstone  bool
}

func newCommit(id byte, puts ...put) *Commit {
	c := &Commit{ID: event.CommitID{id}, Count: len(puts)}
	for _, p := range puts {
		h := event.Header{Key: []byte(p.key), Tombstone: p.tombstone}
		header, err := h.Encode()
		if err != nil {
			panic(err)
		}
		c.Frames = event.AppendFrame(c.Frames, header, []byte(p.value))
	}
	return c
}

// do commits and waits for the answer.
func (f *fixture) do(c *Commit) Result {
	f.t.Helper()
	answer := make(chan Result, 1)
	c.Answer = func(_ *Commit, r Result) { answer <- r }
	f.Commit(c)
	select {
	case r := <-answer:
		return r
	case <-time.After(10 * time.Second):
		f.t.Fatal("no answer")
		return Result{}
	}
}

func (f *fixture) want(r Result, first, next event.Seq) {
	f.t.Helper()
	if r.Err != nil || r.First != first || r.Next != next {
		f.t.Fatalf("got %+v, want events %d up to %d", r, first, next)
	}
}

func (f *fixture) refuse(r Result, code fault.Code) {
	f.t.Helper()
	if fault.CodeOf(r.Err) != code {
		f.t.Fatalf("got %+v, want code %s", r, code)
	}
}

func (f *fixture) stored() map[event.Seq]string {
	f.t.Helper()
	got := make(map[event.Seq]string)
	for batch, err := range event.Records(f.log.Records()) {
		if err != nil {
			f.t.Fatal(err)
		}
		seq := batch.First
		for fr, err := range batch.Events() {
			if err != nil {
				f.t.Fatal(err)
			}
			if _, twice := got[seq]; twice {
				f.t.Fatalf("event %d is stored twice", seq)
			}
			got[seq] = string(fr.Data)
			seq++
		}
	}
	return got
}

func TestCommitStoresPublishesAndIndexes(t *testing.T) {
	f := newFixture(t)
	f.want(f.do(newCommit(1, put{"a", "1", false}, put{"b", "2", false})), 1, 3)
	f.want(f.do(newCommit(2, put{"a", "3", false})), 3, 4)
	f.want(f.do(newCommit(3, put{"b", "", true})), 4, 5)
	if got := f.Newest([][]byte{[]byte("a"), []byte("b"), []byte("c")}); len(got) != 1 || got[0] != 3 {
		t.Errorf("newest = %v, want [3]", got)
	}
	if f.pub.next != 5 || len(f.pub.records) == 0 {
		t.Errorf("published up to %d", f.pub.next)
	}
	record, err := f.AppendEvents(context.Background(), nil, []event.Seq{2, 99, 1}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var loaded []event.Seq
	for batch, err := range event.Records(record) {
		if err != nil || batch.Count != 1 || batch.Commit != (event.CommitID{1}) {
			t.Errorf("loaded %+v, %v", batch, err)
		}
		loaded = append(loaded, batch.First)
	}
	if fmt.Sprint(loaded) != "[2 1]" {
		t.Errorf("loaded %v, want [2 1]", loaded)
	}
	id := f.ID()
	f.open()
	if f.Next() != 5 || f.Objects() != 2 || f.ID() != id { // a and the genesis
		t.Errorf("after opening again: next %d, %d objects, id %s", f.Next(), f.Objects(), f.ID())
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	f := newFixture(t)
	clock := time.UnixMicro(5e15)
	f.now = func() time.Time { clock = clock.Add(-time.Hour); return clock }
	for i := range byte(3) {
		f.do(newCommit(i+1, put{"k", "v", false}))
	}
	var last int64
	for batch := range event.Records(f.log.Records()) {
		if batch.Time < last {
			t.Errorf("the time goes from %d back to %d", last, batch.Time)
		}
		last = batch.Time
	}
}

func TestShapeIsChecked(t *testing.T) {
	f := newFixture(t)
	good := newCommit(1, put{"k", "v", false})
	header, _ := (&event.Header{Key: []byte("\x00atedb/mine")}).Encode()
	for name, c := range map[string]*Commit{
		"no events":      {ID: event.CommitID{9}},
		"too many":       {ID: event.CommitID{9}, Count: event.MaxBatchEvents + 1, Frames: good.Frames},
		"count too high": {ID: event.CommitID{9}, Count: 2, Frames: good.Frames},
		"count too low":  {ID: event.CommitID{9}, Count: 1, Frames: append(good.Frames[:len(good.Frames):len(good.Frames)], good.Frames...)},
		"cut short":      {ID: event.CommitID{9}, Count: 1, Frames: good.Frames[:len(good.Frames)-1]},
		"reserved key":   {ID: event.CommitID{9}, Count: 1, Frames: event.AppendFrame(nil, header, nil)},
		"no key":         {ID: event.CommitID{9}, Count: 1, Frames: event.AppendFrame(nil, []byte{0x10, 1}, nil)},
		"bad header":     {ID: event.CommitID{9}, Count: 1, Frames: event.AppendFrame(nil, []byte{0xff}, nil)},
		"omitted data":   {ID: event.CommitID{9}, Count: 1, Frames: (&event.Frame{Header: header, Data: []byte("12345"), DataLen: 5}).Omit(nil)},
		"much evidence":  {ID: event.CommitID{9}, Count: 1, Frames: good.Frames, Evidence: make([]byte, event.MaxEvidence+1)},
		"too large":      {ID: event.CommitID{9}, Count: 1, Frames: make([]byte, event.MaxBatch)},
	} {
		r := f.do(c)
		if r.Err == nil || fault.CodeOf(r.Err) == fault.Internal || fault.CodeOf(r.Err) == fault.Damaged {
			t.Errorf("%s: %+v", name, r)
		}
	}
	f.want(f.do(good), 1, 2)
	if len(f.stored()) != 2 {
		t.Errorf("stored %v", f.stored())
	}
}

func TestExpectedVersions(t *testing.T) {
	f := newFixture(t)
	create := newCommit(1, put{"k", "1", false})
	create.Expected = []Expected{{Key: []byte("k")}}
	f.want(f.do(create), 1, 2)
	again := newCommit(2, put{"k", "2", false})
	again.Expected = create.Expected
	f.refuse(f.do(again), fault.VersionConflict)
	update := newCommit(3, put{"k", "3", false})
	update.Expected = []Expected{{Key: []byte("k"), Exists: true, Seq: 1}}
	f.want(f.do(update), 2, 3)
	f.want(f.do(newCommit(4, put{"k", "", true})), 3, 4)
	recreate := newCommit(5, put{"k", "5", false})
	recreate.Expected = []Expected{{Key: []byte("k")}}
	f.want(f.do(recreate), 4, 5)
}

// TestExpectedWithinARound has two commits in one round that expect the same
// version: only the first may be taken.
func TestExpectedWithinARound(t *testing.T) {
	f := newFixture(t)
	results := f.round(func() []*Commit {
		var commits []*Commit
		for i := range byte(3) {
			c := newCommit(i+1, put{"k", fmt.Sprint(i), false})
			c.Expected = []Expected{{Key: []byte("k")}}
			commits = append(commits, c)
		}
		return commits
	}()...)
	f.want(results[0], 2, 3)
	f.refuse(results[1], fault.VersionConflict)
	f.refuse(results[2], fault.VersionConflict)
}

// round commits all in one round: they queue up behind one that is under way.
func (f *fixture) round(commits ...*Commit) []Result {
	f.t.Helper()
	leader := newCommit(200, put{"leader", "", false})
	leader.ID[1] = byte(f.Next())
	return f.roundBehind(leader, commits...)
}

// roundBehind is round with the commit that is under way.
func (f *fixture) roundBehind(leader *Commit, commits ...*Commit) []Result {
	f.t.Helper()
	entered, proceed := make(chan struct{}), make(chan struct{})
	before := f.log.OnAppend
	f.log.OnAppend = func(records []byte) (int, error) {
		close(entered)
		<-proceed
		f.log.OnAppend = before
		return len(records), nil
	}
	first := make(chan Result, 1)
	leader.Answer = func(_ *Commit, r Result) { first <- r }
	go f.Commit(leader)
	select {
	case <-entered:
	case r := <-first:
		f.t.Fatalf("the commit that should have been under way was answered with %+v", r)
	}
	results := make([]Result, len(commits))
	var wg sync.WaitGroup
	for i, c := range commits {
		wg.Add(1)
		c.Answer = func(_ *Commit, r Result) { results[i] = r; wg.Done() }
		f.Commit(c)
	}
	appends := f.log.Appends()
	close(proceed)
	wg.Wait()
	if r := <-first; r.Err != nil {
		f.t.Fatal(r.Err)
	}
	if n := f.log.Appends() - appends; n > 2 {
		f.t.Fatalf("%d appends for what should have been two rounds", n)
	}
	return results
}

func TestResentCommitIsStoredOnce(t *testing.T) {
	f := newFixture(t)
	f.want(f.do(newCommit(1, put{"a", "1", false}, put{"b", "2", false})), 1, 3)
	for range 3 {
		again := newCommit(1, put{"a", "1", false}, put{"b", "2", false})
		again.Resent, again.ResentFrom = true, 1
		f.want(f.do(again), 1, 3)
	}
	f.open()
	again := newCommit(1, put{"a", "1", false}, put{"b", "2", false})
	f.want(f.do(again), 1, 3)
	if n := len(f.stored()); n != 3 {
		t.Errorf("%d events are stored, want 3", n)
	}
}

func TestResentWhileTheFirstIsUnderWay(t *testing.T) {
	f := newFixture(t)
	original, again := newCommit(1, put{"a", "1", false}), newCommit(1, put{"a", "1", false})
	again.Resent, again.ResentFrom = true, 1
	results := f.round(original, again)
	f.want(results[0], 2, 3)
	f.want(results[1], 2, 3)
	if n := len(f.stored()); n != 3 {
		t.Errorf("%d events are stored, want 3", n)
	}
}

func TestResentCommitOlderThanTheMemory(t *testing.T) {
	f := newFixture(t)
	f.want(f.do(newCommit(1, put{"old", "1", false})), 1, 2)
	for i := range 2*recentCommits + 10 {
		c := newCommit(2, put{"k", "v", false})
		c.ID[1], c.ID[2] = byte(i), byte(i>>8)
		f.do(c)
	}
	if _, ok := f.recent.find(event.CommitID{1}); ok {
		t.Fatal("the commit is still known; the test needs more commits after it")
	}
	size := f.Next()
	again := newCommit(1, put{"old", "1", false})
	again.Resent, again.ResentFrom = true, 1
	f.want(f.do(again), 1, 2)
	lost := newCommit(3, put{"new", "1", false})
	lost.Resent, lost.ResentFrom = true, 1
	f.want(f.do(lost), size, size+1)
}

func TestRefusedAppendLeavesNoTrace(t *testing.T) {
	f := newFixture(t)
	full := fault.New(fault.DiskFull, "no space")
	f.log.OnAppend = func([]byte) (int, error) { return 0, full }
	f.refuse(f.do(newCommit(1, put{"k", "1", false})), fault.DiskFull)
	if f.Next() != 1 || len(f.Newest([][]byte{[]byte("k")})) != 0 || f.pub.next != 0 {
		t.Errorf("next %d, published %d", f.Next(), f.pub.next)
	}
	f.log.OnAppend = nil
	f.want(f.do(newCommit(1, put{"k", "1", false})), 1, 2)
	if f.failed != nil {
		t.Errorf("the chain failed: %v", f.failed)
	}
}

// TestUncertainAppendFailsTheChain lets an append store something, or perhaps
// something, and answer an error: nothing may be called refused then.
func TestUncertainAppendFailsTheChain(t *testing.T) {
	for name, fail := range map[string]func(*fixture, []byte) (int, error){
		"stored in part": func(_ *fixture, records []byte) (int, error) {
			size, _ := event.RecordSize(records)
			return size, errors.New("lost the rest")
		},
		"cannot be read": func(f *fixture, _ []byte) (int, error) {
			f.log.ReadErr = errors.New("gone")
			return 0, errors.New("gone")
		},
	} {
		f := newFixture(t)
		f.log.OnAppend = func(records []byte) (int, error) { return fail(f, records) }
		f.refuse(f.do(newCommit(1, put{"k", "1", false})), fault.Unavailable)
		if f.failed == nil {
			t.Errorf("%s: the chain goes on", name)
		}
		f.refuse(f.do(newCommit(2, put{"k", "2", false})), fault.Unavailable)
		f.log.OnAppend, f.log.ReadErr = nil, nil
		f.open()
		again := newCommit(1, put{"k", "1", false})
		again.Resent, again.ResentFrom = true, 1
		f.want(f.do(again), 1, 2)
		if n := len(f.stored()); n != 2 {
			t.Errorf("%s: %d events are stored, want 2", name, n)
		}
	}
}

func TestOutsiderMayNotWrite(t *testing.T) {
	owner := []byte("the owner's key")
	f := newFixture(t, owner)
	f.refuse(f.do(newCommit(1, put{"k", "1", false})), fault.NotAuthorized)
	if len(f.stored()) != 1 {
		t.Error("something was stored")
	}
	c := newCommit(2, put{"k", "1", false})
	c.Writer.Proven = []event.Hash{event.KeyID(owner)}
	f.want(f.do(c), 1, 2)
}

func TestLocks(t *testing.T) {
	f := newFixture(t)
	granted := make(chan SessionID, 10)
	ask := func(s SessionID, wait bool) error {
		return f.Lock(&LockRequest{Session: s, Key: []byte("k"), Wait: wait, Granted: func() { granted <- s }})
	}
	by := func(s SessionID, id byte) *Commit {
		c := newCommit(id, put{"other", "", false}, put{"k", "v", false})
		c.Writer.Session = s
		return c
	}
	if err := ask(1, false); err != nil || <-granted != 1 {
		t.Fatal(err)
	}
	if err := ask(1, false); !fault.Is(err, fault.BadRequest) {
		t.Errorf("the holder's second request: %v", err)
	}
	if err := ask(2, false); !fault.Is(err, fault.Locked) {
		t.Errorf("another's request: %v", err)
	}
	for s := SessionID(2); s <= 4; s++ {
		if err := ask(s, true); err != nil {
			t.Fatal(err)
		}
	}
	if r := f.do(by(2, 1)); !fault.Is(r.Err, fault.Locked) || r.Event != 1 {
		t.Errorf("another's write: %+v", r)
	}
	f.want(f.do(by(1, 2)), 1, 3)
	if waited := f.Unlock(2, "k"); !waited {
		t.Error("session 2 had not waited")
	}
	f.Unlock(1, "k")
	if s := <-granted; s != 3 {
		t.Errorf("session %d inherited the lock, want 3", s)
	}
	f.refuse(f.do(by(1, 3)), fault.Locked)
	f.Unlock(3, "k")
	<-granted
	f.Unlock(4, "k")
	f.want(f.do(by(1, 4)), 3, 5)
	if len(f.locks.byKey) != 0 {
		t.Errorf("locks are left: %v", f.locks.byKey)
	}
}

func TestManyCommittersAreAnsweredInOrder(t *testing.T) {
	f := newFixture(t)
	const committers, each = 16, 300
	var wg sync.WaitGroup
	for w := range committers {
		wg.Go(func() {
			answers := make(chan Result, each)
			for i := range each {
				c := newCommit(byte(w), put{fmt.Sprintf("%d-%d", w, i), "v", false})
				c.ID[1], c.ID[2] = byte(i), byte(i>>8)
				c.Answer = func(_ *Commit, r Result) { answers <- r }
				f.Commit(c)
			}
			var last event.Seq
			for range each {
				r := <-answers
				if r.Err != nil || r.First <= last {
					t.Errorf("committer %d: %+v after %d", w, r, last)
				}
				last = r.First
			}
		})
	}
	wg.Wait()
	if n := len(f.stored()); n != 1+committers*each || f.Next() != event.Seq(n) {
		t.Errorf("%d events stored, next is %d", n, f.Next())
	}
	isLed := func() bool {
		f.queueMu.Lock()
		defer f.queueMu.Unlock()
		return f.leading || f.queue != nil
	}
	for deadline := time.Now().Add(5 * time.Second); isLed(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("somebody still leads")
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	open := func(log *chaintest.Log, name chainname.Name) error {
		_, err := Open(context.Background(), name, Options{Log: log, Publisher: &publisher{}, Trust: event.Centralized, OnProblem: func(error) {}})
		return err
	}
	if err := open(&chaintest.Log{}, testName); !fault.Is(err, fault.NotFound) {
		t.Errorf("an empty log: %v", err)
	}
	f := newFixture(t)
	if err := open(f.log, "example.com/joe/other"); !fault.Is(err, fault.Damaged) {
		t.Errorf("another chain's log: %v", err)
	}
	c := newCommit(1, put{"k", "v", false})
	noGenesis := chaintest.NewLog((&event.Batch{Count: 1, Frames: c.Frames}).AppendRecord(nil))
	if err := open(noGenesis, testName); !fault.Is(err, fault.Damaged) {
		t.Errorf("a log without genesis: %v", err)
	}
}
