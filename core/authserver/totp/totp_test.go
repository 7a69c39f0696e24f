package totp

import (
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// TestVectors checks codes against those of RFC 6238, appendix B, of which it has
// the last 6 of the 8 digits.
func TestVectors(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		step, err := Check(secret, code, 0, time.Unix(at, 0))
		if err != nil || step != uint64(at/30) {
			t.Errorf("the code %s at %d is of step %d: %v", code, at, step, err)
		}
	}
}

// TestWindow proves how far a clock may be off, and that a step is good once.
func TestWindow(t *testing.T) {
	secret, at := []byte("12345678901234567890"), time.Unix(1111111111, 0) // of step 37037037
	const code, step = "050471", 37037037
	for _, c := range []struct {
		what string
		now  time.Time
		last uint64
		good bool
	}{
		{"now", at, 0, true},
		{"a step late", at.Add(30 * time.Second), 0, true},
		{"a step early", at.Add(-30 * time.Second), 0, true},
		{"two steps late", at.Add(60 * time.Second), 0, false},
		{"two steps early", at.Add(-60 * time.Second), 0, false},
		{"used", at, step, false},
		{"after a later one was used", at, step + 1, false},
		{"after the one before was used", at, step - 1, true},
	} {
		got, err := Check(secret, code, c.last, c.now)
		if c.good != (err == nil) || c.good && got != step || err != nil && !fault.Is(err, fault.LoginFailed) {
			t.Errorf("%s: step %d, %v", c.what, got, err)
		}
	}
	for _, bad := range []string{"", "05047", "0504711", "05047a", "  050471x", "-50471"} {
		if _, err := Check(secret, bad, 0, at); err == nil {
			t.Errorf("the code %q is good", bad)
		}
	}
	if _, err := Check(secret[:10], code, 0, at); err == nil {
		t.Error("a short secret is taken")
	}
	if _, err := Check(secret, "755224", 0, time.Unix(0, 0)); err == nil { // of step 0, by RFC 4226
		t.Error("a clock at the beginning of time is taken")
	}
}
