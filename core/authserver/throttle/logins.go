package throttle

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// Limits of failed logins. An honest user meets the first of them after mistakes
// alone.
var (
	perPair    = Rate{Burst: 5, Every: 30 * time.Second}  // of one name from one network
	perName    = Rate{Burst: 20, Every: 10 * time.Second} // of one name from anywhere that it has not logged in from
	perNetwork = Rate{Burst: 30, Every: 5 * time.Second}  // from one network, of any names
	perCode    = Rate{Burst: 5, Every: 5 * time.Minute}   // of one name's time-based codes, with the right passphrase
)

// familiarFor is how long a network that a name has logged in from is not
// counted with the rest of the world.
const familiarFor = 30 * 24 * time.Hour

// How often, and after which pauses, an attempt asks again that is stopped while
// others are under way, which count until they have succeeded.
const (
	patience = 100
	pause    = 2 * time.Millisecond
)

// Logins limits attempts to log in. Its methods may be called by several
// goroutines.
//
// Somebody who guesses from one network is stopped for that network alone. Who
// guesses one name from many is stopped too, and with him whoever else has never
// logged in as that name from where he is, but not its owner at home.
type Logins struct {
	pairs, names, networks, codes *Limiter
	familiar                      *Familiar
	underWay                      atomic.Int64 // attempts that have not ended
}

// NewLogins returns what limits logins.
func NewLogins() *Logins {
	return &Logins{
		pairs: New(perPair), names: New(perName), networks: New(perNetwork), codes: New(perCode),
		familiar: NewFamiliar(familiarFor),
	}
}

// Attempt is one attempt to log in, which counts as a failure unless it has
// succeeded or was withdrawn when it ends.
type Attempt struct {
	logins        *Logins
	name, network string
	counted       bool // with the name, from anywhere
	code          bool // with the codes
	ended         bool
}

// Begin begins an attempt to log in as a name, which the caller has to end.
// guessable says that the secret is one that could be guessed by trying from
// everywhere. If there were too many failures before, wait is how long to wait
// before the next attempt, and there is no attempt.
func (l *Logins) Begin(name string, from netip.Addr, guessable bool, now time.Time) (a *Attempt, wait time.Duration) {
	a = &Attempt{logins: l, name: name, network: NetworkOf(from).String()}
	a.counted = guessable && !l.familiar.Knows(a.pair(), now)
	for range patience {
		if wait = a.take(now); wait == 0 {
			l.underWay.Add(1)
			return a, 0
		}
		if l.underWay.Load() == 0 {
			break
		}
		time.Sleep(pause)
	}
	return nil, wait
}

// take counts the attempt with all that limits it, or with none.
func (a *Attempt) take(now time.Time) (wait time.Duration) {
	l := a.logins
	if wait = l.networks.Take(a.network, now); wait > 0 {
		return wait
	}
	if wait = l.pairs.Take(a.pair(), now); wait > 0 {
		l.networks.Return(a.network)
		return wait
	}
	if !a.counted {
		return 0
	}
	if wait = l.names.Take(a.name, now); wait > 0 {
		l.networks.Return(a.network)
		l.pairs.Return(a.pair())
	}
	return wait
}

// pair is the key of a name from a network. No name has a space.
func (a *Attempt) pair() string { return a.name + " " + a.network }

// Code says that the attempt goes on to a time-based code, which has few digits:
// those who know a passphrase may not try many. If there were too many wrong ones
// before, wait is how long to wait, and the attempt goes no further.
func (a *Attempt) Code(now time.Time) (wait time.Duration) {
	wait = a.logins.codes.Take(a.codeKey(), now)
	a.code = wait == 0
	return wait
}

func (a *Attempt) codeKey() string {
	if a.counted {
		return a.name
	}
	return a.pair()
}

// Succeed ends the attempt with success.
func (a *Attempt) Succeed(now time.Time) {
	a.Withdraw()
	a.logins.familiar.Add(a.pair(), now)
}

// Withdraw ends the attempt as neither a success nor a failure.
func (a *Attempt) Withdraw() {
	a.logins.networks.Return(a.network)
	a.logins.pairs.Return(a.pair())
	if a.counted {
		a.logins.names.Return(a.name)
	}
	if a.code {
		a.logins.codes.Return(a.codeKey())
	}
	a.End()
}

// End ends the attempt, as a failure unless it has ended before.
func (a *Attempt) End() {
	if !a.ended {
		a.ended = true
		a.logins.underWay.Add(-1)
	}
}

// NetworkOf returns what is likely one owner's: an IPv4 address, or an IPv6
// network of 64 bits.
func NetworkOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}
