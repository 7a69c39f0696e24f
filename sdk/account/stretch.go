package account

import (
	"crypto/rand"
	"slices"

	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
)

// Cost is what argon2id has to spend to try one secret.
type Cost struct {
	Passes  uint32
	Memory  uint32 // KiB
	Threads uint32
}

// The costs. The least is what OWASP asks for; a server that names a lower one
// may want to guess passphrases cheaply, and one that names a higher one than
// the most to exhaust its client.
var (
	DefaultCost = Cost{Passes: 3, Memory: 64 << 10, Threads: 1}
	LeastCost   = Cost{Passes: 2, Memory: 19 << 10, Threads: 1}
	MostCost    = Cost{Passes: 16, Memory: 1 << 20, Threads: 16}
)

// SaltSize is the size of a stretch's salt, in bytes.
const SaltSize = 16

// Stretch is how keys are made of a secret: at what cost, and with which salt.
type Stretch struct {
	Salt []byte // SaltSize bytes
	Cost
}

// NewStretch returns a stretch with a random salt.
func (c Cost) NewStretch() Stretch {
	s := Stretch{Salt: make([]byte, SaltSize), Cost: c}
	rand.Read(s.Salt)
	return s
}

// Check returns what is wrong with a stretch, as a fault with code bad_request.
func (s Stretch) Check() error {
	if len(s.Salt) != SaltSize {
		return fault.New(fault.BadRequest, "a passphrase would be stretched with a salt of %d bytes; %d are needed", len(s.Salt), SaltSize)
	}
	for _, c := range []struct {
		what              string
		it, least, atMost uint32
	}{
		{"passes", s.Passes, LeastCost.Passes, MostCost.Passes},
		{"KiB of memory", s.Memory, LeastCost.Memory, MostCost.Memory},
		{"threads", s.Threads, LeastCost.Threads, MostCost.Threads},
	} {
		if c.it < c.least || c.it > c.atMost {
			return fault.New(fault.BadRequest, "a passphrase would be stretched with %d %s; at least %d and at most %d are allowed, so do not trust who asks for that", c.it, c.what, c.least, c.atMost)
		}
	}
	return nil
}

// Proto returns the message, which shares the salt.
func (s Stretch) Proto() *accountpb.Stretch {
	return &accountpb.Stretch{Salt: s.Salt, Passes: s.Passes, Memory: s.Memory, Threads: s.Threads}
}

// StretchOf returns a checked copy of what the message says. No message is a
// fault.
func StretchOf(m *accountpb.Stretch) (Stretch, error) {
	s := Stretch{
		Salt: slices.Clone(m.GetSalt()),
		Cost: Cost{Passes: m.GetPasses(), Memory: m.GetMemory(), Threads: m.GetThreads()},
	}
	return s, s.Check()
}
