package token

import (
	"encoding/hex"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/canonical"
	"github.com/atedb/atedb/sdk/keys"
)

// ID is a delegation's random name.
type ID [16]byte

// String returns the id in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID parses what String returns.
func ParseID(text string) (ID, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(ID{}) {
		return ID{}, fault.New(fault.BadRequest, "%q is no token's id; one has %d hexadecimal digits", text[:min(len(text), 100)], 2*len(ID{}))
	}
	return ID(b), nil
}

// Delegation is what a user says of a key that may act for him. One that
// ParseDelegation or DelegationOf returned is signed by its issuer; whether that
// is the user's key now, and whether the token was revoked, others have to say.
type Delegation struct {
	ID        ID
	User      account.Name
	Issuer    keys.PublicKey
	Key       event.Hash // the id of the key that may act
	NotBefore time.Time  // to the second
	Expires   time.Time
	Chains    []Scope // which it may write
	Account   bool    // whether it may speak for the user at the authentication server
	Label     string  // what it is for, for the user

	statement event.Hash // of the signed statement
}

func (d Delegation) encode() []byte {
	m := &accountpb.Delegation{
		Id: d.ID[:], User: string(d.User), Issuer: d.Issuer.Bytes(), KeyId: d.Key[:],
		NotBefore: d.NotBefore.Unix(), Expires: d.Expires.Unix(), Account: d.Account, Label: d.Label,
	}
	for _, scope := range d.Chains {
		m.Chains = append(m.Chains, string(scope))
	}
	return canonical.Encode(m)
}

// ParseDelegation parses an encoded signed delegation and checks its signature.
// What is wrong is a fault with code bad_token. Its times are for Check.
func ParseDelegation(encoded []byte) (Delegation, error) {
	s, err := account.ParseSigned(encoded)
	if err != nil {
		return Delegation{}, fault.New(fault.BadToken, "the delegation of a token: %w", err)
	}
	return DelegationOf(s)
}

// DelegationOf is like ParseDelegation.
func DelegationOf(s account.Signed) (Delegation, error) {
	m := new(accountpb.Delegation)
	if len(s.Statement) > account.MaxStatement {
		return Delegation{}, fault.New(fault.BadToken, "the delegation of a token has %d bytes; at most %d are allowed", len(s.Statement), account.MaxStatement)
	}
	if err := canonical.Decode(s.Statement, m); err != nil {
		return Delegation{}, fault.New(fault.BadToken, "decoding the delegation of a token: %w", err)
	}
	d, err := delegationOf(m)
	if err == nil {
		err = d.check()
	}
	if err == nil {
		err = s.VerifyExactly(keys.ForDelegation, d.Issuer)
	}
	if err != nil {
		return Delegation{}, fault.New(fault.BadToken, "the delegation of a token: %w", err)
	}
	d.statement = s.Hash()
	return d, nil
}

func delegationOf(m *accountpb.Delegation) (Delegation, error) {
	if len(m.Id) != len(ID{}) || len(m.KeyId) != len(event.Hash{}) {
		return Delegation{}, fault.New(fault.BadToken, "it has an id of %d bytes and a key's id of %d; %d and %d are needed", len(m.Id), len(m.KeyId), len(ID{}), len(event.Hash{}))
	}
	if len(m.Chains) > MaxScopes {
		return Delegation{}, fault.New(fault.BadToken, "it has %d scopes; at most %d are allowed", len(m.Chains), MaxScopes)
	}
	d := Delegation{ID: ID(m.Id), Key: event.Hash(m.KeyId), Account: m.Account, Label: m.Label}
	var err error
	if d.User, err = account.ParseName(m.User); err != nil {
		return Delegation{}, err
	}
	if d.Issuer, err = keys.ParsePublicKey(m.Issuer); err != nil {
		return Delegation{}, err
	}
	if d.NotBefore, err = seconds(m.NotBefore); err != nil {
		return Delegation{}, err
	}
	if d.Expires, err = seconds(m.Expires); err != nil {
		return Delegation{}, err
	}
	for _, text := range m.Chains {
		scope, err := ParseScope(text)
		if err != nil {
			return Delegation{}, err
		}
		d.Chains = append(d.Chains, scope)
	}
	return d, nil
}

func seconds(n int64) (time.Time, error) {
	const latest = 253402300799 // the end of the year 9999
	if n < 0 || n > latest {
		return time.Time{}, fault.New(fault.BadToken, "its time, %d seconds since 1970, is out of range", n)
	}
	return time.Unix(n, 0).UTC(), nil
}

// check returns what is wrong with the fields together.
func (d Delegation) check() error {
	life := d.Expires.Sub(d.NotBefore)
	switch {
	case life <= 0 || life > MaxLife+Skew:
		return fault.New(fault.BadToken, "it is good from %s until %s; that must be at most %d days", text(d.NotBefore), text(d.Expires), MaxLife/(24*time.Hour))
	case len(d.Chains) == 0 && !d.Account:
		return fault.New(fault.BadToken, "it may write no chain and may not speak for its user, so it is for nothing")
	case len(d.Label) > MaxLabel || !utf8.ValidString(d.Label) || strings.ContainsFunc(d.Label, unicode.IsControl):
		return fault.New(fault.BadToken, "its label must be one line of at most %d bytes of UTF-8", MaxLabel)
	}
	return nil
}

func text(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Check checks that the token may act now: it is not too early, and not too
// late. If not, that is a fault with code token_expired.
func (d Delegation) Check(now time.Time) error {
	switch {
	case now.Before(d.NotBefore):
		return fault.New(fault.TokenExpired, "the token of %s may act from %s on, and it is %s now: wait, or compare the clocks", d.User, text(d.NotBefore), text(now))
	case !now.Before(d.Expires):
		return fault.New(fault.TokenExpired, "the token of %s expired at %s; get a new one with: ate login", d.User, text(d.Expires))
	}
	return nil
}

// Covers reports whether the token may write the chain, as far as its user may.
func (d Delegation) Covers(chain chainname.Name) bool {
	for _, scope := range d.Chains {
		if scope.Covers(chain) {
			return true
		}
	}
	return false
}

// String names the delegation.
func (d Delegation) String() string { return "token " + d.ID.String() + " of " + string(d.User) }
