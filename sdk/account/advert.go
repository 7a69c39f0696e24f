package account

import (
	"time"

	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/canonical"
	"github.com/atedb/atedb/sdk/keys"
)

// Advert is what a user says of himself: which keys are his, from now on.
type Advert struct {
	Name     Name
	Number   uint64     // 0 for the first, and one more each time
	Previous event.Hash // of the advert before; zeros in the first
	Signing  keys.PublicKey
	Read     keys.ReadPublicKey
	Created  time.Time // by the user's clock, to the millisecond
}

// FirstAdvert returns a new user's advert, signed by his key.
func FirstAdvert(name Name, id *keys.Identity, now time.Time) Signed {
	public := id.Public()
	a := Advert{Name: name, Signing: public.Signing, Read: public.Read, Created: now}
	return Sign(keys.ForAdvert, a.encode(), id.Signing)
}

// NextAdvert returns the advert with which a user takes new keys, signed by his
// old key and by the new one. Old keys that are not those of the previous advert
// are a fault with code not_authorized.
func NextAdvert(previous Signed, old, next *keys.Identity, now time.Time) (Signed, error) {
	before, err := ParseAdvert(previous)
	if err != nil {
		return Signed{}, err
	}
	if signer := old.Public().Signing; signer.ID() != before.Signing.ID() {
		return Signed{}, fault.New(fault.NotAuthorized, "key %s cannot sign the next advert of %s, whose key is %s", signer, before.Name, before.Signing)
	}
	public := next.Public()
	a := Advert{
		Name: before.Name, Number: before.Number + 1, Previous: previous.Hash(),
		Signing: public.Signing, Read: public.Read, Created: now,
	}
	return Sign(keys.ForAdvert, a.encode(), old.Signing, next.Signing), nil
}

func (a Advert) encode() []byte {
	m := &accountpb.Advert{
		Name: string(a.Name), Number: a.Number,
		SigningKey: a.Signing.Bytes(), ReadKey: a.Read.Bytes(), Created: a.Created.UnixMilli(),
	}
	if a.Number > 0 {
		m.Previous = a.Previous[:]
	}
	return canonical.Encode(m)
}

// ParseAdvert returns what an advert says, once it is signed by the key that it
// is about. Whether it continues the advert before is for CheckAdvert to say.
//
// A false encoding is a fault with code bad_request, a false name one with
// bad_name, and a false signature one with not_authorized.
func ParseAdvert(s Signed) (Advert, error) {
	if len(s.Statement) > MaxStatement {
		return Advert{}, fault.New(fault.TooLarge, "an advert has %d bytes; at most %d are allowed", len(s.Statement), MaxStatement)
	}
	m := new(accountpb.Advert)
	if err := canonical.Decode(s.Statement, m); err != nil {
		return Advert{}, fault.New(fault.BadRequest, "decoding an advert: %w", err)
	}
	a, err := advertOf(m)
	if err != nil {
		return Advert{}, err
	}
	if err := s.Verify(keys.ForAdvert, a.Signing); err != nil {
		return Advert{}, fault.New(fault.NotAuthorized, "the advert of %s is false: %w", a.Name, err)
	}
	return a, nil
}

func advertOf(m *accountpb.Advert) (Advert, error) {
	name, err := ParseName(m.Name)
	if err != nil {
		return Advert{}, err
	}
	a := Advert{Name: name, Number: m.Number}
	if a.Previous, err = canonical.Previous(m.Number, m.Previous); err != nil {
		return Advert{}, fault.New(fault.BadRequest, "the advert of %s: %w", name, err)
	}
	if a.Created, err = canonical.Time(m.Created); err != nil {
		return Advert{}, fault.New(fault.BadRequest, "the advert of %s: %w", name, err)
	}
	if a.Signing, err = keys.ParsePublicKey(m.SigningKey); err != nil {
		return Advert{}, fault.New(fault.CodeOf(err), "the advert of %s: %w", name, err)
	}
	if a.Read, err = keys.ParseReadPublicKey(m.ReadKey); err != nil {
		return Advert{}, fault.New(fault.CodeOf(err), "the advert of %s: %w", name, err)
	}
	return a, nil
}

// CheckAdvert checks that an advert continues the one before, which is known to
// be good, or that it is a first one if there is none, and returns what it says.
//
// An advert that comes behind another one than previous is a fault with code
// version_conflict; one that the previous key did not sign, one with
// not_authorized.
func CheckAdvert(previous *Signed, next Signed) (Advert, error) {
	a, err := ParseAdvert(next)
	if err != nil {
		return Advert{}, err
	}
	if err := a.checkSuccessor(previous, next); err != nil {
		return Advert{}, err
	}
	return a, nil
}

func (a Advert) checkSuccessor(previous *Signed, next Signed) error {
	if previous == nil {
		if a.Number != 0 {
			return fault.New(fault.VersionConflict, "the advert of %s has number %d; the first has number 0", a.Name, a.Number)
		}
		return next.VerifyExactly(keys.ForAdvert, a.Signing)
	}
	before, err := ParseAdvert(*previous)
	if err != nil {
		return err
	}
	switch {
	case a.Name != before.Name:
		return fault.New(fault.BadRequest, "the advert of %s cannot follow one of %s", a.Name, before.Name)
	case a.Number != before.Number+1:
		return fault.New(fault.VersionConflict, "the advert of %s has number %d; %d comes after number %d", a.Name, a.Number, before.Number+1, before.Number)
	case a.Previous != previous.Hash():
		return fault.New(fault.VersionConflict, "advert %d of %s follows another advert %d than the one that is known", a.Number, a.Name, before.Number)
	}
	if err := next.VerifyExactly(keys.ForAdvert, before.Signing, a.Signing); err != nil {
		return fault.New(fault.NotAuthorized, "advert %d of %s does not come from who made number %d: %w", a.Number, a.Name, before.Number, err)
	}
	return nil
}
