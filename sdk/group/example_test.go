package group_test

import (
	"bytes"
	"fmt"
	"time"

	"github.com/atedb/atedb/sdk/group"
	"github.com/atedb/atedb/sdk/keys"
)

// readKey returns the key whose seed consists of n.
func readKey(n byte) *keys.ReadKey {
	k, err := keys.ReadKeyFromSeed(bytes.Repeat([]byte{n}, keys.ReadSeedSize))
	if err != nil {
		panic(err)
	}
	return k
}

// Joe creates a group, gives Ann a role and takes it away again. The server
// checks each statement.
func ExampleCreate() {
	now := time.UnixMilli(1_700_000_000_000)
	joe, ann := readKey(1), readKey(2)
	first, roster, err := group.Create("engineers", "joe@example.com", joe.Public(), now)
	check(err)
	_, err = group.Check(nil, nil, first, roster)
	check(err)

	m, err := group.Open(first, roster, "joe@example.com", joe)
	check(err)
	second, larger, err := m.Add("ann@example.com", ann.Public(), group.Contributor, now)
	check(err)
	_, err = group.Check(&first, roster, second, larger)
	check(err)

	a, err := group.Open(second, larger, "ann@example.com", ann)
	check(err)
	fmt.Println(a)
	for _, r := range group.Roles() {
		fmt.Println(r, a.Keys(r))
	}

	m, err = group.Open(second, larger, "joe@example.com", joe)
	check(err)
	third, smaller, err := m.Remove("ann@example.com", now)
	check(err)
	s, err := group.Check(&second, larger, third, smaller)
	check(err)
	fmt.Println("number", s.Number, "generations", s.Owner.Generation, s.Delegate.Generation, s.Contributor.Generation, s.Observer.Generation)
	// Each message, by its sizes; the keys in them are random.
	fmt.Println("statements", len(first.Statement), len(second.Statement), len(third.Statement))
	fmt.Println("rosters", len(roster), len(larger), len(smaller))
	fmt.Printf("the first begins with %x %q\n", first.Statement[:2], first.Statement[2:11])
	fmt.Printf("the roster with       %x %q\n", roster[:2], roster[2:11])
	// Output:
	// ann@example.com, contributor of group engineers
	// owner []
	// delegate []
	// contributor [contributor key, generation 1]
	// observer [observer key, generation 1]
	// number 2 generations 1 1 2 2
	// statements 7256 7292 7292
	// rosters 2785 5238 2984
	// the first begins with 0a09 "engineers"
	// the roster with       0a09 "engineers"
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
