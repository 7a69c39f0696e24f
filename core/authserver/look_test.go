package authserver

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/sdk/account"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/checkpoint"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/token"
)

// verifyFound checks an answer as a client does that knows the server's key, and
// returns the head and the statement.
func verifyFound(tb testing.TB, w *world, found *pb.Found) (merkle.Head, account.Signed) {
	tb.Helper()
	chain := event.ChainID(found.ChainId)
	head, err := checkpoint.Open(found.Checkpoint, w.self.Signing().Public(), chain)
	check(tb, err)
	if len(found.Frame) == 0 {
		return head, account.Signed{}
	}
	frame, rest, err := event.CutFrame(found.Frame)
	check(tb, err)
	if len(rest) > 0 || frame.Omitted {
		tb.Fatal("the frame is not one whole event")
	}
	check(tb, merkle.CheckInclusion(hashes(found.Inclusion), head, found.Seq, frame.Leaf(chain)))
	signed, err := account.ParseSigned(frame.Data)
	check(tb, err)
	return head, signed
}

func hashes(list [][]byte) []event.Hash {
	out := make([]event.Hash, len(list))
	for i := range list {
		out[i] = event.Hash(list[i])
	}
	return out
}

// TestLookIsProved proves that what Look answers stands in a log that grows, over
// restarts, and that it is what the user put there.
func TestLookIsProved(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	var known merkle.Head
	for i := range 6 {
		if i%2 == 1 {
			check(t, w.loginAs(alice).registerIt(w.makeToken(alice, token.Options{Account: true})))
		}
		if i == 4 {
			w.open()
		}
		found, err := w.connect().lookAt(string(alice.name), known.Size)
		check(t, err)
		head, signed := verifyFound(t, w, found)
		if !bytes.Equal(signed.Encode(), alice.advert.Encode()) {
			t.Fatal("the advert is not the one that was put")
		}
		if known.Size > 0 && known.Size < head.Size {
			check(t, merkle.CheckConsistency(hashes(found.Consistency), known, head))
		} else if len(found.Consistency) > 0 || known.Size == head.Size && known != head {
			t.Errorf("the head %v follows %v", head, known)
		}
		known = head
	}
	found, err := w.connect().lookAt("nobody-here@example.com", known.Size-1)
	check(t, err)
	if head, _ := verifyFound(t, w, found); head != known || len(found.Frame) > 0 || len(found.Inclusion) > 0 || len(found.Consistency) == 0 {
		t.Errorf("a name that is not there is answered %v", found)
	}
	for _, bad := range []string{"", "@", "a@b", "Alice@example.com", "alice@example.com/x", "a.b", "../x"} {
		_, err := w.connect().lookAt(bad, 0)
		wantCode(t, "looking for "+bad, err, fault.BadName)
	}
}

// TestTwoStories: the attack is to show a client an older state of the accounts,
// such as a folder that was restored, or one that has gone another way since. A
// client that remembers the head sees it.
func TestTwoStories(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	older := w.log.Copy()
	check(t, w.loginAs(alice).registerIt(w.makeToken(alice, token.Options{Account: true})))
	found, err := w.connect().lookAt(string(alice.name), 0)
	check(t, err)
	known, _ := verifyFound(t, w, found)

	w.log = older
	w.open()
	found, err = w.connect().lookAt(string(alice.name), known.Size)
	check(t, err)
	if head, _ := verifyFound(t, w, found); head.Size >= known.Size || len(found.Consistency) > 0 {
		t.Errorf("the older log's head %v with %d hashes does not tell that it is older than %v", head, len(found.Consistency), known)
	}
	for range 2 { // it grows past the head that is known
		check(t, w.loginAs(alice).registerIt(w.makeToken(alice, token.Options{Account: true})))
	}
	found, err = w.connect().lookAt(string(alice.name), known.Size)
	check(t, err)
	head, _ := verifyFound(t, w, found)
	if merkle.CheckConsistency(hashes(found.Consistency), known, head) == nil {
		t.Error("another history passes for the continuation of the one that is known")
	}
}

// TestNothingPrivateIsShown proves that no frame that Look gives holds anything of
// a vault, a roster or a token, and that private records are salted.
func TestNothingPrivateIsShown(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	found, err := w.connect().lookAt(string(alice.name), 0)
	check(t, err)
	lock, _ := alice.vault.Lock(account.Passphrase)
	for _, private := range [][]byte{lock.Wrapped, lock.Stretch.Salt, lock.LoginKey.Bytes(), alice.vault.Proto().Keychain} {
		if bytes.Contains(found.Frame, private) {
			t.Error("the frame of an advert holds a part of the vault")
		}
		if !bytes.Contains(w.log.Records(), private) {
			t.Error("the log does not hold the vault: the test looks for the wrong bytes")
		}
	}
	before := len(w.log.Records())
	for range 2 {
		check(t, w.store.Update(t.Context(), func(tx *accounts.Tx) error {
			tx.PutMembership("alice@example.com", &accounts.Membership{Groups: []string{"writers"}})
			return nil
		}))
	}
	if records := w.log.Records()[before:]; bytes.Equal(data(t, records, 0), data(t, records, 1)) {
		t.Error("two private records that say the same are the same")
	}
}

// data returns the data of the first event of the i-th record.
func data(tb testing.TB, records []byte, i int) []byte {
	tb.Helper()
	for batch, err := range event.Records(records) {
		check(tb, err)
		if i--; i < 0 {
			f, _, err := event.CutFrame(batch.Frames)
			check(tb, err)
			return f.Data
		}
	}
	tb.Fatal("there are fewer records")
	return nil
}

// TestLooksDoNotWaitForWrites blocks the disk and looks.
func TestLooksDoNotWaitForWrites(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	made := w.newToken(alice, token.Options{Account: true})
	p := w.loginAs(alice)
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.log.OnAppend = func(records []byte) (int, error) {
		once.Do(func() { close(entered) })
		<-release
		return len(records), nil
	}
	written := make(chan error, 1)
	go func() { written <- p.registerIt(w.makeToken(alice, token.Options{Account: true})) }()
	<-entered
	looked := make(chan error, 1)
	go func() {
		_, err := w.connect().lookAt(string(alice.name), 0)
		if err == nil {
			_, err = w.connect().holds(made)
		}
		looked <- err
	}()
	select {
	case err := <-looked:
		check(t, err)
	case <-time.After(5 * time.Second):
		t.Error("looking waits for a write")
	}
	select {
	case <-written:
		t.Error("the write is answered before it is durable")
	default:
	}
	close(release)
	check(t, <-written)
}

// TestWriteThatFails proves that what could not be stored is refused and not
// there.
func TestWriteThatFails(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	p := w.loginAs(alice)
	made := w.makeToken(alice, token.Options{Account: true})
	w.log.OnAppend = func([]byte) (int, error) { return 0, fault.New(fault.DiskFull, "no space") }
	wantCode(t, "registering on a full disk", p.registerIt(made), fault.DiskFull)
	w.log.OnAppend = nil
	if w.refused(made) == "" {
		t.Error("a token holds whose registration was refused")
	}
	check(t, p.registerIt(made))
}

// TestWritersAtOnce proves that changes of one user at the same time are all
// kept.
func TestWritersAtOnce(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	var running sync.WaitGroup
	for range 8 {
		p, made := w.loginAs(alice), w.makeToken(alice, token.Options{Account: true})
		running.Go(func() {
			if err := p.registerIt(made); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if n := len(w.loginAs(alice).tokens()); n != 8 {
		t.Errorf("of 8 tokens registered at once %d are there", n)
	}
}
