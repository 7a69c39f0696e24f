package authserver_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/authserver/authservertest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/known"
)

// answers has a server change what it finds.
func answers(change func(*authserverpb.Found)) authservertest.Faults {
	return authservertest.Faults{Answer: func(_ *authserverpb.Request, r *authserverpb.Reply) {
		if found := r.GetFound(); found != nil {
			change(found)
		}
	}}
}

// remembered returns the number of what is remembered of a name.
func remembered(t testing.TB, s *authservertest.Server, memory *known.Memory, name string) uint64 {
	t.Helper()
	last, _, err := memory.LastStatement(s.Address(), name)
	check(t, err)
	return last.Number
}

// TestSubstitutedInBetween: a client knows a user's first advert, and the server
// shows number 5, which is not the user's or is not seen to come from him.
func TestSubstitutedInBetween(t *testing.T) {
	eve := newKeys(joe)
	next := func(t *testing.T, before account.Signed, old, id *keys.Identity) account.Signed {
		signed, err := account.NextAdvert(before, old, id, time.Now())
		check(t, err)
		return signed
	}
	joes := authserver.UserKey(joe.String())
	put := func(s *authservertest.Server, number uint64, signed account.Signed) {
		s.Put(authserver.EarlierKey(joes, number), signed.Encode())
	}
	// line returns adverts of Eve's that begin behind number 2 of Joe's.
	line := func(t *testing.T, two account.Signed, his *keys.Identity) []account.Signed {
		third := next(t, two, his, eve)
		third.Signatures = third.Signatures[1:] // she has not got his key
		fourth := next(t, third, eve, eve)
		return []account.Signed{third, fourth, next(t, fourth, eve, eve)}
	}
	for attack, substitute := range map[string]func(t *testing.T, s *authservertest.Server, line []account.Signed, his []*keys.Identity){
		"two rotations that never were": func(t *testing.T, s *authservertest.Server, line []account.Signed, his []*keys.Identity) {
			evil := account.FirstAdvert(joe, eve, time.Now())
			for n := range uint64(6) {
				put(s, n, evil)
				s.Put(joes, evil.Encode())
				evil = next(t, evil, eve, eve)
			}
		},
		"those behind number 2": func(t *testing.T, s *authservertest.Server, joes []account.Signed, his []*keys.Identity) {
			evil := line(t, joes[2], his[2])
			put(s, 3, evil[0])
			put(s, 4, evil[1])
			s.Put(authserver.UserKey(joe.String()), evil[2].Encode())
		},
		"one in the middle": func(t *testing.T, s *authservertest.Server, joes []account.Signed, his []*keys.Identity) {
			put(s, 3, line(t, joes[2], his[2])[0])
		},
		"one in the middle, signed by a stranger too": func(t *testing.T, s *authservertest.Server, joes []account.Signed, his []*keys.Identity) {
			put(s, 3, account.Sign(keys.ForAdvert, joes[3].Statement, his[3].Signing, eve.Signing))
		},
		"one in the middle by the one before it": func(t *testing.T, s *authservertest.Server, joes []account.Signed, his []*keys.Identity) {
			put(s, 3, joes[2])
		},
		"one in the middle by another user's": func(t *testing.T, s *authservertest.Server, joes []account.Signed, his []*keys.Identity) {
			put(s, 3, account.FirstAdvert(ann, eve, time.Now()))
		},
		"one in the middle by garbage": func(t *testing.T, s *authservertest.Server, joes []account.Signed, his []*keys.Identity) {
			s.Put(authserver.EarlierKey(authserver.UserKey(joe.String()), 3), []byte("garbage"))
		},
		"the newest by one of Eve's": func(t *testing.T, s *authservertest.Server, joes []account.Signed, his []*keys.Identity) {
			signed := next(t, joes[4], his[4], eve)
			signed.Signatures = signed.Signatures[1:]
			s.Put(authserver.UserKey(joe.String()), signed.Encode())
		},
		"the newest by one further on": func(t *testing.T, s *authservertest.Server, joes []account.Signed, his []*keys.Identity) {
			s.Put(authserver.UserKey(joe.String()), next(t, next(t, joes[5], his[5], eve), eve, eve).Encode())
		},
		"the newest by the one before": func(t *testing.T, s *authservertest.Server, joes []account.Signed, his []*keys.Identity) {
			put(s, 5, joes[5])
			s.Put(authserver.UserKey(joe.String()), joes[4].Encode())
		},
	} {
		t.Run(attack, func(t *testing.T) {
			s, memory, his := start(t), new(known.Memory), []*keys.Identity{newKeys(joe)}
			line := []account.Signed{says(s, joe, his[0])}
			c := dial(t, s, memory)
			looks(t, c, joe, his[0])
			for n := range 5 {
				signed, id := takesNewKeys(t, s, line[n], his[n])
				line, his = append(line, signed), append(his, id)
			}
			substitute(t, s, line, his)
			_, err := c.LookUser(soon(t), joe)
			wantCode(t, "looking up", err, fault.Forked)
			_, err = dial(t, s, memory).LookUser(soon(t), joe)
			wantCode(t, "looking up after a restart", err, fault.Forked)
			if n := remembered(t, s, memory, joe.String()); n != 0 {
				t.Errorf("number %d is remembered now", n)
			}
		})
	}
}

