package account

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// No way of printing what holds secrets, and no error, shows one.
func TestSecretsNeverShow(t *testing.T) {
	c := must[*Credential](t)(byPassphrase())
	o := must[*Opened](t)(golden(t).Open(c))
	holder := struct {
		c     *Credential
		value Credential
		any   any
		o     *Opened
		list  []*Credential
	}{c, *c, c, o, []*Credential{c}}
	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b"} {
		for _, value := range []any{c, *c, o, *o, holder, &holder, o.Vault(), []any{c, o}, map[string]any{"c": c, "o": *o}} {
			texts = append(texts, fmt.Sprintf(verb, value))
		}
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "c", c, "o", o, "value", *c, "holder", holder)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "c", c, "o", o, "value", *c, "holder", holder)
	encoded, err := json.Marshal(map[string]any{"c": c, "o": o, "value": *c})
	if err != nil {
		t.Fatal(err)
	}
	texts = append(texts, log.String(), string(encoded))
	lock, _ := golden(t).Lock(Recovery)
	_, mistyped := RecoveryCredential(goldenCode[:len(goldenCode)-1]+"0", lock.Stretch)
	_, weak := StretchPassphrase(passphrase, Stretch{})
	_, _, short := LeastCost.NewVault(joe, identityOf(t, 1), "s3cret")
	for _, err := range []error{mistyped, weak, short} {
		if err == nil {
			t.Fatal("there is no error")
		}
		texts = append(texts, fmt.Sprintf("%v %+v %#v", err, err, err))
	}
	secrets := map[string][]byte{
		"login seed": c.login.Seed(), "wrap key": c.wrap(), "totp key": c.totp(), "vault key": o.vaultKey(),
		"signing seed": o.Newest().Signing.Seed(), "read seed": o.Newest().Read.Seed(),
		"passphrase": []byte("correct horse"), "code": []byte(goldenCode), "short": []byte("s3cret"),
	}
	for _, text := range texts {
		for what, secret := range secrets {
			part := secret[:6]
			for _, form := range []string{string(part), hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)), strings.Trim(fmt.Sprint(part), "[]"), strings.Trim(fmt.Sprintf("%o", part), "[]")} {
				if strings.Contains(text, form) {
					t.Errorf("the %s shows in: %.200s", what, text)
				}
			}
		}
	}
}
