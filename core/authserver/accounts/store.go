package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/merkle"
)

// ChainName is the name of the chain that the accounts are in.
const ChainName = chainname.Name("auth/accounts")

// Options is what a store works with.
type Options struct {
	Log      chain.Log // empty for a new store
	Identity *identity.Private
	// OnFail and OnProblem are as chain.Options has them.
	OnFail    func(error)
	OnProblem func(error)
	// OnStored, unless nil, is told how many bytes became durable.
	OnStored func(bytes int)
	// Now is the chain's clock; nil is the machine's.
	Now func() time.Time
}

// Store is the accounts. Its methods may be called by several goroutines.
type Store struct {
	chain  *chain.Chain
	signer *chain.Signer
	writer chain.Writer
	cache  cache
}

// Open returns the accounts that a log holds. If it is empty, they are made in
// it. A log of another server than the identity's is a bad_config fault. The
// store must be closed.
func Open(ctx context.Context, o Options) (*Store, error) {
	key := o.Identity.Signing()
	if o.Log.State().Next == 0 {
		genesis := event.NewGenesis(ChainName, event.Centralized, [][]byte{key.Public().Bytes()})
		if err := chain.Create(o.Log, genesis, time.Now()); err != nil {
			return nil, err
		}
	}
	opened, err := chain.Open(ctx, ChainName, chain.Options{
		Log: o.Log, Trust: event.Centralized, Publisher: stored{o.OnStored}, OnFail: o.OnFail, OnProblem: o.OnProblem, Now: o.Now,
	})
	if err != nil {
		return nil, err
	}
	s := &Store{
		chain: opened, signer: chain.NewSigner(opened, key, o.Identity.Public().Fingerprint().String()),
		writer: chain.Writer{Proven: []event.Hash{key.Public().ID()}},
	}
	if err := s.adopt(ctx, key.Public().ID()); err != nil {
		opened.Close(ctx)
		return nil, err
	}
	return s, nil
}

// adopt checks that the accounts are the server's, and makes the decoy.
func (s *Store) adopt(ctx context.Context, key event.Hash) error {
	genesis, _ := s.chain.Genesis()
	if len(genesis.RootKeys) != 1 || event.KeyID(genesis.RootKeys[0]) != key {
		return fault.New(fault.BadConfig, "the accounts in this logs-path are another server's, whose identity has another key; give the key-path that goes with them")
	}
	return s.Update(ctx, func(t *Tx) error {
		decoy, err := t.User(decoyName)
		if err != nil || decoy != nil {
			return err
		}
		if decoy, err = newDecoy(); err != nil {
			return err
		}
		t.PutAdvert(decoyName, decoy, nil)
		t.PutVault(decoyName, decoy)
		return nil
	})
}

// Close saves what would take long to find out again. Nobody may use the store
// any more.
func (s *Store) Close(ctx context.Context) error { return s.chain.Close(ctx) }

// Chain returns the chain that the accounts are in, for who compacts it.
func (s *Store) Chain() *chain.Chain { return s.chain }

// ChainID returns the id of the chain that the accounts are in.
func (s *Store) ChainID() event.ChainID { return s.chain.ID() }

// Head returns the accounts' newest head, and the same signed: a checkpoint.
func (s *Store) Head() (merkle.Head, string, error) { return s.signer.Newest() }

// stored is told of what becomes durable.
type stored struct{ tell func(bytes int) }

// Publish implements chain.Publisher.
func (s stored) Publish(records []byte, _ event.Seq) {
	if s.tell != nil {
		s.tell(len(records))
	}
}

// keyOf returns the key of an object.
func keyOf(kind kind, name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return hex.AppendEncode([]byte(kind.prefix), sum[:])
}

// kind is a kind of object.
type kind struct{ prefix, eventType string }

var (
	adverts     = kind{"user/", "ate-advert-v1"}
	statements  = kind{"group/", "ate-group-v1"}
	vaults      = kind{"vault/", "ate-vault-v1"}
	rosters     = kind{"roster/", "ate-roster-v1"}
	tokens      = kind{"tokens/", "ate-tokens-v1"}
	memberships = kind{"groups/", "ate-membership-v1"}
)

// read reads the event at a seq, framed. One that was compacted away, since its
// object has changed meanwhile, is a version_conflict fault.
func (s *Store) read(ctx context.Context, seq event.Seq) ([]byte, error) {
	records, err := s.chain.AppendEvents(ctx, nil, []event.Seq{seq}, maxRecord)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 && seq < s.chain.Compactions().Dropped {
		return nil, fault.New(fault.VersionConflict, "event %d of chain %s was superseded and dropped", seq, ChainName)
	}
	if len(records) == 0 {
		return nil, fault.New(fault.Damaged, "event %d of chain %s is an object's newest and is not stored; restore the logs from a backup", seq, ChainName)
	}
	batch, _, err := event.CutRecord(records)
	return batch.Frames, err
}

// commit appends events, unless an object is not as expected any more, which is
// a version_conflict fault. They are durable when it returns.
func (s *Store) commit(expected []chain.Expected, count int, frames []byte) error {
	answered := make(chan error, 1)
	c := &chain.Commit{
		Writer: s.writer, Count: count, Frames: frames, Expected: expected,
		Answer: func(_ *chain.Commit, r chain.Result) { answered <- r.Err },
	}
	rand.Read(c.ID[:])
	s.chain.Commit(c)
	return <-answered
}
