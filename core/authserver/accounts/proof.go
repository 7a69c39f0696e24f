package accounts

import (
	"context"
	"runtime"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/merkle"
)

// FindUser answers a Look of a user.
func (s *Store) FindUser(ctx context.Context, look *authserverpb.Look) (*authserverpb.Found, error) {
	return s.find(ctx, adverts, look)
}

// FindGroup answers a Look of a group.
func (s *Store) FindGroup(ctx context.Context, look *authserverpb.Look) (*authserverpb.Found, error) {
	return s.find(ctx, statements, look)
}

// find returns a name's newest event and those of the earlier statements that are
// wanted, that they are in the log's head, and that this head continues the one
// of a size that is known. If the log is smaller than that, the head says so, and
// there is no such proof.
func (s *Store) find(ctx context.Context, kind kind, look *authserverpb.Look) (*authserverpb.Found, error) {
	newest, earlier := s.versions(keyOf(kind, look.Name), look.From)
	head, note, err := s.Head()
	for err == nil && newest.Exists && uint64(newest.Seq) >= head.Size { // the event's round is just being settled
		runtime.Gosched()
		head, note, err = s.Head()
	}
	if err != nil {
		return nil, err
	}
	id := s.chain.ID()
	found := &authserverpb.Found{ChainId: id[:], Checkpoint: note}
	if known := look.KnownSize; known > 0 && known < head.Size {
		proof, err := s.chain.ProveConsistency(ctx, known, head.Size)
		if err != nil {
			return nil, err
		}
		found.Consistency = slicesOf(proof)
	}
	if !newest.Exists {
		return found, nil
	}
	found.Seq = uint64(newest.Seq)
	if found.Frame, found.Inclusion, err = s.prove(ctx, newest.Seq, head); err != nil {
		return nil, err
	}
	for _, v := range earlier {
		e := &authserverpb.Earlier{Seq: uint64(v.Seq)}
		if e.Frame, e.Inclusion, err = s.prove(ctx, v.Seq, head); err != nil {
			return nil, err
		}
		found.Earlier = append(found.Earlier, e)
	}
	return found, nil
}

// versions returns, at one moment, the object of a key and those of the
// statements that it had before, from a number on: as many as one answer holds,
// without a gap. All of them stand in the log before the object.
func (s *Store) versions(key []byte, from uint64) (newest chain.Expected, earlier []chain.Expected) {
	keys := [][]byte{key}
	for n := range uint64(authserver.MaxEarlier) {
		if from > 0 {
			keys = append(keys, authserver.EarlierKey(key, from+n))
		}
	}
	versions := s.chain.Versions(keys...)
	newest, earlier = versions[0], versions[1:]
	for i, v := range earlier {
		if !v.Exists {
			return newest, earlier[:i]
		}
	}
	return newest, earlier
}

// prove returns an event's frame and that it is in a head.
func (s *Store) prove(ctx context.Context, seq event.Seq, head merkle.Head) (frame []byte, inclusion [][]byte, err error) {
	proof, err := s.chain.ProveInclusion(ctx, seq, head.Size)
	if err != nil {
		return nil, nil, err
	}
	if frame = s.cache.get(seq); frame == nil {
		if frame, err = s.read(ctx, seq); err != nil {
			return nil, nil, err
		}
		s.cache.put(seq, frame)
	}
	return frame, slicesOf(proof), nil
}

func slicesOf(hashes []event.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}
