package accounts

import (
	"context"
	"runtime"

	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/event"
)

// FindUser returns a user's newest advert and the proof that it stands in the
// log.
func (s *Store) FindUser(ctx context.Context, name string, known uint64) (*authserverpb.Found, error) {
	return s.find(ctx, keyOf(adverts, name), known)
}

// FindGroup returns a group's newest statement and the proof that it stands in
// the log.
func (s *Store) FindGroup(ctx context.Context, name string, known uint64) (*authserverpb.Found, error) {
	return s.find(ctx, keyOf(statements, name), known)
}

// find returns an object's newest event, that it is in the log's head, and that
// this head continues the one of a size that is known. If the log is smaller
// than that, the head says so, and there is no such proof.
func (s *Store) find(ctx context.Context, key []byte, known uint64) (*authserverpb.Found, error) {
	version := s.chain.Versions(key)[0]
	head, note, err := s.Head()
	for err == nil && version.Exists && uint64(version.Seq) >= head.Size { // the event's round is just being settled
		runtime.Gosched()
		head, note, err = s.Head()
	}
	if err != nil {
		return nil, err
	}
	id := s.chain.ID()
	found := &authserverpb.Found{ChainId: id[:], Checkpoint: note}
	if known > 0 && known < head.Size {
		proof, err := s.chain.ProveConsistency(ctx, known, head.Size)
		if err != nil {
			return nil, err
		}
		found.Consistency = slicesOf(proof)
	}
	if !version.Exists {
		return found, nil
	}
	proof, err := s.chain.ProveInclusion(ctx, version.Seq, head.Size)
	if err != nil {
		return nil, err
	}
	found.Seq, found.Inclusion = uint64(version.Seq), slicesOf(proof)
	if found.Frame = s.cache.get(version.Seq); found.Frame == nil {
		if found.Frame, err = s.read(ctx, version.Seq); err != nil {
			return nil, err
		}
		s.cache.put(version.Seq, found.Frame)
	}
	return found, nil
}

func slicesOf(hashes []event.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}
