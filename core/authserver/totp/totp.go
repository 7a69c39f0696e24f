// Package totp checks time-based one-time passwords (RFC 6238) as authenticator
// apps make them: HMAC-SHA-1, 6 digits, a new one every 30 seconds.
package totp

import (
	"encoding/base32"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/atedb/atedb/sdk/fault"
)

// SecretSize is the size of a secret, in bytes.
const SecretSize = 20

const (
	period = 30 // seconds
	skew   = 1  // steps that a clock may be off, either way
)

// Check returns the step whose code this is, which must be after the last one
// that was used: a code is good once. A clock may be one step off. Otherwise the
// error is a login_failed fault.
func Check(secret []byte, code string, last uint64, now time.Time) (step uint64, err error) {
	if now.Unix() < skew*period || len(secret) != SecretSize {
		return 0, errWrong
	}
	text := base32.StdEncoding.EncodeToString(secret)
	present := uint64(now.Unix()) / period
	for step := max(present-skew, last+1); step <= present+skew; step++ {
		good, err := hotp.ValidateCustom(code, step, text, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && good {
			return step, nil
		}
	}
	return 0, errWrong
}

var errWrong = fault.New(fault.LoginFailed, "the code is not the present one, or was used before; wait for the next one, and check that the clock is right")
