package secrecy

import (
	"bytes"
	"math"
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

var (
	testChain  = event.ChainID{0xc0}
	otherChain = event.ChainID{0xc1}
)

func TestOpenReturnsWhatWasSealed(t *testing.T) {
	k := NewDataKey()
	for _, size := range []int{0, 1, 16, 1 << 10, MaxPlaintext} {
		plaintext := bytes.Repeat([]byte{7}, size)
		ciphertext, e := mustSeal(t, k, testChain, []byte("o"), plaintext)
		if len(ciphertext) != size+Overhead || len(ciphertext) > event.MaxData {
			t.Errorf("%d bytes became %d", size, len(ciphertext))
		}
		got, err := k.Open(testChain, []byte("o"), e, ciphertext)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("%d bytes opened to %d, %v", size, len(got), err)
		}
	}
}

func TestSealRefusesWhatWouldNotFitAnEvent(t *testing.T) {
	_, _, err := NewDataKey().Seal(testChain, []byte("o"), make([]byte, MaxPlaintext+1))
	wantCode(t, "one byte too many", err, fault.TooLarge)
}

// The header that Seal asks for is one that the event format takes.
func TestEncryptionSurvivesTheHeader(t *testing.T) {
	k := NewDataKey()
	ciphertext, e := mustSeal(t, k, testChain, []byte("o"), []byte("hello"))
	b, err := (&event.Header{Key: []byte("o"), Encryption: e, Read: k.Authority()}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	h, err := event.DecodeHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	if h.Read != k.Authority() {
		t.Errorf("read authority came back as %v", h.Read)
	}
	if got, err := k.Open(testChain, h.Key, h.Encryption, ciphertext); err != nil || string(got) != "hello" {
		t.Errorf("opened to %q, %v", got, err)
	}
}

func TestServerSwapsCiphertextsBetweenObjects(t *testing.T) {
	k := NewDataKey()
	ciphertext, e := mustSeal(t, k, testChain, []byte("alice"), []byte("100"))
	for _, object := range []string{"bob", "alic", "alicee", "", "\x00alice"} {
		_, err := k.Open(testChain, []byte(object), e, ciphertext)
		wantCode(t, "object "+object, err, fault.Damaged)
	}
}

func TestServerSwapsCiphertextsBetweenChains(t *testing.T) {
	k := NewDataKey()
	ciphertext, e := mustSeal(t, k, testChain, []byte("o"), []byte("100"))
	_, err := k.Open(otherChain, []byte("o"), e, ciphertext)
	wantCode(t, "other chain", err, fault.Damaged)
}

// The server passes data of an old generation off as data of the new one, or
// the other way round, with every combination of what it may claim.
func TestServerReplaysAnOldGeneration(t *testing.T) {
	old := NewDataKey()
	next := old.Next()
	ciphertext, e := mustSeal(t, old, testChain, []byte("o"), []byte("100"))

	_, err := next.Open(testChain, []byte("o"), e, ciphertext)
	wantCode(t, "honest about both", err, fault.NoReadKey)
	_, err = next.Open(testChain, []byte("o"), event.Encryption{Key: next.id, Generation: 2, Nonce: e.Nonce}, ciphertext)
	wantCode(t, "claims the new key", err, fault.Damaged)
	_, err = old.Open(testChain, []byte("o"), event.Encryption{Key: old.id, Generation: 2, Nonce: e.Nonce}, ciphertext)
	wantCode(t, "claims the new generation", err, fault.Damaged)

	sameSecret := newDataKey(old.secret(), 2)
	_, err = sameSecret.Open(testChain, []byte("o"), event.Encryption{Key: sameSecret.id, Generation: 2, Nonce: e.Nonce}, ciphertext)
	wantCode(t, "the same secret is used again", err, fault.Damaged)
}

func TestServerFlipsAnyBitOfDataOrNonce(t *testing.T) {
	k := NewDataKey()
	ciphertext, e := mustSeal(t, k, testChain, []byte("o"), []byte("hello"))
	for bit := range len(ciphertext) * 8 {
		ciphertext[bit/8] ^= 1 << (bit % 8)
		_, err := k.Open(testChain, []byte("o"), e, ciphertext)
		wantCode(t, "flipped data", err, fault.Damaged)
		ciphertext[bit/8] ^= 1 << (bit % 8)
	}
	for bit := range len(e.Nonce) * 8 {
		flipped := e
		flipped.Nonce[bit/8] ^= 1 << (bit % 8)
		_, err := k.Open(testChain, []byte("o"), flipped, ciphertext)
		wantCode(t, "flipped nonce", err, fault.Damaged)
	}
	for n := range len(ciphertext) {
		_, err := k.Open(testChain, []byte("o"), e, ciphertext[:n])
		wantCode(t, "truncated data", err, fault.Damaged)
	}
	_, err := k.Open(testChain, []byte("o"), e, append(ciphertext, 0))
	wantCode(t, "extended data", err, fault.Damaged)
}

// The server passes clear text off as encrypted data of nobody's key.
func TestServerStripsTheEncryption(t *testing.T) {
	_, err := NewDataKey().Open(testChain, []byte("o"), event.Encryption{}, []byte("hello, this is the server"))
	wantCode(t, "no encryption", err, fault.NoReadKey)
}

// Both halves of a nonce, the one that makes the key of the message and the one
// that is GCM's, differ in 20,000 messages.
func TestNoNonceIsUsedTwice(t *testing.T) {
	k := NewDataKey()
	const messages = 20_000
	first, second := map[[12]byte]bool{}, map[[12]byte]bool{}
	for range messages {
		_, e := mustSeal(t, k, testChain, []byte("o"), nil)
		first[[12]byte(e.Nonce[:12])], second[[12]byte(e.Nonce[12:])] = true, true
	}
	if len(first) != messages || len(second) != messages {
		t.Errorf("%d messages had %d and %d different halves of a nonce", messages, len(first), len(second))
	}
}

// A generation follows from the last one by number only, and numbers do not
// start again.
func TestNextIsAnotherKey(t *testing.T) {
	k := NewDataKey()
	next := k.Next()
	if k.Generation() != 1 || next.Generation() != 2 {
		t.Errorf("generations %d, %d; want 1, 2", k.Generation(), next.Generation())
	}
	if next.ID() == k.ID() || *next.secret() == *k.secret() {
		t.Error("the next generation has the same key")
	}
	last := newRandomKey(math.MaxUint32)
	if n := last.Next(); n.Generation() != math.MaxUint32 || n.ID() == last.ID() {
		t.Errorf("after the last generation comes %d", n.Generation())
	}
}

func TestDataKeyIsUsedByManyAtOnce(t *testing.T) {
	k := NewDataKey()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			object := []byte{byte(i)}
			for range 100 {
				ciphertext, e, err := k.Seal(testChain, object, object)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := k.Open(testChain, object, e, ciphertext); err != nil || !bytes.Equal(got, object) {
					t.Errorf("goroutine %d opened %x, %v", i, got, err)
				}
			}
		})
	}
	group.Wait()
}

func wantCode(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("%s: got %v, want code %s", what, err, code)
	}
}
