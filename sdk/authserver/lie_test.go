package authserver_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/authserver/authservertest"
	"github.com/atedb/atedb/sdk/checkpoint"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/known"
	"github.com/atedb/atedb/sdk/merkle"
)

// TestSubstitutedAdvert: a server that owns its log appends an advert that is not
// the user's. To who has seen the one before it is found out, also after a
// restart of the client.
func TestSubstitutedAdvert(t *testing.T) {
	eve := newKeys(joe)
	for attack, substitute := range map[string]func(first account.Signed, his *keys.Identity) account.Signed{
		"another first one": func(account.Signed, *keys.Identity) account.Signed {
			return account.FirstAdvert(joe, eve, time.Now())
		},
		"a next one that the old key did not sign": func(first account.Signed, his *keys.Identity) account.Signed {
			next, err := account.NextAdvert(first, his, eve, time.Now())
			check(t, err)
			next.Signatures = next.Signatures[1:]
			return next
		},
		"a next one of another line": func(account.Signed, *keys.Identity) account.Signed {
			next, err := account.NextAdvert(account.FirstAdvert(joe, eve, time.Now()), eve, eve, time.Now())
			check(t, err)
			return next
		},
		"another user's": func(account.Signed, *keys.Identity) account.Signed {
			return account.FirstAdvert(ann, eve, time.Now())
		},
	} {
		t.Run(attack, func(t *testing.T) {
			s, memory, his := start(t), new(known.Memory), newKeys(joe)
			first := says(s, joe, his)
			c := dial(t, s, memory)
			looks(t, c, joe, his)
			s.Put(authserver.UserKey(joe.String()), substitute(first, his).Encode())
			_, err := c.LookUser(soon(t), joe)
			wantCode(t, "looking up", err, fault.Forked)
			_, err = dial(t, s, memory).LookUser(soon(t), joe)
			wantCode(t, "looking up after a restart", err, fault.Forked)
		})
	}
}

// TestHonestChange: the user's own next keys are taken, and those that come 2 and
// 50 later, also by who comes for the first time.
func TestHonestChange(t *testing.T) {
	s, his := start(t), newKeys(joe)
	signed := says(s, joe, his)
	c := dial(t, s, nil)
	looks(t, c, joe, his)
	for _, steps := range []int{1, 2, 50} {
		for range steps {
			signed, his = takesNewKeys(t, s, signed, his)
		}
		looks(t, c, joe, his)
	}
	looks(t, dial(t, s, nil), joe, his)
	_, err := c.LookUser(soon(t), ann)
	wantCode(t, "looking up nobody", err, fault.NotFound)
}

// TestRewrittenLog: what the server does to its history is found out by who has
// seen its head.
func TestRewrittenLog(t *testing.T) {
	other := func(s *authservertest.Server, n int) {
		for range n {
			s.Put([]byte("other"), []byte("x"))
		}
	}
	for attack, rewrite := range map[string]func(s *authservertest.Server, restore func()){
		"rolled back":              func(_ *authservertest.Server, restore func()) { restore() },
		"forked at the same size":  func(s *authservertest.Server, restore func()) { restore(); other(s, 1) },
		"forked at a greater size": func(s *authservertest.Server, restore func()) { restore(); other(s, 5) },
		"started anew":             func(s *authservertest.Server, _ func()) { s.Renew() },
	} {
		t.Run(attack, func(t *testing.T) {
			s, memory, his := start(t), new(known.Memory), newKeys(joe)
			says(s, joe, his)
			c := dial(t, s, memory)
			looks(t, c, joe, his)
			restore := s.Save()
			says(s, ann, newKeys(ann))
			looks(t, c, joe, his)
			rewrite(s, restore)
			_, err := c.LookUser(soon(t), joe)
			wantCode(t, "looking up", err, fault.Forked)
			_, err = dial(t, s, memory).LookUser(soon(t), joe)
			wantCode(t, "looking up after a restart", err, fault.Forked)
		})
	}
}

