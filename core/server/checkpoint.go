package server

import (
	"sync"

	"github.com/atedb/atedb/sdk/checkpoint"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/merkle"
)

// checkpoints keeps a chain's newest signed head, so that many clients who ask
// for it cost one signature.
type checkpoints struct {
	mu   sync.Mutex // guards what follows; held while one is signed
	head merkle.Head
	note string
}

// checkpoint returns the chain's head, signed by the server.
func (c *openChain) checkpoint(by *identity.Private) (string, error) {
	c.checkpoints.mu.Lock()
	defer c.checkpoints.mu.Unlock()
	if head := c.chain.Head(); c.checkpoints.note == "" || head != c.checkpoints.head {
		note, err := checkpoint.Sign(by.Signing(), by.Public().Fingerprint().String(), c.chain.ID(), head)
		if err != nil {
			return "", err
		}
		c.checkpoints.head, c.checkpoints.note = head, note
	}
	return c.checkpoints.note, nil
}
