package chain

import (
	"sync"

	"github.com/atedb/atedb/sdk/checkpoint"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

// Signer signs a chain's heads. It keeps the newest, so that many who ask for it
// cost one signature. Its methods may be called by several goroutines.
type Signer struct {
	chain  *Chain
	key    *keys.SigningKey
	server string

	mu   sync.Mutex // guards what follows; held while a head is signed
	head merkle.Head
	note string
}

// NewSigner returns a signer of a chain's heads with a server's key. The
// server's name stands beside its signatures; see [checkpoint.Sign].
func NewSigner(c *Chain, key *keys.SigningKey, server string) *Signer {
	return &Signer{chain: c, key: key, server: server}
}

// Checkpoint returns the chain's newest head, signed.
func (s *Signer) Checkpoint() (string, error) {
	_, note, err := s.Newest()
	return note, err
}

// Newest returns the chain's newest head, and the same head signed.
func (s *Signer) Newest() (merkle.Head, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if head := s.chain.Head(); s.note == "" || head != s.head {
		note, err := checkpoint.Sign(s.key, s.server, s.chain.ID(), head)
		if err != nil {
			return merkle.Head{}, "", err
		}
		s.head, s.note = head, note
	}
	return s.head, s.note, nil
}
