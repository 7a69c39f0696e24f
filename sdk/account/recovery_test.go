package account

import (
	"bytes"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
)

// A code is read however people type it.
func TestRecoveryCodeAsTyped(t *testing.T) {
	want := must[[]byte](t)(parseRecovery(goldenCode))
	for _, typed := range []string{
		strings.ToUpper(goldenCode), strings.ReplaceAll(goldenCode, "-", ""), strings.ReplaceAll(goldenCode, "-", " ") + "\n",
		strings.ReplaceAll(goldenCode, "1", "l"), strings.ReplaceAll(goldenCode, "1", "I"), strings.ReplaceAll(goldenCode, "0", "O"),
	} {
		got, err := parseRecovery(typed)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: %v", typed, err)
		}
	}
	if formatRecovery(want) != goldenCode {
		t.Error("it is written in another way")
	}
	if len(want)*8 < 160 {
		t.Errorf("it has %d random bits", len(want)*8)
	}
	if first, second := newRecoveryCode(), newRecoveryCode(); first == second {
		t.Error("two codes are the same")
	}
}

// Each single wrong character, and each pair of neighbours exchanged, is found by
// the checksum, which says so.
func TestRecoveryCodeMistyped(t *testing.T) {
	check := func(typed string) {
		t.Helper()
		_, err := parseRecovery(typed)
		if fault.CodeOf(err) != fault.BadPassphrase || !strings.Contains(err.Error(), "mistyped") {
			t.Errorf("%q: %v", typed, err)
		}
		if err != nil && strings.Contains(err.Error(), typed[:4]) {
			t.Errorf("the error shows the code: %v", err)
		}
	}
	for i := range goldenCode {
		if goldenCode[i] == '-' {
			continue
		}
		for _, c := range recoveryAlphabet {
			if byte(c) != goldenCode[i] {
				check(goldenCode[:i] + string(c) + goldenCode[i+1:])
			}
		}
		if i > 0 && goldenCode[i-1] != '-' && goldenCode[i-1] != goldenCode[i] {
			check(goldenCode[:i-1] + string(goldenCode[i]) + string(goldenCode[i-1]) + goldenCode[i+1:])
		}
	}
	for what, typed := range map[string]string{
		"nothing": "", "cut off": goldenCode[:40], "one more": goldenCode + "0", "a u": "u" + goldenCode[1:], "an umlaut": "ä" + goldenCode[2:],
		"very long": strings.Repeat("0", 1<<20),
	} {
		_, err := parseRecovery(typed)
		wantCode(t, what, err, fault.BadPassphrase)
	}
	_, err := RecoveryCredential(goldenCode[:len(goldenCode)-1]+"0", LeastCost.NewStretch())
	wantCode(t, "a credential of a mistyped code", err, fault.BadPassphrase)
}

func FuzzParseRecovery(f *testing.F) {
	f.Add(goldenCode)
	f.Add("")
	f.Fuzz(func(t *testing.T, typed string) {
		secret, err := parseRecovery(typed)
		if err == nil && len(secret) != recoverySize {
			t.Errorf("a code of %d bytes", len(secret))
		}
		if err == nil {
			if again, err := parseRecovery(formatRecovery(secret)); err != nil || !bytes.Equal(again, secret) {
				t.Errorf("%q: %v", typed, err)
			}
		}
	})
}
