package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/fault"
)

func TestLockExcludesOthers(t *testing.T) {
	s := start(t, clienttest.Options{})
	mine, other := dial(t, s.URL("ws", chainName)), dial(t, s.URL("tcp", chainName))
	key := []byte("k")
	lock, err := mine.Lock(soon(t), key, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Commit(soon(t), put("k", "x"))
	wantCode(t, err, fault.Locked)
	_, err = other.Lock(soon(t), key, time.Millisecond)
	wantCode(t, err, fault.Locked)
	_, err = mine.Lock(soon(t), key, time.Hour)
	wantCode(t, err, fault.Locked)
	commit(t, mine, put("k", "x"))

	granted := make(chan error, 1)
	go func() { _, err := other.Lock(soon(t), key, time.Minute); granted <- err }()
	lock.Unlock()
	lock.Unlock()
	if err := <-granted; err != nil {
		t.Errorf("after Unlock: %v", err)
	}
	select {
	case <-lock.Lost():
		t.Error("a lock that was given back counts as lost")
	default:
	}
}

func TestLockIsLostWithTheConnection(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s.URL("tcp", chainName))
	lock, err := c.Lock(soon(t), []byte("k"), 0)
	if err != nil {
		t.Fatal(err)
	}
	s.DropConnections()
	select {
	case <-lock.Lost():
	case <-soon(t).Done():
		t.Fatal("the lock is not reported lost")
	}
	if _, err := c.Lock(soon(t), []byte("k"), time.Minute); err != nil {
		t.Errorf("asking again: %v", err)
	}
}

func TestLockWaitEndsWithTheContext(t *testing.T) {
	s := start(t, clienttest.Options{})
	mine, other := dial(t, s.URL("tcp", chainName)), dial(t, s.URL("tcp", chainName))
	lock, err := mine.Lock(soon(t), []byte("k"), 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := other.Lock(ctx, []byte("k"), time.Minute); err != context.DeadlineExceeded {
		t.Fatalf("the wait ended with %v", err)
	}
	lock.Unlock()
	if _, err := other.Lock(soon(t), []byte("k"), time.Minute); err != nil {
		t.Errorf("asking again: %v", err)
	}
}
