package authserver

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/core/authserver/invite"
	"github.com/atedb/atedb/core/authserver/throttle"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
)

// service is what answers requests. Its methods may be called by several
// goroutines.
type service struct {
	store   *accounts.Store
	self    *identity.Private
	policy  Policy
	log     hclog.Logger
	now     func() time.Time
	inviter *invite.Inviter
	salt    func(kind account.Kind, name account.Name) []byte // of users who do not exist

	logins        *throttle.Logins
	registrations *throttle.Limiter
	changes       *throttle.Limiter
	warnings      *throttle.Limiter // of the log
}

// Policy is who may register.
type Policy struct {
	ByInvite bool     // only who has an invite
	Domains  []string // only names of these; of any if there are none
}

// Limits of what is counted by the network that it comes from.
var (
	registrationRate = throttle.Rate{Burst: 100, Every: 10 * time.Second} // users registered without an invite
	warningRate      = throttle.Rate{Burst: 10, Every: 10 * time.Second}  // warnings logged
)

// changeRate limits the statements that a user replaces, which are kept for ever.
var changeRate = throttle.Rate{Burst: 2000, Every: 10 * time.Second}

func newService(store *accounts.Store, self *identity.Private, policy Policy, log hclog.Logger) (*service, error) {
	s := &service{
		store: store, self: self, policy: policy, log: log, now: time.Now,
		logins: throttle.NewLogins(), registrations: throttle.New(registrationRate),
		changes: throttle.New(changeRate), warnings: throttle.New(warningRate),
	}
	var err error
	if s.inviter, err = invite.New(self.Signing()); err != nil {
		return nil, err
	}
	s.salt, err = decoySalts(self.Signing())
	return s, err
}

// decoySalts returns the function that makes up salts for users who do not
// exist. They are always the same, as a real user's are, and nobody else can
// compute them.
func decoySalts(key *keys.SigningKey) (func(account.Kind, account.Name) []byte, error) {
	secret, err := hkdf.Key(sha256.New, key.Seed(), nil, "AteDB auth-server decoy salts v1", sha256.Size)
	if err != nil {
		return nil, fault.New(fault.Internal, "deriving the key of decoys: %w", err)
	}
	return func(kind account.Kind, name account.Name) []byte {
		h := hmac.New(sha256.New, secret)
		h.Write(append([]byte{byte(kind)}, name...))
		return h.Sum(nil)[:account.SaltSize]
	}, nil
}

// throttled is the fault of who has to wait.
type throttled struct {
	fault *fault.Error
	wait  uint32 // seconds
}

func (t *throttled) Error() string { return t.fault.Error() }
func (t *throttled) Unwrap() error { return t.fault }

// tooMany refuses what a network, and a name if there is one, has tried too
// often, and warns of it, if not too often.
func (s *service) tooMany(what string, name account.Name, from netip.Addr, wait time.Duration) error {
	seconds := uint32((wait + time.Second - 1) / time.Second)
	if s.warnings.Take(throttle.NetworkOf(from).String(), s.now()) == 0 {
		s.log.Warn("throttled", "what", what, "from", from, "name", name, "seconds", seconds)
	}
	return &throttled{fault.New(fault.Overloaded, "too many %s; wait %d seconds", what, seconds), seconds}
}