// TestTwoStoriesAtOnce: two answers that are on their way at once come from two
// histories that both continue what the client knows. It takes only one of them.
func TestTwoStoriesAtOnce(t *testing.T) {
	s, his := start(t), newKeys(joe)
	says(s, joe, his)
	c := dial(t, s, nil)
	looks(t, c, joe, his)
	restore := s.Save()
	stories := []account.Name{"one@example.com", "two@example.com"}
	asked, n := make(chan struct{}), 0
	s.SetFaults(authservertest.Faults{Hang: func(r *authserverpb.Request) {
		if n++; n > len(stories) {
			return // it stays with the second
		}
		<-asked // until both have been asked
		restore()
		for range n {
			says(s, account.Name(r.GetLook().Name), his)
		}
	}})
	errs := make([]error, len(stories))
	var wg sync.WaitGroup
	for i, name := range stories {
		wg.Go(func() { _, errs[i] = c.LookUser(soon(t), name) })
	}
	for c.Unanswered() < len(stories) {
		time.Sleep(time.Millisecond)
	}
	close(asked)
	wg.Wait()
	if errs[0] == nil && errs[1] == nil {
		t.Error("both stories were taken")
	}
}

// TestFalseProofs: answers whose parts do not belong together.
func TestFalseProofs(t *testing.T) {
	s, his, hers := start(t), newKeys(joe), newKeys(ann)
	says(s, joe, his)
	says(s, ann, hers)
	of := func(name account.Name) *authserverpb.Found { // what an honest server answers
		var found *authserverpb.Found
		s.SetFaults(authservertest.Faults{Answer: func(_ *authserverpb.Request, reply *authserverpb.Reply) { found = reply.GetFound() }})
		_, err := dial(t, s, nil).LookUser(soon(t), name)
		check(t, err)
		return found
	}
	anns := of(ann)
	stranger := keys.NewSigningKey()
	for attack, test := range map[string]struct {
		change func(*authserverpb.Found)
		code   fault.Code
	}{
		"another's event": {func(f *authserverpb.Found) { f.Frame, f.Seq, f.Inclusion = anns.Frame, anns.Seq, anns.Inclusion }, fault.Forked},
		"an event of his with other data": {func(f *authserverpb.Found) {
			header, err := (&event.Header{Key: authserver.UserKey(joe.String())}).Encode()
			check(t, err)
			f.Frame = event.AppendFrame(nil, header, account.FirstAdvert(joe, hers, time.Now()).Encode())
		}, fault.Forked},
		"another place":         {func(f *authserverpb.Found) { f.Seq++ }, fault.Forked},
		"a place beyond":        {func(f *authserverpb.Found) { f.Seq = 1 << 63 }, fault.Forked},
		"no inclusion":          {func(f *authserverpb.Found) { f.Inclusion = nil }, fault.Forked},
		"a proof of short hash": {func(f *authserverpb.Found) { f.Inclusion = [][]byte{{1}} }, fault.BadMessage},
		"a proof without end":   {func(f *authserverpb.Found) { f.Inclusion = make([][]byte, 1000) }, fault.BadMessage},
		"another log":           {func(f *authserverpb.Found) { f.ChainId = make([]byte, 32) }, fault.BadProof},
		"no log":                {func(f *authserverpb.Found) { f.ChainId = nil }, fault.BadMessage},
		"another's checkpoint": {func(f *authserverpb.Found) {
			note, err := checkpoint.Sign(stranger, "x", event.ChainID(f.ChainId), merkle.Head{Size: 9})
			check(t, err)
			f.Checkpoint = note
		}, fault.WrongServer},
		"no checkpoint": {func(f *authserverpb.Found) { f.Checkpoint = "" }, fault.BadMessage},
		"half a frame":  {func(f *authserverpb.Found) { f.Frame = f.Frame[:len(f.Frame)-1] }, fault.BadMessage},
		"two frames":    {func(f *authserverpb.Found) { f.Frame = append(f.Frame[:len(f.Frame):len(f.Frame)], anns.Frame...) }, fault.Forked},
		"a huge frame":  {func(f *authserverpb.Found) { f.Frame = make([]byte, authserver.MaxFrame+1) }, fault.TooLarge},
	} {
		t.Run(attack, func(t *testing.T) {
			s.SetFaults(authservertest.Faults{Answer: func(_ *authserverpb.Request, reply *authserverpb.Reply) { test.change(reply.GetFound()) }})
			_, err := dial(t, s, nil).LookUser(soon(t), joe)
			wantCode(t, "looking up", err, test.code)
		})
	}
}