// TestHiddenInBetween: the server's log is right, and its answer is not. Once it
// is, the client goes on.
func TestHiddenInBetween(t *testing.T) {
	for attack, test := range map[string]struct {
		change func(*authserverpb.Found)
		code   fault.Code
	}{
		"all, as a server does that keeps none": {func(f *authserverpb.Found) { f.Earlier = nil }, fault.Forked},
		"the first":                             {func(f *authserverpb.Found) { f.Earlier = f.Earlier[1:] }, fault.Forked},
		"one in the middle":                     {func(f *authserverpb.Found) { f.Earlier = slices.Delete(f.Earlier, 1, 2) }, fault.Forked},
		"the newest":                            {func(f *authserverpb.Found) { f.Frame = nil }, fault.Forked},
		"the order":                             {func(f *authserverpb.Found) { slices.Reverse(f.Earlier) }, fault.Forked},
		"where one stands":                      {func(f *authserverpb.Found) { f.Earlier[1].Seq++ }, fault.Forked},
		"the proof of one":                      {func(f *authserverpb.Found) { f.Earlier[1].Inclusion = nil }, fault.Forked},
		"all but one proof":                     {func(f *authserverpb.Found) { f.Earlier[1].Inclusion = make([][]byte, 1000) }, fault.BadMessage},
		"one behind another":                    {func(f *authserverpb.Found) { f.Earlier[1].Frame = append(f.Earlier[1].Frame, f.Frame...) }, fault.Forked},
		"one by nothing":                        {func(f *authserverpb.Found) { f.Earlier[1] = &authserverpb.Earlier{} }, fault.BadMessage},
		"one by half of it":                     {func(f *authserverpb.Found) { f.Earlier[1].Frame = f.Earlier[1].Frame[:99] }, fault.BadMessage},
		"one in much":                           {func(f *authserverpb.Found) { f.Earlier[1].Frame = make([]byte, authserver.MaxFrame+1) }, fault.TooLarge},
		"what stands there in other data": {func(f *authserverpb.Found) {
			frame, _, _ := event.CutFrame(f.Earlier[1].Frame)
			f.Earlier[1].Frame = event.AppendFrame(nil, frame.Header, frame.Data[:len(frame.Data)-1])
		}, fault.Forked},
		"some in too many": {func(f *authserverpb.Found) {
			for len(f.Earlier) <= authserver.MaxEarlier {
				f.Earlier = append(f.Earlier, f.Earlier...)
			}
		}, fault.BadMessage},
	} {
		t.Run(attack, func(t *testing.T) {
			s, memory, his := start(t), new(known.Memory), newKeys(joe)
			signed := says(s, joe, his)
			looks(t, dial(t, s, memory), joe, his)
			for range 5 {
				signed, his = takesNewKeys(t, s, signed, his)
			}
			s.SetFaults(answers(test.change))
			_, err := dial(t, s, memory).LookUser(soon(t), joe)
			wantCode(t, "looking up", err, test.code)
			if n := remembered(t, s, memory, joe.String()); n != 0 {
				t.Errorf("number %d is remembered now", n)
			}
			s.SetFaults(authservertest.Faults{})
			looks(t, dial(t, s, memory), joe, his)
		})
	}
}

// TestNotAskedFor: who remembers nothing wants to see the newest alone.
func TestNotAskedFor(t *testing.T) {
	s, his := start(t), newKeys(joe)
	signed := says(s, joe, his)
	_, his = takesNewKeys(t, s, signed, his)
	s.SetFaults(answers(func(f *authserverpb.Found) { f.Earlier = []*authserverpb.Earlier{{Frame: f.Frame}} }))
	_, err := dial(t, s, nil).LookUser(soon(t), joe)
	wantCode(t, "looking up", err, fault.BadMessage)
	s.SetFaults(authservertest.Faults{})
	looks(t, dial(t, s, nil), joe, his)
}

