package authserver

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/fault"
)

// TestLogOfRefusals proves that the log says in words, as text and as JSON alike,
// who was refused from where and with what, and nothing that is secret.
func TestLogOfRefusals(t *testing.T) {
	w, app := withTOTP(t)
	alice := cast()["alice"]
	for _, isJSON := range []bool{false, true} {
		var out bytes.Buffer
		w.service.log = hclog.New(&hclog.LoggerOptions{Output: &out, JSONFormat: isJSON})
		p := w.connect()
		_, err := p.send(p.loginRequest(alice.name, cast()["bob"].passphrase))
		wantCode(t, "a false passphrase", err, fault.LoginFailed)
		_, err = p.send(p.loginRequest(alice.name, cast()["bob"].recovery))
		wantCode(t, "a false recovery code", err, fault.LoginFailed)
		_, err = p.loginWithCode(alice, "271828")
		wantCode(t, "a false code", err, fault.LoginFailed)
		w.pass(time.Hour)
		_, err = p.loginWithCode(alice, app.at(w.now()))
		check(t, err)
		wantCode(t, "a false code to end codes", p.setTotp(nil, alice.passphrase, "271828"), fault.LoginFailed)
		w.pass(time.Hour)

		want := []string{
			"login refused from=192.0.2.1 name=alice@example.com with=passphrase",
			`login refused from=192.0.2.1 name=alice@example.com with="recovery code"`,
			`login refused from=192.0.2.1 name=alice@example.com with="time-based code"`,
			"time-based code refused from=192.0.2.1 name=alice@example.com",
		}
		log := out.String()
		for _, secret := range []string{"271828", testPassphrase, base64.StdEncoding.EncodeToString(alice.passphrase.TOTPKey())} {
			if strings.Contains(log, secret) {
				t.Errorf("the log has the secret %s: %s", secret, log)
			}
		}
		if got := refusalsOf(t, log, isJSON); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("as JSON %t: the log says %q; want %q", isJSON, got, want)
		}
	}
}

// refusalsOf returns a log's lines as text says them, without time and level.
func refusalsOf(t *testing.T, log string, isJSON bool) (lines []string) {
	t.Helper()
	for line := range strings.Lines(log) {
		if !isJSON {
			_, line, _ = strings.Cut(strings.TrimSpace(line), "[INFO]  ")
			lines = append(lines, strings.Replace(line, ": from", " from", 1))
			continue
		}
		entry := map[string]any{}
		check(t, json.Unmarshal([]byte(line), &entry))
		text := fmt.Sprint(entry["@message"])
		for _, key := range []string{"from", "name", "with"} {
			if value, ok := entry[key]; ok {
				said := fmt.Sprint(value)
				if strings.Contains(said, " ") {
					said = `"` + said + `"`
				}
				text += " " + key + "=" + said
			}
		}
		lines = append(lines, text)
	}
	return lines
}
