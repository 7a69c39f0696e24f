package memory

import (
	"testing"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

func TestStore(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Place {
		return storagetest.Place{
			Open:  func(t *testing.T) storage.Store { return New() },
			Close: func(t *testing.T, s storage.Store) {},
		}
	})
}

func TestConfiguration(t *testing.T) {
	var p plugin.Configurable = New()
	for _, block := range []string{"", "{}"} {
		if err := p.Configure(t.Context(), plugin.Setup{Config: []byte(block)}); err != nil {
			t.Errorf("configuring with %q: %v", block, err)
		}
	}
	if err := p.Validate([]byte(`{"path": "/x"}`)); !fault.Is(err, fault.BadConfig) {
		t.Errorf("an unknown key: %v, want a fault with code %s", err, fault.BadConfig)
	}
}
