package authservertest

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"time"
)

const period = 30 // seconds

// Code returns the time-based code of a secret at a time, as RFC 6238 and RFC
// 4226 have it: SHA-1, 6 digits, 30 seconds.
func Code(secret []byte, now time.Time) string { return code(secret, now.Unix()/period) }

func code(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&(1<<31-1)%1_000_000)
}

// stepOf returns the step of a code that is good now, and was not used.
func stepOf(secret []byte, given string, last int64) (int64, bool) {
	now := time.Now().Unix() / period
	for step := now - 1; step <= now+1; step++ {
		if step > last && code(secret, step) == given {
			return step, true
		}
	}
	return 0, false
}