// TestDenial: a server that has shown a user cannot deny him to who has seen him.
func TestDenial(t *testing.T) {
	s, his := start(t), newKeys(joe)
	says(s, joe, his)
	c := dial(t, s, nil)
	looks(t, c, joe, his)
	s.SetFaults(authservertest.Faults{Answer: func(_ *authserverpb.Request, reply *authserverpb.Reply) { reply.GetFound().Frame = nil }})
	_, err := c.LookUser(soon(t), joe)
	wantCode(t, "looking up", err, fault.Forked)
}

// TestGarbage: what breaks the protocol ends the connection with a code, and
// takes no more memory than a message may.
func TestGarbage(t *testing.T) {
	s := start(t)
	for attack, test := range map[string]struct {
		raw  []byte
		code fault.Code
	}{
		"no message":          {[]byte{0xff}, fault.BadMessage},
		"nothing":             {[]byte{}, fault.BadMessage},
		"10 MB":               {make([]byte, 10<<20), fault.TooLarge},
		"an answer to nobody": {[]byte{0x08, 99}, fault.BadMessage},
		"an empty answer":     {[]byte{0x08, 1}, fault.BadMessage},
	} {
		t.Run(attack, func(t *testing.T) {
			s.SetFaults(authservertest.Faults{Raw: func(*authserverpb.Request) []byte { return test.raw }})
			_, err := dial(t, s, nil).LookUser(soon(t), joe)
			wantCode(t, "looking up", err, test.code)
		})
	}
}

// TestHangs: a question to a server that does not answer ends with its context,
// as unavailable; and when the connection ends, so do all that are left.
func TestHangs(t *testing.T) {
	s := start(t)
	release := make(chan struct{})
	s.SetFaults(authservertest.Faults{Hang: func(*authserverpb.Request) { <-release }})
	defer close(release)
	c := dial(t, s, nil)
	ended := make(chan error, 1)
	go func() {
		_, err := c.LookUser(soon(t), ann)
		ended <- err
	}()
	ctx, cancel := contextWith(20 * time.Millisecond)
	defer cancel()
	_, err := c.LookUser(ctx, joe)
	wantCode(t, "looking up", err, fault.Unavailable)
	for n := 2; n < authserver.MaxUnanswered; n++ {
		gone, cancel := contextWith(0)
		_, err := c.LookUser(gone, joe)
		cancel()
		wantCode(t, "looking up", err, fault.Unavailable)
	}
	_, err = c.LookUser(soon(t), joe)
	wantCode(t, "one question too many", err, fault.Overloaded)
	s.DropConnections()
	wantCode(t, "the one that waited", <-ended, fault.Unavailable)
	<-c.Done()
	_, err = c.LookUser(soon(t), joe)
	wantCode(t, "one more", err, fault.Unavailable)
}

// TestPatience: the time that a client gives is the server's for one answer, not
// the caller's for what he does in between.
func TestPatience(t *testing.T) {
	const patience = time.Second
	s := start(t)
	var hanging atomic.Bool
	release := make(chan struct{})
	defer close(release)
	s.SetFaults(authservertest.Faults{Hang: func(*authserverpb.Request) {
		if hanging.Load() {
			<-release
		}
	}})
	memory := new(known.Memory)
	c, err := authserver.Dial(soon(t), s.PinnedURL(), authserver.Options{Hosts: memory, Patience: patience})
	check(t, err)
	defer c.Close()
	for range 3 {
		_, err := c.LookUser(t.Context(), joe)
		wantCode(t, "a user that does not exist", err, fault.NotFound)
		time.Sleep(patience / 2)
	}
	hanging.Store(true)
	_, err = c.LookUser(t.Context(), joe)
	if wantCode(t, "an answer that does not come", err, fault.Unavailable); !strings.Contains(err.Error(), "waited for 1s") {
		t.Error(err)
	}
}
