package token

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/canonical"
	"github.com/atedb/atedb/sdk/keys"
)

// Token is a delegation and the keys that it is about: who has it may act for
// its user. It prints as its id and user, with every verb.
type Token struct {
	Delegation Delegation
	Signed     account.Signed // the delegation
	Signing    *keys.SigningKey
	Read       *keys.ReadKey
	Server     string // the URL of the authentication server that knows it
}

// Options are what a new token is for.
type Options struct {
	Chains  []Scope       // which it may write
	Account bool          // whether it may speak for the user at the authentication server
	Label   string        // what it is for, for the user
	For     time.Duration // how long from now, to the second; 0 for DefaultLife
}

// New returns a token with keys of its own, with which it acts for the user whose
// signing key is the issuer. Options that no token may have are a fault with code
// bad_request.
func New(issuer *keys.SigningKey, user account.Name, server string, o Options, now time.Time) (*Token, error) {
	if o.For == 0 {
		o.For = DefaultLife
	}
	if o.For < time.Second || o.For > MaxLife {
		return nil, fault.New(fault.BadRequest, "a token would act for %s; at least a second and at most %d days are allowed", o.For, MaxLife/(24*time.Hour))
	}
	if len(o.Chains) > MaxScopes {
		return nil, fault.New(fault.BadRequest, "a token would have %d scopes; at most %d are allowed", len(o.Chains), MaxScopes)
	}
	t := &Token{Signing: keys.NewSigningKey(), Read: keys.NewReadKey(), Server: server}
	if err := t.checkServer(); err != nil {
		return nil, fault.New(fault.BadRequest, "a new token: %w", err)
	}
	public := t.Signing.Public()
	d := Delegation{
		User: user, Issuer: issuer.Public(), Key: public.ID(),
		NotBefore: now.Add(-Skew), Expires: now.Add(o.For), Chains: o.Chains, Account: o.Account, Label: o.Label,
	}
	rand.Read(d.ID[:])
	if err := d.check(); err != nil {
		return nil, fault.New(fault.BadRequest, "a new token: %w", err)
	}
	t.Signed = account.Sign(keys.ForDelegation, d.encode(), issuer)
	var err error
	if t.Delegation, err = DelegationOf(t.Signed); err != nil {
		return nil, fault.New(fault.BadRequest, "a new token: %w", err)
	}
	return t, nil
}

// prefix begins a token's text, before its version.
const (
	prefix  = "ate-token-v"
	version = "1"
)

var base64URL = base64.RawURLEncoding.Strict()

// Text returns the token as one line, without a line break. It is as secret as
// the keys.
func (t *Token) Text() string {
	m := &accountpb.Token{
		Delegation: t.Signed.Proto(), SigningSeed: t.Signing.Seed(), ReadSeed: t.Read.Seed(), Server: t.Server,
	}
	return prefix + version + ":" + base64URL.EncodeToString(canonical.Encode(m))
}

// Parse parses what Text returns, with white space around it. What is no token is
// a fault with code bad_token, and a token of another version one with code
// not_supported. Whether it may act now is for the delegation's Check.
func Parse(text string) (*Token, error) {
	if len(text) > MaxText {
		return nil, fault.New(fault.BadToken, "a token has %d bytes; at most %d are allowed", len(text), MaxText)
	}
	body, ok := strings.CutPrefix(strings.TrimSpace(text), prefix)
	if !ok {
		return nil, fault.New(fault.BadToken, "a token begins with %s%s: and this does not", prefix, version)
	}
	found, encoded, _ := strings.Cut(body, ":")
	if found != version {
		return nil, fault.New(fault.Unsupported, "a token is of another version than %s; a newer release may know it", version)
	}
	b, err := base64URL.DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return nil, fault.New(fault.BadToken, "a token is damaged: it is not base64url without padding, in one line")
	}
	defer clear(b)
	m := new(accountpb.Token)
	if err := canonical.Decode(b, m); err != nil {
		return nil, fault.New(fault.BadToken, "decoding a token: %w", err)
	}
	t, err := tokenOf(m)
	if err != nil {
		return nil, fault.New(fault.BadToken, "a token is damaged: %w", err)
	}
	return t, nil
}

func tokenOf(m *accountpb.Token) (*Token, error) {
	t := &Token{Server: m.Server}
	if err := t.checkServer(); err != nil {
		return nil, err
	}
	var err error
	if t.Signed, err = account.SignedOf(m.Delegation); err != nil {
		return nil, err
	}
	if t.Delegation, err = DelegationOf(t.Signed); err != nil {
		return nil, err
	}
	if t.Signing, err = keys.SigningKeyFromSeed(m.SigningSeed); err != nil {
		return nil, err
	}
	if t.Read, err = keys.ReadKeyFromSeed(m.ReadSeed); err != nil {
		return nil, err
	}
	if public := t.Signing.Public(); public.ID() != t.Delegation.Key {
		return nil, fault.New(fault.BadToken, "its delegation is about another key than the one that it holds")
	}
	return t, nil
}

func (t *Token) checkServer() error {
	if t.Server == "" || len(t.Server) > MaxServer || !utf8.ValidString(t.Server) ||
		strings.ContainsFunc(t.Server, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return fault.New(fault.BadToken, "its authentication server must be a URL of 1 to %d bytes", MaxServer)
	}
	return nil
}

// String names the token, without its keys.
func (t Token) String() string { return t.Delegation.String() }

// Format prints what String returns, whatever the verb.
func (t Token) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, t.String()) }
