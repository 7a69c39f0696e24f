package authserver

import (
	"testing"

	"github.com/atedb/atedb/sdk/account"
)

// withLocksOf returns a vault with the locks of another, as after a change of the
// passphrase: nobody opens it here.
func withLocksOf(tb testing.TB, vault, other account.Vault) account.Vault {
	tb.Helper()
	m := vault.Proto()
	m.Locks = other.Proto().Locks
	changed, err := account.VaultOf(m)
	check(tb, err)
	return changed
}
