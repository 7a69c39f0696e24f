package wire

import (
	"testing"

	"github.com/atedb/atedb/sdk/wire/wirepb"
)

func TestTypesAreDivided(t *testing.T) {
	for value, name := range wirepb.Type_name {
		server := value > 128
		client := value > 0 && value < 128
		if value != 0 && !server && !client || value > 255 {
			t.Errorf("%s has the number %d", name, value)
		}
	}
}
