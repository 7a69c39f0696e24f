package centralized

import (
	"testing"

	"github.com/atedb/atedb/sdk/trust"
	"github.com/atedb/atedb/sdk/trust/trusttest"
)

func TestContract(t *testing.T) {
	trusttest.Run(t, func(testing.TB) trusttest.Subject { return trusttest.Subject{Validator: New()} })
}

func TestRules(t *testing.T) {
	want := trust.Rules{UsesAuth: true, DefaultWireEncryption: 128, PerBatch: false}
	if got, err := New().Rules(t.Context()); err != nil || got != want {
		t.Errorf("Rules() = %+v, %v; want %+v", got, err, want)
	}
}