// TestSmallPages: a server may show fewer at once than it could, and the user may
// take new keys meanwhile.
func TestSmallPages(t *testing.T) {
	s, his := start(t), newKeys(joe)
	signed := says(s, joe, his)
	c := dial(t, s, nil)
	looks(t, c, joe, his)
	for range 5 {
		signed, his = takesNewKeys(t, s, signed, his)
	}
	next := newKeys(joe)
	after, err := account.NextAdvert(signed, his, next, time.Now())
	check(t, err)
	var asked atomic.Int64
	s.SetFaults(authservertest.Faults{
		Hang: func(*authserverpb.Request) {
			if asked.Add(1) == 2 {
				s.Follow(authserver.UserKey(joe.String()), 6, signed, after)
			}
		},
		Answer: func(_ *authserverpb.Request, r *authserverpb.Reply) { r.GetFound().Earlier = r.GetFound().Earlier[:1] },
	})
	looks(t, c, joe, next)
	if n := asked.Load(); n != 5 {
		t.Errorf("it was asked %d times for 5 adverts between", n)
	}
}

// TestEndless: however many changes a server has to show, a client checks a bounded
// number of them at once, and goes on from there with the next call.
func TestEndless(t *testing.T) {
	const rotations = authserver.MaxLinks + authserver.MaxEarlier + 3
	s, memory, his := start(t), new(known.Memory), newKeys(joe)
	signed := says(s, joe, his)
	looks(t, dial(t, s, memory), joe, his)
	for n := range uint64(rotations) { // new read keys alone, which takes less time
		next := &keys.Identity{Name: his.Name, Signing: his.Signing, Read: keys.NewReadKey()}
		after, err := account.NextAdvert(signed, his, next, time.Now())
		check(t, err)
		s.Follow(authserver.UserKey(joe.String()), n+1, signed, after)
		signed, his = after, next
	}
	var asked atomic.Int64
	s.SetFaults(authservertest.Faults{Hang: func(*authserverpb.Request) { asked.Add(1) }})
	c := dial(t, s, memory)
	_, err := c.LookUser(t.Context(), joe)
	wantCode(t, "looking up", err, fault.Overloaded)
	if at := remembered(t, s, memory, joe.String()); at != authserver.MaxLinks {
		t.Errorf("it ends at number %d", at)
	}
	if n := asked.Load(); n != authserver.MaxLinks/authserver.MaxEarlier {
		t.Errorf("it asked %d times", n)
	}
	looks(t, c, joe, his)
}

// TestLostInBetween: a connection that is lost on the way does not lose the way.
func TestLostInBetween(t *testing.T) {
	s, memory, his := start(t), new(known.Memory), newKeys(joe)
	signed := says(s, joe, his)
	looks(t, dial(t, s, memory), joe, his)
	for range 2 * authserver.MaxEarlier {
		signed, his = takesNewKeys(t, s, signed, his)
	}
	var asked atomic.Int64
	s.SetFaults(authservertest.Faults{Hang: func(*authserverpb.Request) {
		if asked.Add(1) == 2 {
			s.DropConnections()
		}
	}})
	_, err := dial(t, s, memory).LookUser(soon(t), joe)
	wantCode(t, "looking up", err, fault.Unavailable)
	if at := remembered(t, s, memory, joe.String()); at != authserver.MaxEarlier {
		t.Errorf("it ends at number %d", at)
	}
	looks(t, dial(t, s, memory), joe, his)
}

