package storagetest

import (
	"bytes"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/storage"
)

// testConcurrency appends from one goroutine, as the contract says, while
// others read, list, and open and close chains of their own.
func testConcurrency(s *suite) {
	const n, rounds = 8, 100
	chains := make([]storage.Chain, n)
	for i := range chains {
		chains[i] = s.open(numbered(i))
	}
	appended := make([]chan struct{}, n) // a token for each round, so that who waits need not spin
	for i := range appended {
		appended[i] = make(chan struct{}, rounds)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() {
			for i := range appended {
				close(appended[i])
			}
		}()
		for r := range rounds {
			round := make([]storage.AppendRequest, n)
			for i, c := range chains {
				round[i] = storage.AppendRequest{Chain: c, Records: Record(event.Seq(2*r), 2, 300)}
			}
			for _, err := range s.store.Append(round) {
				if err != nil {
					s.Errorf("appending: %v", err)
					return
				}
			}
			for i := range appended {
				appended[i] <- struct{}{}
			}
		}
	})
	for i, c := range chains {
		wg.Go(func() { s.follow(c, rounds, appended[i]) })
	}
	wg.Go(func() {
		for i := range 20 {
			s.openAndRemove(i)
		}
	})
	wg.Wait()
	s.reopenAll(chains)
	for _, c := range chains {
		s.expect(c, Records(0, rounds, 2, 300))
	}
}

// follow reads a chain while it grows, until it has all of it.
func (s *suite) follow(c storage.Chain, records int, appended <-chan struct{}) {
	for from := event.Seq(0); from < event.Seq(2*records); {
		before := c.State().Next
		got, err := c.Read(s.ctx, nil, from, 2000, false)
		if err != nil {
			s.Errorf("reading: %v", err)
			return
		}
		if len(got) == 0 && from < before {
			s.Errorf("nothing at seq %d although the chain goes to %d", from, before)
			return
		}
		for len(got) > 0 {
			want := Record(from, 2, 300)
			if !bytes.HasPrefix(got, want) {
				s.Errorf("another record than was appended at seq %d: %s", from, describe(got))
				return
			}
			got, from = got[len(want):], from+2
		}
		if _, more := <-appended; !more && s.Failed() {
			return
		}
	}
}

func (s *suite) openAndRemove(i int) {
	name := numbered(100 + i)
	c, err := s.store.Open(s.ctx, name, true)
	if err == nil {
		err = c.PutBlob(s.ctx, "b", []byte("x"))
	}
	if err == nil {
		err = c.Close()
	}
	if err == nil {
		_, err = s.store.List(s.ctx, "", 3)
	}
	if err == nil {
		err = s.store.Remove(s.ctx, name)
	}
	if err == nil {
		_, err = s.store.Stats(s.ctx)
	}
	if err != nil {
		s.Errorf("with a chain of its own: %v", err)
	}
}