// TestGroupInBetween tries every role with every change of a group, which is not
// the newest any more when a client that knows the statement before looks. The
// server takes every change.
func TestGroupInBetween(t *testing.T) {
	const name = "engineers"
	members := map[account.Name]group.Role{"owner@x.com": group.Owner, "owner2@x.com": group.Owner, "delegate@x.com": group.Delegate, "contributor@x.com": group.Contributor, "observer@x.com": group.Observer}
	ids := map[account.Name]*keys.Identity{ann: newKeys(ann), "late@x.com": newKeys("late@x.com")}
	for member := range members {
		ids[member] = newKeys(member)
	}
	type state struct {
		signed account.Signed
		roster []byte
	}
	open := func(s state, as account.Name) *group.Membership {
		m, err := group.Open(s.signed, s.roster, as, ids[as].Read)
		check(t, err)
		return m
	}
	made := func(signed account.Signed, roster []byte, err error) state {
		t.Helper()
		check(t, err)
		return state{signed, roster}
	}
	add := func(s state, who account.Name, role group.Role) state {
		return made(open(s, "owner@x.com").Add(who, ids[who].Read.Public(), role, time.Now()))
	}
	remove := func(s state, who account.Name) state {
		return made(open(s, "owner@x.com").Remove(who, time.Now()))
	}
	before := made(group.Create(name, "owner@x.com", ids["owner@x.com"].Read.Public(), time.Now()))
	for _, member := range []account.Name{"owner2@x.com", "delegate@x.com", "contributor@x.com", "observer@x.com"} {
		before = add(before, member, members[member])
	}
	keyOf := func(role group.Role) *keys.SigningKey {
		for member, has := range members {
			if has == role {
				return open(before, member).Keys(role)[0].Signing
			}
		}
		return nil
	}
	signers := map[string][]*keys.SigningKey{
		"delegate": {keyOf(group.Delegate)}, "contributor": {keyOf(group.Contributor)},
		"a member with the key of his own": {ids["observer@x.com"].Signing}, "stranger": {keys.NewSigningKey()},
	}
	first, err := group.ParseStatement(before.signed)
	check(t, err)
	// look looks when what the last but one of the changes has come to is signed
	// otherwise.
	look := func(line []account.Signed, middle account.Signed) error {
		s := start(t)
		s.Put(authserver.GroupKey(name), before.signed.Encode())
		c := dial(t, s, nil)
		_, err := c.LookGroup(soon(t), name)
		check(t, err)
		line = slices.Clone(line)
		line[len(line)-2] = middle
		for n := 1; n < len(line); n++ {
			s.Follow(authserver.GroupKey(name), first.Number+uint64(n), line[n-1], line[n])
		}
		_, err = c.LookGroup(soon(t), name)
		return err
	}
	delegates := []string{"delegate", "those who are delegates then", "delegates before and then"} // are the same
	type change = func(state) state
	adds := func(who account.Name, role group.Role) change {
		return func(s state) state { return add(s, who, role) }
	}
	removes := func(who account.Name) change { return func(s state) state { return remove(s, who) } }
	for what, test := range map[string]struct {
		changes []change // the last is the one that is tried
		may     []string // who else than the owner may do it
	}{
		"add an observer":                                {[]change{adds(ann, group.Observer)}, delegates},
		"add a contributor":                              {[]change{adds(ann, group.Contributor)}, delegates},
		"remove the observer":                            {[]change{removes("observer@x.com")}, delegates},
		"remove the contributor":                         {[]change{removes("contributor@x.com")}, delegates},
		"remove the delegate":                            {[]change{removes("delegate@x.com")}, nil},
		"remove an owner":                                {[]change{removes("owner2@x.com")}, nil},
		"add an observer after the delegate was removed": {[]change{removes("delegate@x.com"), adds(ann, group.Observer)}, []string{"those who are delegates then"}},
	} {
		now, line := before, []account.Signed{before.signed}
		for _, change := range test.changes {
			now = change(now)
			line = append(line, now.signed)
		}
		middle, then := now.signed, open(now, "owner@x.com").Keys(group.Delegate)[0].Signing
		line = append(line, add(now, "late@x.com", group.Contributor).signed)
		check(t, look(line, middle)) // as the owner signed it
		signers["those who are delegates then"] = []*keys.SigningKey{then}
		signers["delegates before and then"] = append(signers["delegate"], then)
		for by, signing := range signers {
			err := look(line, account.Sign(keys.ForGroup, middle.Statement, signing...))
			if slices.Contains(test.may, by) {
				check(t, err)
			} else if !fault.Is(err, fault.Forked) {
				t.Errorf("%s, signed by %s: %v; want a forked fault", what, by, err)
			}
		}
	}
}

// TestGroupHidden: what is so of users is so of groups.
func TestGroupHidden(t *testing.T) {
	s := start(t)
	owner := create(t, s, joe)
	_, err := owner.CreateGroup(soon(t), "engineers")
	check(t, err)
	c := dial(t, s, nil)
	_, err = c.LookGroup(soon(t), "engineers")
	check(t, err)
	create(t, s, ann)
	for _, role := range []group.Role{group.Observer, group.Contributor, group.Delegate} {
		_, err = owner.AddMember(soon(t), "engineers", ann, role)
		check(t, err)
	}
	s.SetFaults(answers(func(f *authserverpb.Found) { f.Earlier = nil }))
	_, err = c.LookGroup(soon(t), "engineers")
	wantCode(t, "looking up what is hidden", err, fault.Forked)
	if !strings.Contains(err.Error(), "not number 1") {
		t.Errorf("it does not say what is hidden: %v", err)
	}
	s.SetFaults(authservertest.Faults{})
	statement, err := c.LookGroup(soon(t), "engineers")
	if err != nil || statement.Number != 3 {
		t.Errorf("the group has number %d, %v", statement.Number, err)
	}
}
